"""Imports of bank statements that meet each other, die, or are long."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from sandbox.stripe import StripeSandbox
from tests.banking import ACCOUNT, as_file, cba
from tests.clinic import Clinic, manager, sandbox
from tests.invariants import check_invariants
from tp_gateway.errors import GatewayError
from tp_gateway.models import Payment
from tp_gateway.services.facts import Answer
from tp_gateway.services.statements import staging
from tp_gateway.services.statements.facts import Allocation, StatementFacts

ROOT = Path(__file__).parents[2]


class Bank(Clinic):
    def promise(self, cents: int = 18000) -> tuple[int, str]:
        wanted = {"method": "bank_transfer", "method_id": None, "permission": "pay_invoice"}
        paid = self.pay(manager, **wanted, amount=cents, invoice_id=self.invoice(cents).id)
        return paid.id, paid.body["reference"]

    def take_in(self, data: bytes) -> StatementFacts:
        return self.gateway.statements.importing.run(as_file(data), "file.csv", "cli")

    def captured(self) -> list[int]:
        return [row.captured for row in self.rows("SELECT captured FROM payments ORDER BY id")]


@pytest.fixture
def bank(database_url: str, stripe_sandbox: StripeSandbox) -> Iterator[Bank]:
    sandbox(stripe_sandbox.url, "POST", "reset")
    # So many writers at once, on a machine that may be busy, wait longer for SQLite than a payment would.
    made = Bank(database_url, stripe_sandbox.url, **ACCOUNT, **{"tp_gateway.database_busy_seconds": "30"})
    made.open()
    yield made
    try:
        check_invariants(made.database.engine, made.books(), at_rest=False)
    finally:
        made.close()


def at_once(*calls: Any) -> list[Any]:
    ready = threading.Barrier(len(calls))

    def start(call: Any) -> Any:
        ready.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as threads:
        return [one.result() for one in [threads.submit(start, call) for call in calls]]


@pytest.mark.catalogue(94)
def test_overlapping_files_at_the_same_time(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also one that is written from the newest to the oldest, so that two wait for each other's lines."""
    monkeypatch.setattr(staging, "BATCH", 20)
    references = [bank.promise()[1] for _ in range(12)]
    rows = cba([(18000, one) for one in references] + [(n + 1, f"other {n}") for n in range(108)]).splitlines(
        keepends=True
    )
    forwards, backwards, part = b"".join(rows), b"".join(reversed(rows)), b"".join(rows[60:])
    work = bank.gateway.statements.matching.work
    found = at_once(*(lambda d=data: bank.take_in(d) for data in (forwards, backwards, forwards, part)), work, work)
    assert sum(one.added for one in found[:4]) == 120
    assert bank.rows("SELECT count(*) FROM statement_lines")[0][0] == 120
    assert bank.captured() == [18000] * 12


def test_staff_who_match_a_line_at_the_same_time(bank: Bank) -> None:
    payments = [bank.promise()[0] for _ in range(4)]
    bank.take_in(cba([(18000, "Transfer")]))

    def match(payment_id: int) -> str:
        part = Allocation(Decimal("180.00"), payment_id=payment_id)
        try:
            bank.gateway.statements.allocating.match(manager, 1, [part], lambda _: Answer(200, "{}"), None)
        except GatewayError as error:
            return error.code
        return "done"

    found = at_once(*(lambda p=payment: match(p) for payment in payments))
    assert sorted(found) == ["done", *["validation_error"] * 3]
    assert sorted(bank.captured()) == [0, 0, 0, 18000]


class Died(BaseException):
    """As if the process had been killed."""


@pytest.mark.parametrize("survives", [0, 1, 3])
def test_the_same_file_again_finishes_what_died(bank: Bank, monkeypatch: pytest.MonkeyPatch, survives: int) -> None:
    references = [bank.promise()[1] for _ in range(3)]
    rows = [(-1, "fee"), *((18000, one) for one in references), *((n + 1, f"other {n}") for n in range(26))]
    left, write = [survives], staging.Staging._write

    def dies(self: Any, *arguments: Any, **more: Any) -> None:
        if not left[0]:
            raise Died
        left[0] -= 1
        write(self, *arguments, **more)

    with monkeypatch.context() as patched:
        patched.setattr(staging, "BATCH", 5)
        patched.setattr(staging.Staging, "_write", dies)
        with pytest.raises(Died):
            bank.take_in(cba(rows))
    assert bank.rows("SELECT count(*) FROM statement_lines")[0][0] == 5 * survives
    assert bank.captured() == [0, 0, 0], "what is put in is not applied by an import that died"
    assert bank.gateway.statements.matching.work() == min(3, 5 * survives - 1 if survives else 0)
    again = bank.take_in(cba(rows))
    assert (again.added, again.lines) == (30 - 5 * survives, 30)
    assert bank.captured() == [18000] * 3


