"""The keys of what is encrypted at rest are changed while payments go on; nothing is ever unreadable."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from sandbox.stripe import StripeSandbox
from tests.clinic import PATIENT, Clinic, Key, sandbox, settings
from tests.invariants import check_invariants
from tp_gateway import cli, config, make_gateway
from tp_gateway.crypto import Vault
from tp_gateway.database import Database
from tp_gateway.errors import ConfigurationError
from tp_gateway.models import PaymentMethod
from tp_gateway.services import rotation

pytestmark = pytest.mark.catalogue(86)

OLD, NEW, STRANGE = (base64.urlsafe_b64encode(name * 8).decode() for name in (b"old-", b"new-", b"odd-"))
KEYS = "tp_gateway.encryption_keys"


def opened_with(keys: str, database_url: str, sandbox_url: str) -> Clinic:
    return Clinic(database_url, sandbox_url, **{KEYS: keys})


@pytest.fixture
def urls(database_url: str, stripe_sandbox: StripeSandbox) -> Iterator[tuple[str, str]]:
    sandbox(stripe_sandbox.url, "POST", "reset")
    yield database_url, stripe_sandbox.url


def accounts(clinic: Clinic, count: int, vault: Vault) -> None:
    """Bank accounts as patients have saved them over the years."""
    row = {"user_id": PATIENT, "kind": "bank_account", "details": {}, "is_default": False}
    rows = [
        {**row, "account_sealed": vault.seal(f"account {number}"), "created_at": datetime.now(UTC)}
        for number in range(count)
    ]
    with clinic.database.transaction() as session:
        session.execute(sa.insert(PaymentMethod.__table__), rows)


def sealed(database: Database) -> list[str]:
    with database.read() as session:
        found = [session.execute(sa.select(column).where(column.is_not(None))).scalars() for column in rotation.SEALED]
        return [text for values in found for text in values]


def key(number: int) -> Key:
    return Key(user_id=PATIENT, route="payments", key=f"k{number}", body_hash="a")


@pytest.mark.parametrize(
    "rows", [pytest.param(1200, id="short"), pytest.param(100_000, id="full", marks=pytest.mark.soak)]
)
def test_everything_is_sealed_anew_while_payments_go_on(urls: tuple[str, str], rows: int) -> None:
    before = opened_with(OLD, *urls).open()
    accounts(before, rows, Vault([OLD]))
    first = before.pay(key=key(0), appointment_id=before.appointment(900_000))
    before.close()
    clinic = opened_with(f"{NEW} {OLD}", *urls)
    over, paid = threading.Event(), list[Any]()

    def pay_on() -> None:
        number = 1
        while not over.is_set() or number < 10:
            clinic.appointment(number)
            paid.append(clinic.pay(key=key(number), appointment_id=number))
            again = clinic.pay(key=key(number), appointment_id=number)
            assert (again.text, again.replayed) == (paid[-1].text, True)
            waiting = {"appointment_id": clinic.appointment(1_000_000 + number)}
            clinic.pay(**waiting, method_id="pm_card_authenticationRequired")
            number += 1

    with ThreadPoolExecutor(1) as pool:
        paying = pool.submit(pay_on)
        renewed = rotation.renew(clinic.database, Vault([NEW, OLD]))
        over.set()
        paying.result()
    assert renewed > rows
    clinic.close()
    newest = Vault([NEW])
    after = opened_with(NEW, *urls)
    assert all(newest.open(text) for text in sealed(after.database))
    assert rotation.renew(after.database, newest) == 0, "nothing is left to do"
    again = after.pay(key=key(0), appointment_id=900_000)
    assert (again.text, again.replayed) == (first.text, True)
    check_invariants(after.database.engine, after.books(), at_rest=False)
    after.close()


@pytest.mark.parametrize("keys", [STRANGE, f"{STRANGE} {NEW}"])
def test_with_a_key_missing_nothing_starts(urls: tuple[str, str], keys: str) -> None:
    clinic = opened_with(OLD, *urls).open()
    clinic.pay(key=key(0), appointment_id=clinic.appointment(1))
    clinic.close()
    with pytest.raises(ConfigurationError, match="encryption_keys") as refusal:
        make_gateway(config.load(settings(*urls, **{KEYS: keys}), {}))
    assert not [word for word in keys.split() if word in str(refusal.value)]
    database = Database(urls[0])
    with pytest.raises(ConfigurationError, match="another key"):
        rotation.renew(database, Vault(keys.split()))
    assert all(Vault([OLD]).open(text) for text in sealed(database)), "and nothing was changed"
    database.dispose()


def test_the_command_says_what_it_did(urls: tuple[str, str], tmp_path: Path, capsys: Any) -> None:
    clinic = opened_with(OLD, *urls).open()
    accounts(clinic, 3, Vault([OLD]))
    clinic.close()
    ini = tmp_path / "gateway.ini"
    lines = {**settings(*urls), KEYS: f"{NEW} {OLD}"}
    text = "\n".join(f"{name} = {value}" for name, value in lines.items()).replace("%", "%%")
    ini.write_text(f"[app:main]\nuse = egg:tp-gateway\n{text}\n")
    for count in (3, 0):
        assert cli.main(["-c", str(ini), "keys", "rotate"]) == 0
        assert capsys.readouterr().out.startswith(f"{count} values")
