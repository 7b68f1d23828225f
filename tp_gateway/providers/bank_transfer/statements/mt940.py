"""SWIFT MT940 statements, one field at a time through the library mt-940. The library reads whole files into memory,
passes over what it does not understand, moves 30 February to the 28th and logs the lines that it cannot read; so the
file is cut into its fields here, it only sees what one field or movement says, and its log is shut.

SWIFT's "Category 9 message reference guide", MT940. `:61:` has the amount and the dates (the entry date, or else the
value date), the customer's reference and the bank's; `:86:` right after it is the description.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import mt940
from mt940.models import Transactions

from tp_gateway.contract.statements import MalformedStatement, StatementLine
from tp_gateway.providers.bank_transfer.statements.cells import (
    Unreadable,
    calendar_date,
    decimals_of,
    minor_units,
    words,
)
from tp_gateway.providers.bank_transfer.statements.source import Source

# It quotes what it cannot read, and that is somebody's account.
logging.getLogger("mt940").setLevel(logging.CRITICAL + 1)

_FIELD = re.compile(r":(13D|20|21|25P?|28C?|34F|60[FM]|61|62[FM]|64|65|86|90[CD]|NS):")
_ENVELOPE = re.compile(r"\{[1-5]:|-}|-$")
_LONGEST_FIELD = 10_000
# Without the library's own steps that correct a date and copy :20: into each movement.
_PROCESSORS: dict[str, list[Any]] = {"pre_statement": [], "post_statement": []}
_TYPE = re.compile(r"[NFS][A-Z0-9]{3}")
_NO_REFERENCE = ("NONREF", "")


def read(source: Source) -> Iterator[StatementLine]:
    """The movements of all statements in a file. MalformedStatement at the first that makes no sense, and where a
    statement has no closing balance: the file was cut off."""
    statement, account = _new(), ""
    start, movement, is_open = 0, "", False
    for line, tag, text in _fields(source):
        if movement and tag != "86":
            yield from _movement(statement, movement, start, account)
            movement = ""
        if tag == "20":
            if is_open:
                raise MalformedStatement(line, "a statement begins before the closing balance of the one before")
            statement, account, is_open = _new(), "", True
        elif tag in ("25", "25P"):
            account = words(text.split(":", 2)[2])
        elif tag in ("60F", "60M"):
            _give(statement, text, line)
        elif tag == "61":
            start, movement = line, text
        elif tag == "86" and movement:
            yield from _movement(statement, f"{movement}\n{text}", start, account)
            movement = ""
        elif tag in ("62F", "62M"):
            _give(statement, text, line)
            is_open = False
    if is_open or movement:
        raise MalformedStatement(0, "the file ends before the closing balance")


def _new() -> Transactions:
    return Transactions(_PROCESSORS, options=mt940.Options.all())


def _fields(source: Source) -> Iterator[tuple[int, str, str]]:
    """(line, tag, text with the tag) of each field. A bank's own lines before the first are passed over, SWIFT's
    envelope (`{1:…}`) and the end of a message (`-`, `-}`) too."""
    start, tag, text = 0, "", ""
    for number, raw in enumerate(source.lines(), 1):
        line = raw.rstrip()
        field = _FIELD.match(line)
        if field or _ENVELOPE.match(line):
            if tag:
                yield start, tag, text
            start, tag, text = (number, field[1], line) if field else (number, "", "")
        elif tag:
            if line.startswith(":"):  # SWIFT forbids it: a tag that is none, and a movement would go unseen
                raise MalformedStatement(number, "the line begins no field that MT940 has")
            text = f"{text}\n{line}"
            if len(text) > _LONGEST_FIELD:
                raise MalformedStatement(start, "the field is too long")
        elif line and start:
            raise MalformedStatement(number, "the line belongs to no field")
    if tag:
        yield start, tag, text


def _give(statement: Transactions, text: str, line: int) -> dict[str, Any]:
    """What the library reads in one field, or one movement with its details."""
    try:
        movements = statement.parse(text)
        found = movements[0].data if movements else {}
        movements.clear()
    except (ArithmeticError, RuntimeError, ValueError):
        raise MalformedStatement(line, "the field is not as MT940 has it") from None
    return found


def _movement(statement: Transactions, text: str, line: int, account: str) -> Iterator[StatementLine]:
    found = _give(statement, text, line)
    # Without its type of transaction (`NTRF`) right behind the amount, the amount was not read to its end. The library
    # takes any letter for the beginning of one, also the `e` of `1e3`.
    if not _TYPE.match(found.get("id") or "") or not isinstance(currency := statement.currency, str):
        raise MalformedStatement(line, "the movement is not as MT940 has it, or has no opening balance before it")
    value: Decimal = found["amount"].amount
    day: date = found.get("entry_date") or found["date"]
    try:
        amount = minor_units(f"{value:f}", decimals_of(currency))
        booked_on = calendar_date(day.year, day.month, day.day)
    except Unreadable as error:
        raise MalformedStatement(line, str(error)) from None
    # The library takes the subfields of a structured :86: ("?20", "?32") apart; most are plain text.
    details = [found.get(key) for key in ("transaction_details", "posting_text", "purpose")]
    reference = words(found.get("end_to_end_reference") or found.get("customer_reference"))
    # A reversal carries the reference of what it reverses; as this movement's own it would pay for that again.
    is_reversal = str(found["status"]).upper().startswith("R")
    if amount:
        yield StatementLine(
            line,
            booked_on,
            amount,
            currency,
            words("REVERSAL" if is_reversal else None, found.get("extra_details"), *details),
            account,
            reference="" if is_reversal or reference in _NO_REFERENCE else reference,
            payer=words(found.get("applicant_name")) if amount > 0 and not is_reversal else "",
            bank_id=words(found.get("bank_reference")),
        )