def test_an_import_that_stands_still_has_died(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(staging.Staging, "add", lambda *_: (_ for _ in ()).throw(Died()))
        with pytest.raises(Died):
            bank.take_in(cba([(1, "x")]))
    [found] = bank.gateway.statements.reading.statements()
    assert (found.state, found.added) == ("importing", 0)
    bank.gateway.statements.matching.work()
    assert bank.gateway.statements.reading.statement(found.id).state == "importing", "it may be at work"
    with bank.database.transaction() as session:
        session.execute(sa.text("UPDATE statements SET touched_at = imported_at"))
    later = bank.gateway.statements.matching
    monkeypatch.setattr(later, "_clock", lambda: bank.gateway.clock().replace(year=2100))
    later.work()
    assert bank.gateway.statements.reading.statement(found.id).state == "interrupted"


def test_a_line_that_cannot_be_applied_holds_nobody_up(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = bank.promise(), bank.promise()
    matching = bank.gateway.statements.matching
    decide = type(matching)._decide

    def sometimes(self: Any, session: Any, row: Any, *more: Any) -> Any:
        if first[1] in row.description:
            raise RuntimeError("a fault of ours")
        return decide(self, session, row, *more)

    with monkeypatch.context() as patched:
        patched.setattr(type(matching), "_decide", sometimes)
        found = bank.take_in(cba([(18000, first[1]), (18000, second[1])]))
    assert found.counts == {"new": 1, "matched": 1} and bank.captured() == [0, 18000]
    assert matching.work() == 1 and bank.captured() == [18000, 18000]


def test_a_line_that_another_process_has_applied(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the moment at which this one has read it and its own turn."""
    reference = bank.promise()[1]
    matching = bank.gateway.statements.matching
    with monkeypatch.context() as patched:
        patched.setattr(type(matching), "apply_new", lambda *_: 0)
        bank.take_in(cba([(18000, reference)]))
    recogniser, others = type(matching).recogniser, [1]

    def meanwhile(self: Any, provider: Any) -> Any:
        if others:
            others.clear()
            assert self.apply_new(provider.slug) == 1
        return recogniser(self, provider)

    monkeypatch.setattr(type(matching), "recogniser", meanwhile)
    assert matching.work() == 0 and bank.captured() == [18000]


def test_what_the_books_have_already_is_not_settled_again(bank: Bank) -> None:
    """The tables of statements were lost (a migration down and up again), the books were not."""
    data = cba([(18000, bank.promise()[1])])
    bank.take_in(data)
    before = bank.rows("SELECT * FROM statements"), bank.rows("SELECT * FROM statement_lines")
    with bank.database.transaction() as session:
        kept = session.execute(sa.text("SELECT * FROM statement_matches")).mappings().one()
        for table in ("statement_matches", "statement_lines", "statements"):
            session.execute(sa.text(f"DELETE FROM {table}"))
    assert bank.take_in(data).counts == {"suggested": 1}
    [line] = bank.gateway.statements.reading.lines()
    assert "already" in line.why and bank.captured() == [18000] and all(before)
    part = Allocation(Decimal("180.00"), payment_id=1)
    with pytest.raises(GatewayError) as refused:
        bank.gateway.statements.allocating.match(manager, line.id, [part], lambda _: Answer(200, ""), None)
    assert refused.value.code == "not_payable"
    with bank.database.transaction() as session:  # as a person would put it right
        columns = ("payment_id", "amount", "layer", "made_by", "made_at")
        names = ", ".join(columns)
        values = ", ".join(f":{name}" for name in columns)
        statement = sa.text(f"INSERT INTO statement_matches (line_id, {names}) VALUES (:line, {values})")
        session.execute(statement, {"line": line.id, **{name: kept[name] for name in columns}})
        session.execute(sa.text("UPDATE statement_lines SET state = 'matched'"))


@pytest.mark.parametrize(("days", "expected"), [(399, 18000), (401, 0)])
def test_a_transfer_is_recognised_for_400_days(bank: Bank, days: int, expected: int) -> None:
    """Of one that has ended; one that is still waited for is recognised for ever."""
    ended, waiting = bank.promise(), bank.promise()
    bank.gateway.payments.cancel(manager, ended[0])
    old = bank.gateway.clock() - timedelta(days=days)
    with bank.database.transaction() as session:
        session.execute(sa.update(Payment).values(created_at=old))
    bank.take_in(cba([(18000, ended[1]), (18000, waiting[1])]))
    assert bank.captured() == [expected, 18000]


def test_lines_are_put_in_by_batches(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    """Payments get their turn in between: no transaction holds more than one batch."""
    sizes, write = [], staging.Staging._write

    def counted(self: Any, *arguments: Any, **more: Any) -> None:
        sizes.append(len(self._rows))
        write(self, *arguments, **more)

    monkeypatch.setattr(staging.Staging, "_write", counted)
    dice = random.Random(1)
    bank.take_in(cba([(dice.randrange(1, 99), f"Transfer {number}") for number in range(2500)]))
    assert sizes == [1000, 1000, 500]
