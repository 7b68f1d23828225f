"""The CSV exports of four Australian banks: what their columns mean. All are in Australian dollars, day first.

Their shapes come from converters that people published for their own exports (for example
github.com/JoeGaebel/bankaus-gnucash-export), not from the banks, who document none; ANZ's has a single source. A row
that moves no money (NAB puts notices there) is no movement and left out.

CBA and ANZ write no header. Four columns with an amount as the fourth are CBA's; three to eight without a balance are
ANZ's. What remains ambiguous: an ANZ export whose first row has four columns and a reference that looks like `12.34`
is taken for CBA's (and refused at the first row that does not); a CBA balance written without cents is taken for ANZ's
reference; and another bank's file of the same shape cannot be told apart.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from tp_gateway.contract.statements import MalformedStatement, StatementLine
from tp_gateway.providers.bank_transfer.statements.cells import Unreadable, cents, day_and_name, day_first, words
from tp_gateway.providers.bank_transfer.statements.source import Source

AUD = "AUD"
_CBA = "date,amount,description,balance"
_NAB = "date,amount,account number,,transaction type,transaction details,balance,category,merchant name,processed on"
_WESTPAC = "bank account,date,narrative,debit amount,credit amount,balance,categories,serial"
_DATE = re.compile(r"\s*[0-9]{1,2}/[0-9]{1,2}/[0-9]{4}\s*")
_AFTER_A_COMMA = re.compile(r"\s*[0-9]{3}(\.[0-9]{2})?\s*")
_MONEY = re.compile(r"\s*[+-]?[0-9,]*\.[0-9]+\s*")

Read = Callable[[int, list[str]], StatementLine | None]


class Profile(NamedTuple):
    """`row` reads one row of `width` columns (least, most). Unreadable when it makes no sense, None when nothing
    moved. `header`: one row of names comes before the first."""

    name: str
    width: tuple[int, int]
    row: Read
    header: bool = False


def recognise(first: list[str]) -> Profile | None:
    """Whose file it is, by its first row."""
    columns = [cell.strip().casefold() for cell in first]
    width = len(columns)
    if columns == _CBA.split(","):  # some tools put it there
        return Profile("CBA CSV", (4, 4), _cba, header=True)
    if width in (9, 10) and columns == _NAB.split(",")[:width]:  # older files end with the merchant
        return Profile("NAB CSV", (width, width), _nab, header=True)
    if 6 <= width <= 8 and columns == _WESTPAC.split(",")[:width]:
        return Profile("Westpac CSV", (width, width), _westpac, header=True)
    if not columns or not _DATE.fullmatch(first[0]):
        return None
    if width == 4 and _MONEY.fullmatch(first[3]):
        return Profile("CBA CSV", (4, 4), _cba)
    if 3 <= width <= 8 and not any(map(_MONEY.fullmatch, first[3:])):
        return Profile("ANZ CSV", (3, 8), _anz)
    return None


def read(source: Source, profile: Profile) -> Iterator[StatementLine]:
    """The movements of a whole file. MalformedStatement at the first row that makes no sense; of a row that spans
    several lines, the first of them."""
    row_of, (least, most) = profile.row, profile.width
    reader = csv.reader(source.lines(), strict=True)
    start = end = 0
    try:
        if profile.header:
            next(filter(None, reader))
            end = reader.line_num
        for row in reader:
            start, end = end + 1, reader.line_num
            if least <= len(row) <= most:
                line = row_of(start, row)
                if line is not None:
                    yield line
            elif row:
                raise MalformedStatement(start, "the number of columns is wrong")
    except Unreadable as error:
        raise MalformedStatement(start, str(error)) from None
    except csv.Error:
        raise MalformedStatement(end + 1, "the quotes or the line's end are wrong") from None


def _cba(line: int, row: list[str]) -> StatementLine | None:
    day, amount, description, balance = row
    booked_on, moved, left = day_first(day), cents(amount), cents(balance)
    return StatementLine(line, booked_on, moved, AUD, " ".join(description.split()), "", left) if moved else None


def _nab(line: int, row: list[str]) -> StatementLine | None:
    """The category (customers change it) and the merchant (whom we paid) are left out, so that the same movement reads
    the same in the next export. "Processed On" may be blank."""
    day, amount, account, blank, kind, details, balance = row[:7]
    if blank.strip():
        raise Unreadable("the column after the account number is not blank")
    booked_on, moved, left = day_and_name(day), cents(amount), cents(balance) if balance.strip() else None
    if not moved:
        return None
    return StatementLine(line, booked_on, moved, AUD, " ".join(f"{kind} {details}".split()), account.strip(), left)


def _westpac(line: int, row: list[str]) -> StatementLine | None:
    """Westpac's and St.George's. The account is BSB and number in one; a spreadsheet that saved it as 3.2E+11 has
    destroyed it."""
    account, day, narrative, debit, credit, balance = row[:6]
    account = account.strip()
    if not (account.isdecimal() and account.isascii()):
        raise Unreadable("the account is not a number")
    booked_on, out, into = day_first(day), _unsigned(debit), _unsigned(credit)
    if out and into:
        raise Unreadable("the row has a debit and a credit")
    if out is None and into is None:
        raise Unreadable("the row has neither a debit nor a credit")
    left = cents(balance) if balance.strip() else None
    moved = (into or 0) - (out or 0)
    serial = " ".join(row[7].split()) if len(row) == 8 else ""
    if not moved:
        return None
    return StatementLine(line, booked_on, moved, AUD, " ".join(narrative.split()), account, left, serial)


def _unsigned(text: str) -> int | None:
    if not text or text.isspace():
        return None
    if "-" in text or "+" in text:
        raise Unreadable("a debit or credit has a sign")
    return cents(text)


def _anz(line: int, row: list[str]) -> StatementLine | None:
    """The fourth column is a reference, the fifth the other party: who paid when money came in."""
    day, amount, description, *more = row
    booked_on, moved = day_first(day), cents(amount)
    if "." not in amount and _AFTER_A_COMMA.fullmatch(description):
        raise Unreadable("an amount is cut at a thousands comma: it needs quotes")
    for cell in more:
        if cell[-3:-2] == "." and _MONEY.fullmatch(cell):
            raise Unreadable("the row has a balance, which rows before it had not")
    reference, party, *rest = (*more, "", "")
    payer = words(party) if moved > 0 else ""
    text = words(description, "" if payer else party, *rest)
    return StatementLine(line, booked_on, moved, AUD, text, "", None, words(reference), payer) if moved else None
