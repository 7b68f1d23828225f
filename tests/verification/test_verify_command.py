"""`tp-gateway verify`: what it prints, its exit code, and that nobody waits for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.medicare.conftest import Surgery
from tests.store.rows import fill
from tp_gateway.cli import main
from tp_gateway.database import Database
from tp_gateway.models import Counter, table
from tp_gateway.services.snapshots import snapshot
from tp_gateway.services.verification import all_checks

INI = str(Path(__file__).parents[2] / "development.ini")
COUNTER = table(Counter)


@pytest.fixture
def database(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("DATABASE_URL", database_url)
    made = Database(database_url, busy_seconds=2)
    yield made
    made.dispose()


def run(capsys: Any, *arguments: str) -> tuple[int, str, str]:
    code = main(["-c", INI, "verify", *arguments])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def test_a_rich_store_is_verified(rich: Surgery, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setenv("DATABASE_URL", rich.database.engine.url.render_as_string(False))
    code, out, err = run(capsys)
    checks = all_checks(["medicare"])
    assert (code, err) == (0, "") and f"\n0 contradictions in {len(checks)} checks, " in out
    lines = {line.split()[0]: line.split() for line in out.splitlines() if line[:1].isalpha()}
    assert all(lines[one.name][-1] == "-" for one in checks)
    [payments] = rich.rows("SELECT COUNT(*) AS rows FROM payments")
    assert lines["payments-captured"][1] == str(payments.rows)


def test_contradictions_are_told_and_the_exit_code_is_1(database: Database, capsys: Any) -> None:
    with database.transaction() as session:
        fill(session, ("users",))
        rows = [{"name": f"invoice:{year}", "value": 1} for year in (2001, 2002, 2003)]
        session.execute(sa.insert(COUNTER), rows)
    code, out, _ = run(capsys, "--limit", "2")
    assert code == 1 and "\n3 contradictions in " in out
    assert "\ninvoices-numbers: The numbers of each year's invoices run from 001" in out
    assert out.count("and there is no invoice of that year") == 2 and "\n  and 1 more\n" in out


def test_a_store_that_must_not_be_started_with_is_verified_all_the_same(database: Database, capsys: Any) -> None:
    with database.engine.begin() as connection:
        on = "" if connection.dialect.name == "sqlite" else " ON payments"
        connection.exec_driver_sql(f"DROP TRIGGER tr_payments_moved{on}")
    code, out, _ = run(capsys)
    assert code == 1 and "trigger tr_payments_moved is missing" in out


def test_what_cannot_be_read_is_one_line(database: Database, capsys: Any) -> None:
    with database.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE refund_file_items")
    code, _, err = run(capsys)
    assert code == 1 and len(err.splitlines()) == 1 and "cannot be read" in err


def test_a_schema_of_another_version_is_refused(database: Database, capsys: Any) -> None:
    for revision, text in (("0001", "tp-gateway migrate"), ("9999", "newer version")):
        with database.engine.begin() as connection:
            connection.execute(sa.text("UPDATE alembic_version SET version_num = :to"), {"to": revision})
        code, _, err = run(capsys)
        assert code == 1 and text in err


def test_what_is_checked_can_be_read(capsys: Any) -> None:
    code, out, _ = run(capsys, "--list")
    assert code == 0 and len(out.splitlines()) == len(all_checks(()))
    assert "payables-paid: What is paid on each payable is what its entries" in out


@pytest.mark.parametrize("limit", ["0", "-1", "x", "9" * 5000])
def test_a_limit_is_a_number(capsys: Any, limit: str) -> None:
    with pytest.raises(SystemExit):
        run(capsys, f"--limit={limit}")
    assert "Traceback" not in capsys.readouterr().err


def test_others_write_while_it_looks_and_it_sees_one_moment(database: Database) -> None:
    count = sa.select(sa.func.count()).select_from(COUNTER)
    other = Database(database.engine.url.render_as_string(False), busy_seconds=2)
    with snapshot(database) as session:
        assert session.execute(count).scalar_one() == 0
        with other.transaction() as writing:
            writing.execute(sa.insert(COUNTER).values(name="n", value=1))
        assert session.execute(count).scalar_one() == 0, "it sees the moment at which it began"
        with pytest.raises(sa.exc.DBAPIError):
            session.execute(sa.insert(COUNTER).values(name="m", value=1))
    with other.read() as session:
        assert session.execute(count).scalar_one() == 1
    other.dispose()
