"""Journals for accounting software: days of the clinic's calendar, accounts of the clinic's chart, files as they must
be."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.store.rows import fill, insert
from tp_gateway.cli import main
from tp_gateway.database import Database
from tp_gateway.errors import ConfigurationError
from tp_gateway.schema import upgrade
from tp_gateway.services.accounting import WRITERS, Journal, JournalLine, make_chart, read_period
from tp_gateway.services.accounting.xero_and_myob import text_cell

ROOT = Path(__file__).parents[2]
SYDNEY = ZoneInfo("Australia/Sydney")
# Clocks go back on 6 April 2025 (25 hours) and forward on 5 October (23 hours).
MOMENTS = {
    "2025-04-05T12:59:59": date(2025, 4, 5),
    "2025-04-05T13:00:00": date(2025, 4, 6),
    "2025-04-06T13:59:59": date(2025, 4, 6),
    "2025-04-06T14:00:00": date(2025, 4, 7),
    "2025-10-04T13:59:59": date(2025, 10, 4),
    "2025-10-04T14:00:00": date(2025, 10, 5),
    "2025-10-05T12:59:59": date(2025, 10, 5),
    "2025-10-05T13:00:00": date(2025, 10, 6),
}


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    made = Database(database_url)
    with made.transaction() as session:
        fill(session, ("users", "appointments", "payables", "invoices", "payments", "disputes"))
        for number, text in enumerate(MOMENTS):
            at = datetime.fromisoformat(text).replace(tzinfo=UTC)
            insert(session, "ledger_entries", id=number + 1, evidence=f"ch_{number}", amount=10**number, at=at)
    yield made
    made.dispose()


def test_days_are_the_clinics_own_also_when_the_clocks_change(database: Database) -> None:
    found = read_period(database, SYDNEY, date(2025, 1, 1), date(2025, 12, 31), "AUD").journals
    charged = {one.day: sum(line.amount for line in one.lines if line.amount > 0) for one in found}
    expected: dict[date, int] = {}
    for number, day in enumerate(MOMENTS.values()):
        expected[day] = expected.get(day, 0) + 10**number
    assert charged == expected


@pytest.mark.parametrize("day", sorted(set(MOMENTS.values())))
def test_a_period_of_one_day_has_that_day(database: Database, day: date) -> None:
    [found] = read_period(database, SYDNEY, day, day, "AUD").journals
    assert found.day == day and sum(line.count for line in found.lines) == 2 * list(MOMENTS.values()).count(day)


def journals(days: int, lines: int) -> list[Journal]:
    pair = (JournalLine("clearing:stripe", "charge", 100, 1), JournalLine("receivable", "charge", -100, 1))
    return [Journal(date(2025, 1, day), pair * (lines // 2)) for day in range(1, days + 1)]


def test_xero_takes_300_lines_a_file_and_no_journal_is_torn(database: Database) -> None:
    files = WRITERS["xero"](journals(20, 40), make_chart("xero", (), None, None), "AUD")
    rows = [list(csv.DictReader(io.StringIO(text))) for text in files]
    assert [len(one) for one in rows] == [280, 280, 240]
    days = [{row["*Date"] for row in one} for one in rows]
    assert sum(map(len, days)) == len(set.union(*days)) == 20 and "01/01/2025" in days[0]


@pytest.mark.parametrize("text", ["=1+1", "+61", "-1", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("http://evil")'])
@pytest.mark.parametrize("software", ["xero", "myob"])
def test_no_cell_is_a_formula(text: str, software: str) -> None:
    """Whatever a plugin is called, or an account in the settings."""
    assert text_cell(text) == f"'{text}" and text_cell("plain") == "plain"
    line = [JournalLine("receivable", text, 100, 1), JournalLine("clearing:x", text, -100, 1)]
    chart = make_chart(software, (), text, text)
    [written] = WRITERS[software]([Journal(date(2025, 1, 1), tuple(line))], chart, "AUD")
    cells = [cell for row in csv.reader(io.StringIO(written, newline="")) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "@", "\t", "\r"))]
    assert {cell for cell in cells if cell.startswith("-")} <= {"-1.00"}


@pytest.mark.parametrize(
    ("software", "word"),
    [
        *(("xero", word) for word in ("cash=1", "clearing:=1", "receivable:stripe=1", "receivable", "fees==1+1")),
        *(("xero", word) for word in ("receivable=-1", "receivable=12345678901", "=200")),
        *(("myob", word) for word in ("receivable=200", "receivable=4-100", "receivable=41-000")),
    ],
)
def test_wrong_accounts_are_refused(software: str, word: str) -> None:
    with pytest.raises(ConfigurationError, match=r"accounting\.accounts"):
        make_chart(software, [word], None, None)


def test_an_account_of_one_provider_or_of_all() -> None:
    chart = make_chart("xero", ["clearing=700", "clearing:medicare=701"], "GST on Income", None)
    assert [chart.code(f"clearing:{slug}") for slug in ("stripe", "medicare")] == ["700", "701"]
    assert (chart.tax("receivable"), chart.tax("fees:stripe")) == ("GST on Income", "BAS Excluded")


def run(*arguments: str) -> int:
    return main(["-c", str(ROOT / "development.ini"), *arguments])


def test_the_command_writes_once(database: Database, monkeypatch: Any, tmp_path: Path, capsys: Any) -> None:
    monkeypatch.setenv("DATABASE_URL", database.engine.url.render_as_string(False))
    file = str(tmp_path / "april.csv")
    year = ("export-journal", "--from", "2025-04-06", "--to", "2025-04-30")
    assert run(*year, file) == 0
    told = capsys.readouterr().out
    assert f"{file}: 2 journals, 4 lines, for xero" in told and "clearing:stripe" in told
    assert Path(file).read_bytes().startswith(b"*Narration,*Date,Description,*AccountCode,*TaxRate,*Amount,")
    assert run(*year, file) == 1 and "is there already" in capsys.readouterr().err
    assert run(*year, "--format", "myob", str(tmp_path / "april.txt")) == 0
    assert run("export-journal", "--from", "1999-01-01", "--to", "1999-01-31", str(tmp_path / "none.csv")) == 0
    assert not (tmp_path / "none.csv").exists()
    capsys.readouterr()
    assert run(*year, str(tmp_path / "nowhere" / "a.csv")) == 1 and "No such file" in capsys.readouterr().err
    for wrong in (("--from", "2025-05-01", "--to", "2025-04-30"), (*year[1:], "--currency", "aud")):
        assert run("export-journal", *wrong, str(tmp_path / "b.csv")) == 1
        assert len(capsys.readouterr().err.splitlines()) == 1


def test_the_command_follows_the_calendar_that_an_admin_has_chosen(
    database: Database, monkeypatch: Any, tmp_path: Path, capsys: Any
) -> None:
    monkeypatch.setenv("DATABASE_URL", database.engine.url.render_as_string(False))
    day = ("export-journal", "--from", "2025-04-07", "--to", "2025-04-07")
    assert run(*day, str(tmp_path / "melbourne.csv")) == 0 and "1 journals" in capsys.readouterr().out
    with database.transaction() as session:
        insert(session, "practice_settings", data={"system": {"timezone": "Pacific/Honolulu"}})
    assert run(*day, str(tmp_path / "honolulu.csv")) == 0 and "Nothing moved" in capsys.readouterr().out


@pytest.mark.parametrize("day", ["2025-02-30", "yesterday", ""])
def test_a_day_is_a_day(day: str, capsys: Any) -> None:
    with pytest.raises(SystemExit):
        run("export-journal", "--from", day, "--to", "2025-01-01", "x.csv")
    assert "Traceback" not in capsys.readouterr().err


def test_settings_of_the_chart_are_used(tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    url = f"sqlite:///{tmp_path}/books.sqlite"
    upgrade(url)
    monkeypatch.setenv("DATABASE_URL", url)
    monkeypatch.setenv("TP_GATEWAY_ACCOUNTING_ACCOUNTS", "till=1")
    assert run("export-journal", "--from", "2025-01-01", "--to", "2025-01-31", str(tmp_path / "a.csv")) == 1
    assert "till is none of" in capsys.readouterr().err
