"""Journals as the two programs read them. Dates are day/month/year, amounts have the currency's decimals.

Xero (help.xero.com/nz/ManualJournalsImport, help.xero.com/uk/ManualJournalsImport; the header is that of its template):
lines of one narration and one date are one manual journal; an amount above zero is a debit, below zero a credit; the
tax rate is named in full; at most 300 lines in a file.

MYOB AccountRight, general journal entries (help.myob.com/wiki/x/8YFk): amounts without a sign, beside them whether they
are credits; `S` reports a sale, `P` a purchase; the tax amount is 0 where there is none; an empty record stands between
two journals. The first record is `{}`, as in AccountRight's own exports.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from datetime import date

from tp_gateway import money
from tp_gateway.services.accounting.chart import Chart
from tp_gateway.services.accounting.journals import Journal, JournalLine

Writer = Callable[[Sequence[Journal], Chart, str], list[str]]
"""(journals, chart, currency) -> the contents of one or more files."""
_XERO_LINES = 300
_XERO = ("*Narration", "*Date", "Description", "*AccountCode", "*TaxRate", "*Amount")
_TRACKING = ("TrackingName1", "TrackingOption1", "TrackingName2", "TrackingOption2")
_MYOB = ("Journal Number", "Date", "Memo", "GST (BAS) Reporting", "Inclusive", "Account Number", "Is Credit", "Amount")
_MYOB_MORE = ("Tax Code", "Tax Amount", "Allocation Memo")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""With these a spreadsheet begins to calculate (owasp.org/www-community/attacks/CSV_Injection)."""


def text_cell(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def write_xero(journals: Sequence[Journal], chart: Chart, currency: str) -> list[str]:
    """No journal is torn apart between two files."""
    files: list[list[Sequence[str]]] = [[]]
    for journal in journals:
        if files[-1] and len(files[-1]) + len(journal.lines) > _XERO_LINES:
            files.append([])
        files[-1] += [
            (
                text_cell(_title(journal.day)),
                f"{journal.day:%d/%m/%Y}",
                text_cell(_description(line)),
                chart.code(line.account),
                text_cell(chart.tax(line.account)),
                money.to_decimal_text(line.amount, currency),
                *("" for _ in _TRACKING),
            )
            for line in journal.lines
        ]
    return [_csv([(*_XERO, *_TRACKING), *rows]) for rows in files]


def write_myob(journals: Sequence[Journal], chart: Chart, currency: str) -> list[str]:
    columns = (*_MYOB, *_MYOB_MORE)
    rows: list[Sequence[str]] = [("{}", *("" for _ in columns[1:])), columns]
    for number, journal in enumerate(journals):
        if number:
            rows.append(["" for _ in columns])
        rows += [
            (
                f"TP{journal.day:%y%m%d}",
                f"{journal.day:%d/%m/%Y}",
                text_cell(_title(journal.day)),
                "S",
                "",
                chart.code(line.account),
                "Y" if line.amount < 0 else "N",
                money.to_decimal_text(abs(line.amount), currency),
                text_cell(chart.tax(line.account)),
                money.to_decimal_text(0, currency),
                text_cell(_description(line)),
            )
            for line in journal.lines
        ]
    return [_csv(rows)]


WRITERS: dict[str, Writer] = {"xero": write_xero, "myob": write_myob}


def _title(day: date) -> str:
    return f"TP Gateway {day.isoformat()}"


def _description(line: JournalLine) -> str:
    entries = "1 entry" if line.count == 1 else f"{line.count} entries"
    return f"{line.kind} on {line.account}, {entries}"


def _csv(rows: Iterable[Sequence[str]]) -> str:
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue()
