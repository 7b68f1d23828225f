"""What is exported for Xero and MYOB is the ledger, to the cent."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.medicare.conftest import Surgery
from tp_gateway.services.accounting import WRITERS, Chart, Period, make_chart, read_period

SYDNEY = ZoneInfo("Australia/Sydney")
Sums = dict[str, int]


@pytest.fixture
def period(rich: Surgery) -> Period:
    today = rich.gateway.clock().date()
    return read_period(rich.database, SYDNEY, today - timedelta(days=3), today + timedelta(days=3), "AUD")


def cents(text: str) -> int:
    whole, point, part = text.partition(".")
    assert point and len(part) == 2
    return int(whole + part)


def ledger(rich: Surgery, chart: Chart) -> Sums:
    """Code -> debits less credits of the whole ledger, in cents, by SQL of its own."""
    sums: Sums = defaultdict(int)
    for side, sign in (("debit", 1), ("credit", -1)):
        for row in rich.rows(f"SELECT {side} AS account, SUM(amount) AS amount FROM ledger_entries GROUP BY 1"):
            sums[chart.code(row.account)] += sign * int(row.amount)
    return dict(sums)


def test_xero_gets_the_ledger_in_journals_that_balance(rich: Surgery, period: Period) -> None:
    chart = make_chart("xero", ["clearing:medicare=617"], None, None)
    [text] = WRITERS["xero"](period.journals, chart, "AUD")
    sums: Sums = defaultdict(int)
    balances: defaultdict[tuple[str, str], int] = defaultdict(int)
    for row in csv.DictReader(io.StringIO(text)):
        amount = cents(row["*Amount"])
        sums[row["*AccountCode"]] += amount
        balances[row["*Narration"], row["*Date"]] += amount
        taxed = "GST Free Income" if row["*AccountCode"] in ("200", "205") else "BAS Excluded"
        assert row["*TaxRate"] == taxed and not row["TrackingName1"]
    assert balances and not any(balances.values())
    assert dict(sums) == ledger(rich, chart) and sums["617"] and sums["200"] < 0 < sums["615"]


def test_myob_gets_the_same(rich: Surgery, period: Period) -> None:
    chart = make_chart("myob", (), None, None)
    [text] = WRITERS["myob"](period.journals, chart, "AUD")
    first, header, *rows = csv.reader(io.StringIO(text))
    assert first[0] == "{}" and not any(first[1:])
    sums: Sums = defaultdict(int)
    for one in (dict(zip(header, row, strict=True)) for row in rows if any(row)):
        sign = {"Y": -1, "N": 1}[one["Is Credit"]]
        assert cents(one["Amount"]) > 0, "MYOB imports no negative amount"
        assert (one["GST (BAS) Reporting"], one["Tax Amount"]) == ("S", "0.00")
        assert one["Tax Code"] == ("FRE" if one["Account Number"] in ("4-1000", "4-1900") else "N-T")
        sums[one["Account Number"]] += sign * cents(one["Amount"])
    assert dict(sums) == ledger(rich, chart)
    assert sum(not any(row) for row in rows) == len(period.journals) - 1, "an empty record between two journals"


def test_each_journal_balances_and_counts_its_entries(rich: Surgery, period: Period) -> None:
    assert all(sum(line.amount for line in one.lines) == 0 for one in period.journals)
    [row] = rich.rows("SELECT COUNT(*) AS entries FROM ledger_entries")
    assert sum(line.count for one in period.journals for line in one.lines) == 2 * row.entries


def test_nothing_moved_before_the_clinic_was_there(rich: Surgery) -> None:
    assert read_period(rich.database, SYDNEY, date(1999, 1, 1), date(1999, 12, 31), "AUD") == Period((), {})


def test_another_currency_is_told_and_left_out(rich: Surgery, period: Period) -> None:
    today = rich.gateway.clock().date()
    other = read_period(rich.database, SYDNEY, today - timedelta(days=3), today + timedelta(days=3), "NZD")
    [row] = rich.rows("SELECT COUNT(*) AS entries FROM ledger_entries")
    assert (other.journals, other.left_out, period.left_out) == ((), {"AUD": row.entries}, {})
