"""Which format a statement has, from how it begins. A file's name decides nothing: banks call everything `export.csv`,
and people rename."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

from tp_gateway.contract.statements import MalformedStatement, StatementLine
from tp_gateway.providers.bank_transfer.statements.camt053 import read as read_camt053
from tp_gateway.providers.bank_transfer.statements.csv_profiles import read as read_csv
from tp_gateway.providers.bank_transfer.statements.csv_profiles import recognise
from tp_gateway.providers.bank_transfer.statements.mt940 import read as read_mt940
from tp_gateway.providers.bank_transfer.statements.ofx import read as read_ofx
from tp_gateway.providers.bank_transfer.statements.source import Source

_OFX = re.compile(rb"\s*(OFXHEADER\s*:|<OFX>|<\?OFX\b|<\?xml\b[^<]*<\?OFX\b)", re.IGNORECASE)
_CAMT = re.compile(rb"<(\w+:)?Document\b[^>]*\bcamt\.053\.|<(\w+:)?BkToCstmrStmt\b")
# Before the first field some banks put a line or two of their own, or SWIFT's envelope.
_MT940 = re.compile(rb"^:20:", re.MULTILINE)
_PREAMBLE = 1000


class Format(NamedTuple):
    name: str
    read: Callable[[Source], Iterator[StatementLine]]


_UNKNOWN = (
    "no statement that we read: a CSV of CBA, NAB, Westpac/St.George or ANZ, OFX, MT940, CAMT.053, as the bank gave it"
)


def detect(head: bytes) -> Format:
    """By the first block of a file, without its byte-order mark. MalformedStatement when it is none that we read."""
    if not head.strip():
        raise MalformedStatement(0, "the file is empty")
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise MalformedStatement(1, "the file is in UTF-16; save it as UTF-8")
    if _OFX.match(head):
        return Format("OFX", read_ofx)
    if head.lstrip().startswith(b"<"):
        if _CAMT.search(head):
            return Format("CAMT.053", read_camt053)
    elif _MT940.search(head, 0, _PREAMBLE):
        return Format("MT940", read_mt940)
    elif profile := recognise(_first_row(head)):
        return Format(profile.name, partial(read_csv, profile=profile))
    raise MalformedStatement(0, _UNKNOWN)


def _first_row(head: bytes) -> list[str]:
    # Latin-1 reads any bytes. Only the shape matters here; the text is decoded properly later.
    lines = io.StringIO(head.decode("latin-1"), newline="\n")
    try:
        return next(filter(None, csv.reader(lines, strict=True)), [])
    except csv.Error:
        raise MalformedStatement(1, "the quotes or the line's end are wrong") from None
