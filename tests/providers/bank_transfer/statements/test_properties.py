"""What holds of any statement: what a bank writes is what we read, nothing but a refusal comes out of nonsense, and
memory does not grow with the file."""

from __future__ import annotations

import csv
import io
import tracemalloc
from collections.abc import Callable
from datetime import date
from itertools import chain, repeat
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.properties.profiles import fixed
from tests.providers.bank_transfer.statements.samples import EACH, OFX_XML, lines
from tp_gateway.contract.statements import MalformedStatement, StatementLine
from tp_gateway.providers.bank_transfer.statements import parse

NAB_COLUMNS = (
    "Date,Amount,Account Number,,Transaction Type,Transaction Details,Balance,Category,Merchant Name,Processed On"
)
WESTPAC_COLUMNS = "Bank Account,Date,Narrative,Debit Amount,Credit Amount,Balance,Categories,Serial"

dates = st.dates(date(2000, 1, 1), date(2099, 12, 31))
amounts = st.integers(-(10**12), 10**12).filter(bool)
letters = st.characters(exclude_categories=["C", "Z"])
texts = st.text(letters, min_size=1, max_size=12)
sentences = st.lists(texts, min_size=1, max_size=4).map(" ".join)
digits = st.text("0123456789", min_size=4, max_size=10)


@st.composite
def movements(draw: st.DrawFn) -> StatementLine:
    amount = draw(amounts)
    return StatementLine(
        0,
        draw(dates),
        amount,
        "AUD",
        draw(sentences),
        draw(digits),
        draw(st.integers(-(10**12), 10**12)),
        draw(texts),
        draw(sentences) if amount > 0 else "",
    )


def money(amount: int) -> str:
    sign, whole, decimals = "-" if amount < 0 else "", abs(amount) // 100, abs(amount) % 100
    return f"{sign}{whole}.{decimals:02}"


def slashes(day: date) -> str:
    return f"{day.day:02}/{day.month:02}/{day.year:04}"


def as_cba(line: StatementLine) -> list[str]:
    return [slashes(line.booked_on), money(line.amount), line.description, money(line.balance or 0)]


def as_anz(line: StatementLine) -> list[str]:
    return [slashes(line.booked_on), money(line.amount), line.description, line.reference, line.payer, "", "", ""]


def as_nab(line: StatementLine) -> list[str]:
    day = line.booked_on.strftime("%d %B %Y")
    balance = money(line.balance or 0)
    return [day, money(line.amount), line.account, "", "", line.description, balance, "Fees", "", ""]


def as_westpac(line: StatementLine) -> list[str]:
    unsigned = money(abs(line.amount))
    sides = [unsigned, ""] if line.amount < 0 else ["", unsigned]
    day, balance = slashes(line.booked_on), money(line.balance or 0)
    return [line.account, day, line.description, *sides, balance, "DEP", line.reference]


Row = Callable[[StatementLine], list[str]]
Told = Callable[[StatementLine, int], StatementLine]


def only(*kept: str, after: int = 0) -> Told:
    """What a profile can say of a movement, and where it stands then."""

    def told(line: StatementLine, number: int) -> StatementLine:
        more = {name: getattr(line, name) for name in kept}
        return StatementLine(number + after, line.booked_on, line.amount, line.currency, line.description, **more)

    return told


PROFILES: dict[str, tuple[str, Row, Told]] = {
    "CBA CSV": ("", as_cba, only("balance")),
    "ANZ CSV": ("", as_anz, only("reference", "payer")),
    "NAB CSV": (NAB_COLUMNS + "\n", as_nab, only("account", "balance", after=1)),
    "Westpac CSV": (WESTPAC_COLUMNS + "\n", as_westpac, only("account", "balance", "reference", after=1)),
}


@pytest.mark.parametrize("name", PROFILES)
@fixed(60)
@given(
    written=st.lists(movements(), min_size=1, max_size=8),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    end=st.sampled_from(["\n", "\r\n"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig"]),
)
def test_what_was_written_is_read(
    name: str, written: list[StatementLine], quoting: int, end: str, encoding: str
) -> None:
    header, row, told = PROFILES[name]
    file = io.StringIO()
    rows = csv.writer(file, quoting=quoting, lineterminator=end)
    rows.writerows(row(line) for line in written)
    statement = parse(io.BytesIO((header + file.getvalue()).encode(encoding)), None)
    assert statement.format == name
    assert list(statement.lines) == [told(line, number) for number, line in enumerate(written, 1)]


@pytest.mark.parametrize("content", [*EACH.values(), OFX_XML], ids=[*EACH, "OFX, XML"])
@fixed(150)
@given(data=st.data())
def test_nonsense_is_refused_and_nothing_else_happens(content: bytes, data: st.DataObject) -> None:
    changed = bytearray(content)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(changed) - 1))
        length = data.draw(st.integers(0, 6))
        changed[at : at + length] = data.draw(
            st.binary(max_size=4) | st.sampled_from([b"\n", b'"', b",", b"<", b":61:"])
        )
        if not changed:
            return
    try:
        read = lines(bytes(changed))
    except MalformedStatement as refusal:
        assert 0 <= refusal.line <= changed.count(b"\n") + 1
    else:
        assert all(line.amount and 0 < line.line <= changed.count(b"\n") + 1 for line in read)


class Generated(io.RawIOBase):
    """A file that is never in memory: a head, `count` times the same, and a tail."""

    def __init__(self, head: bytes, again: bytes, count: int, tail: bytes) -> None:
        self._parts = chain([head], repeat(again, count), [tail])
        self._rest = b""

    def read(self, size: int = -1) -> bytes:
        while len(self._rest) < size and (part := next(self._parts, None)) is not None:
            self._rest += part
        found, self._rest = self._rest[:size], self._rest[size:]
        return found


# What is repeated: from the first up to the second.
REPEATED = {
    "OFX": (b"<STMTTRN>", b"</BANKTRANLIST>"),
    "MT940": (b":61:26041004", b":62F:"),
    "CAMT.053": (b"<Ntry>", b"</Stmt>"),
}


def peak(name: str, times: int) -> int:
    """Most bytes at any moment while a file is read whose movements come `times` times."""
    content = EACH[name]
    if name in REPEATED:
        start, end = map(content.index, REPEATED[name])
    else:
        start, end = content.index(b"\n") + 1, content.index(b"\n", content.index(b"\n") + 1) + 1
    file = Generated(content[:start], content[start:end], times, content[end:])
    statement = parse(cast(io.BytesIO, file), None)
    tracemalloc.start()
    for _ in statement.lines:
        pass
    found = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return found


@pytest.mark.parametrize("name", EACH)
def test_memory_does_not_grow_with_the_file(name: str) -> None:
    times = 1_000 if name in REPEATED else 5_000  # several blocks
    few, many = peak(name, times), peak(name, 3 * times)
    assert many < few + 100_000
    assert many < 1_000_000
