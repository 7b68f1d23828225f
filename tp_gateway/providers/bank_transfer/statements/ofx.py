"""OFX and QFX statements, versions 1 (SGML: elements without closing tags) and 2 (XML): their `STMTTRN` blocks, and of
the rest only the currency and the account. A strict reader of that much, and no parser of OFX.

ofx.net, "OFX Banking Specification" (11.4.4, STMTTRN). What we make of a transaction's fields:

* `DTPOSTED`: its date as written. Its time zone is not applied, because banks give their own day's date either way.
* `FITID` is the bank's id. Some leave it out (interest at CommBank), one counts 1, 2, 3 in every file.
* `REFNUM`, or else `CHECKNUM`, is the reference. `NAME` and `MEMO` are the description; `NAME` is not the payer, since
  Australian banks put any text there.
* `CURRENCY` is the currency of the amount where it is not `CURDEF`.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from datetime import date
from itertools import chain
from typing import NamedTuple

from tp_gateway.contract.statements import MalformedStatement, StatementLine
from tp_gateway.providers.bank_transfer.statements.cells import (
    Unreadable,
    calendar_date,
    decimals_of,
    minor_units,
    words,
)
from tp_gateway.providers.bank_transfer.statements.source import LONGEST, Source

_TOKEN = re.compile(rb"<(/?)([A-Za-z0-9._]{1,32})\s*/?>([^<]*)")
_MOST_FIELDS = 100
_START = re.compile(rb"<OFX>", re.IGNORECASE)
_DATE = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})([0-9]{4,6}(\.[0-9]{1,3})?)?(\[[^\]]*\])?")
# The five of XML, the space that HTML editors leave, and characters by number; nothing that a file could declare.
_ENTITY = re.compile(r"&(amp|lt|gt|quot|apos|nbsp|#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6});")


class Token(NamedTuple):
    line: int
    name: str
    closes: bool
    value: bytes


def read(source: Source) -> Iterator[StatementLine]:
    """The transactions of a whole file. MalformedStatement at the first that makes no sense, for anything that is not
    a tag or its text (declarations above all), and for a file that ends before it should."""
    currency, bank, account, ended = "", "", "", False
    fields: dict[str, str] | None = None
    start = 0
    for line, name, closes, value in _tokens(source):
        ended = closes and name == "OFX"
        if name == "STMTTRN":
            if closes is (fields is None):
                raise MalformedStatement(line, "a transaction begins or ends in the middle of another")
            if fields is not None:
                found = _transaction(start, fields, currency, bank + account)
                if found is not None:
                    yield found
            fields, start = None if closes else {}, line
        elif closes:
            continue
        elif fields is not None:
            # What comes twice within one block (NAME within PAYEE) is told by its first.
            if name in ("DTPOSTED", "TRNAMT") and name in fields:
                raise MalformedStatement(line, "a transaction has two dates or amounts")
            if len(fields) > _MOST_FIELDS:
                raise MalformedStatement(start, "a transaction has too many fields")
            fields.setdefault(name, _ENTITY.sub(_character, source.decode(value, line)).strip())
        elif name == "CURDEF":
            currency = source.decode(value, line).strip()
        elif name in ("BANKACCTFROM", "CCACCTFROM"):
            bank = account = ""
        elif name == "BANKID":
            bank = source.decode(value, line).strip()
        elif name == "ACCTID":
            account = source.decode(value, line).strip()
    if fields is not None:
        raise MalformedStatement(start, "a transaction does not end")
    if not ended:
        raise MalformedStatement(0, "the file ends too early")


def _tokens(source: Source) -> Iterator[Token]:
    found = _START.search(source.head)
    if not found or b"<!" in source.head[: found.start()]:
        raise MalformedStatement(1, "the file declares things before its <OFX>, or does not have one")
    line = source.head.count(b"\n", 0, found.start()) + 1
    rest, position = b"", found.start()
    for block in chain(source.blocks(), (b"",)):
        buffer = rest + block
        # The last tag may go on in the next block.
        end = buffer.rfind(b"<") if block else len(buffer)
        while position < end:
            token = _TOKEN.match(buffer, position, end)
            if token is None:
                raise MalformedStatement(line, "the file has something other than OFX's tags and their text")
            yield Token(line, token[2].decode("ascii").upper(), bool(token[1]), token[3])
            line += token[0].count(b"\n")
            position = token.end()
        rest, position = buffer[position:], 0
        if len(rest) > LONGEST:
            raise MalformedStatement(line, "the text is too long")


def _character(entity: re.Match[str]) -> str:
    return html.unescape(entity[0])


def _transaction(line: int, fields: dict[str, str], currency: str, account: str) -> StatementLine | None:
    if "CURRENCY" in fields:
        currency = fields.get("CURSYM", "")
    try:
        amount = minor_units(fields.get("TRNAMT", ""), decimals_of(currency))
        booked_on = _date(fields.get("DTPOSTED", ""))
    except Unreadable as error:
        raise MalformedStatement(line, str(error)) from None
    name, memo = fields.get("NAME", ""), fields.get("MEMO", "")
    reference = words(fields.get("REFNUM") or fields.get("CHECKNUM"))
    # Many banks give the memo's beginning again as the name.
    description = words(memo) if memo.startswith(name) else words(name, memo)
    if not amount:
        return None
    return StatementLine(
        line,
        booked_on,
        amount,
        currency,
        description,
        account,
        reference=reference,
        bank_id=fields.get("FITID", ""),
    )


def _date(text: str) -> date:
    found = _DATE.fullmatch(text)
    if not found:
        raise Unreadable("a date is not YYYYMMDD")
    return calendar_date(int(found[1]), int(found[2]), int(found[3]))
