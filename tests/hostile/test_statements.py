"""Providers that read statements and mean harm: the file is refused, or a person sees the line."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from tests.clinic import MANAGER
from tests.hostile.conftest import Hostile, Victim
from tp_gateway.contract import MalformedStatement, Recognised, Statement

READING = """
from datetime import date
from tp_gateway.contract import Statement, StatementLine

READ = RECOGNISER = None
LINE = StatementLine(1, date(2026, 1, 1), 100, "AUD", "Transfer")

Acme.manifest = manifest(capabilities=Capabilities(local=True, statements=True))
Acme.read_statement = lambda self, stream, name: READ()
Acme.recogniser = lambda self, references: RECOGNISER()
"""


class Rude(BaseException):
    pass


def raising(error: BaseException) -> Any:
    def call(*_: object) -> Any:
        raise error

    return call


def upload(victim: Victim, read: Any, recogniser: Any = lambda: lambda line: None) -> Any:
    victim.plugin.READ, victim.plugin.RECOGNISER = read, recogniser  # type: ignore[attr-defined]
    headers = {"Content-Type": "text/csv"}
    return victim.post("/api/billing/statements/?filename=a.csv&provider=acme", b"x", as_user=MANAGER, headers=headers)


@pytest.mark.catalogue(99)
def test_what_cannot_be_read_is_a_file_that_is_refused(hostile_on_sqlite: Hostile) -> None:
    victim = hostile_on_sqlite(READING)
    line = victim.plugin.LINE  # type: ignore[attr-defined]
    reads = [
        *(raising(SystemExit(1)), raising(Rude()), raising(MalformedStatement(1, "\ud800"))),
        raising(MalformedStatement(1, "x" * 2_000_000)),
        *(lambda: Statement("Paper", None), lambda: Statement("\ud800", iter([line]))),  # type: ignore[arg-type]
        *(lambda: Statement("x" * 3_000_000, iter([line])), lambda: Statement("Paper", map(raising(Rude()), [1]))),
    ]
    for read in reads:
        refused = upload(victim, read)
        assert refused.status_code == 400 and len(refused.text) < 1000, refused.text[:200]
    assert victim.rows("SELECT 1 FROM statements") == []


@pytest.mark.catalogue(99)
def test_a_recogniser_that_talks_nonsense_leaves_the_line_to_a_person(hostile_on_sqlite: Hostile) -> None:
    victim = hostile_on_sqlite(READING)
    line = victim.plugin.LINE  # type: ignore[attr-defined]
    for recognise in (raising(Rude()), lambda _: Recognised(["x"])):  # type: ignore[arg-type]
        found = upload(victim, lambda: Statement("Paper", iter([line])), lambda recognise=recognise: recognise)
        assert found.status_code == 201
    assert [row.state for row in victim.rows("SELECT state FROM statement_lines")] == ["unmatched"]


@pytest.mark.catalogue(99)
def test_without_a_recogniser_nothing_is_imported_and_the_worker_leaves_the_line(hostile_on_sqlite: Hostile) -> None:
    victim = hostile_on_sqlite(READING)
    line = victim.plugin.LINE  # type: ignore[attr-defined]
    for error in (RuntimeError("x"), SystemExit(1), Rude()):
        assert upload(victim, lambda: Statement("Paper", iter([line])), raising(error)).status_code == 503
    assert victim.rows("SELECT 1 FROM statements") == []
    upload(victim, lambda: Statement("Paper", iter([line])))
    with victim.database.transaction() as session:
        session.execute(sa.text("UPDATE statement_lines SET state = 'new'"))
    victim.plugin.RECOGNISER = raising(Rude())  # type: ignore[attr-defined]
    assert victim.gateway.statements.matching.work() == 0
    assert [row.state for row in victim.rows("SELECT state FROM statement_lines")] == ["new"]
    victim.plugin.RECOGNISER = lambda: lambda line: None  # type: ignore[attr-defined]
    assert victim.gateway.statements.matching.work() == 1
