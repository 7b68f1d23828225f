"""Medicare numbers, names and items are nobody's business: sealed in the store, masked in answers, absent from the log
and from everything that Stripe is told."""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from sandbox.stripe import StripeSandbox
from tests.api.test_canaries import LOUD
from tests.clinic import MANAGER
from tests.medicare.conftest import CARD, bulk_bill, consent, open_surgery
from tests.medicare.test_over_http import PAY, Desk, bill, desk  # noqa: F401 - the fixture
from tests.medicare.test_patient_claims import asked
from tp_gateway.models import Base

CANARIES = (CARD, "2123 45670 1", "Canaryfamily", "Canarygiven", "1980-02-03", "files/consent", "2426591T")
pytestmark = pytest.mark.catalogue(84)


@pytest.fixture
def loud(desk: Desk) -> Iterator[Desk]:  # noqa: F811
    before = {name: logging.getLogger(name).level for name in (*LOUD, "sqlalchemy.engine")}
    for name in LOUD:
        logging.getLogger(name).setLevel(logging.DEBUG)
    logging.getLogger("sqlalchemy.engine").setLevel(logging.INFO)
    yield desk
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


def everything(desk: Desk) -> list[str]:  # noqa: F811
    """One of each: lodged and paid, refused, broken, waiting for consent, a patient's own claim. Gives the answers."""
    answers = [json.dumps(bill(desk))]
    desk.nights(2)
    desk.session(1)
    desk.rule("refuse", code="9202")
    more = {"appointment_id": 1, "amount": "180.00", "payment_method": "medicare"}
    answers.append(desk.post(PAY, more | bulk_bill()).text)
    desk.session(2)
    desk.rule("garbage", accepted=False)
    answers.append(desk.post(PAY, more | {"appointment_id": 2} | bulk_bill()).text)
    desk.session(3)
    waiting = desk.post(PAY, more | {"appointment_id": 3} | bulk_bill(consent=None)).json
    path = f"{PAY}{waiting['id']}/evidence/"
    answers.append(desk.post(path, {"consent": consent()}, as_user=MANAGER).text)
    wrong = bulk_bill()["patient"] | {"irn": "X", "given_name": ""}
    answers.append(desk.post(PAY, more | bulk_bill(patient=wrong)).text)
    answers.append(desk.post(PAY, b'{"patient": {"medicare_number": "' + CARD.encode()).text)
    desk.session(4)
    paid = desk.pay_by_http(appointment_id=4).json
    answers.append(desk.post(f"{PAY}{paid['id']}/medicare-claim/", asked(item="80100")).text)
    answers.append(desk.get(PAY).text)
    return answers


def test_nothing_of_a_person_is_logged_or_answered(loud: Desk) -> None:
    answers, log = everything(loud), loud.log.getvalue()
    assert "UPDATE payments SET" in log, "the SQL is not echoed"
    for canary in CANARIES:
        assert canary not in log, canary
        for text in answers:
            assert canary not in text or canary == "2426591T", (canary, text)


def test_nothing_of_a_person_lies_in_the_store_as_it_is(desk: Desk) -> None:  # noqa: F811
    everything(desk)
    with desk.database.read() as session:
        for name, table in Base.metadata.tables.items():
            text = "\n".join(str(tuple(row)) for row in session.execute(sa.select(table)))
            for canary in (*CANARIES, "80110", "80100"):
                assert canary not in text, (name, canary)


def test_the_file_itself_has_nothing_of_a_person(
    sqlite_database_url: str, stripe_sandbox: StripeSandbox, medicare_sandbox: str
) -> None:
    surgery = open_surgery(sqlite_database_url, stripe_sandbox.url, medicare_sandbox)
    surgery.bulk_bill(surgery.session())
    surgery.nights(2)
    path = surgery.database.engine.url.database
    assert path is not None
    sqlite3.connect(path).execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with open(path, "rb") as file:
        content = file.read()
    for canary in CANARIES:
        assert canary.encode() not in content, canary
    surgery.close()


def test_stripe_learns_nothing(desk: Desk) -> None:  # noqa: F811
    everything(desk)
    books: Any = json.dumps(desk.books())
    for canary in (*CANARIES, "80110", "80100", "medicare"):
        assert canary not in books, canary
