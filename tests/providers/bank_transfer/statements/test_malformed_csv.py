"""A CSV file is refused at its first bad line, by the line's number and never with what stands there."""

from __future__ import annotations

import io

import pytest

from tests.providers.bank_transfer.statements.samples import ANZ, CBA, NAB, NAB_HEADER, WESTPAC, lines
from tp_gateway.contract.statements import MalformedStatement
from tp_gateway.providers.bank_transfer.statements import parse

SECRET = "SECRET"
GOOD = {"CBA CSV": CBA, "NAB CSV": NAB, "Westpac CSV": WESTPAC, "ANZ CSV": ANZ}
BAD = {
    "CBA CSV": [
        "31/04/2026,5.00,SECRET,1.00",
        "29/02/2026,5.00,SECRET,1.00",
        "04/13/2026,5.00,SECRET,1.00",
        "01/04/0026,5.00,SECRET,1.00",
        "2026-04-01,5.00,SECRET,1.00",
        "01/04/2026,5.001,SECRET,1.00",
        "01/04/2026,NaN,SECRET,1.00",
        "01/04/2026,inf,SECRET,1.00",
        "01/04/2026,1e3,SECRET,1.00",
        "01/04/2026,,SECRET,1.00",
        "01/04/2026,5.,SECRET,1.00",
        "01/04/2026,--5.00,SECRET,1.00",
        "01/04/2026,$5.00,SECRET,1.00",
        "01/04/2026,(5.00),SECRET,1.00",
        "01/04/2026,5_0.00,SECRET,1.00",
        '01/04/2026,"12,34.00",SECRET,1.00',
        "01/04/2026,\u0665.\u0660\u0660,SECRET,1.00",
        "01/04/2026,12345678901234567.00,SECRET,1.00",
        "01/04/2026,5.00,SECRET,",
        "01/04/2026,5.00,SECRET,1.234",
        "01/04/2026,5.00,SECRET",
        "01/04/2026,5.00,SECRET,1.00,",
        "SECRET",
        '01/04/2026,5.00,"SECRET,1.00',
        '01/04/2026,5.00,"SECRET"X,1.00',
        "01/04/2026,5.00,SEC\rRET,1.00",
        "01/04/2026,5.00,SECRET\x00,1.00",
        "01/04/2026,5.00," + "SECRET" * 50_000 + ",1.00",
    ],
    "NAB CSV": [
        "10/04/26,5.00,1,,CREDIT,SECRET,1.00,,,",
        "31 Apr 26,5.00,1,,CREDIT,SECRET,1.00,,,",
        "10 Apx 26,5.00,1,,CREDIT,SECRET,1.00,,,",
        "10 Apr 26,5.00,1,X,CREDIT,SECRET,1.00,,,",
        "10 Apr 26,5.00,1,CREDIT,SECRET,1.00,,,",
        "10 Apr 26,,1,,CREDIT,SECRET,1.00,,,",
        "10 Apr 26,5.00,1,,CREDIT,SECRET,abc,,,",
    ],
    "Westpac CSV": [
        "032157360625,17/07/2026,SECRET,5.00,6.00,1.00,DEP,",
        "032157360625,17/07/2026,SECRET,,,1.00,DEP,",
        "032157360625,17/07/2026,SECRET,-5.00,,1.00,DEP,",
        "032157360625,17/07/2026,SECRET,,+5.00,1.00,DEP,",
        "3.21574E+11,17/07/2026,SECRET,5.00,,1.00,DEP,",
        ",17/07/2026,SECRET,5.00,,1.00,DEP,",
        "032157360625,17/07/2026,SECRET,5.00,,1.00,DEP",
        "032157360625,17/07/26,SECRET,5.00,,1.00,DEP,",
    ],
    "ANZ CSV": [
        "01/04/2026,5.00",
        "01/04/2026,5.00,SECRET,X,,,,,",
        "01/04/2026,5.00,SECRET,1180.00",
        "01/04/2026,5.005,SECRET",
        "32/04/2026,5.00,SECRET",
    ],
}


@pytest.mark.parametrize(("name", "row"), [(name, row) for name, rows in BAD.items() for row in rows])
def test_the_first_bad_line_is_named_and_not_quoted(name: str, row: str) -> None:
    good = GOOD[name]
    with pytest.raises(MalformedStatement) as refusal:
        lines(good + row.encode() + b"\n" + b"and another bad one\n")
    assert refusal.value.line == good.count(b"\n") + 1
    assert SECRET not in str(refusal.value)
    assert len(refusal.value.problem) < 80


def test_lines_before_the_bad_one_have_been_told() -> None:
    statement = parse(io.BytesIO(CBA + b"nonsense\n"), None)
    assert [next(statement.lines).line for _ in range(2)] == [1, 2]
    with pytest.raises(MalformedStatement):
        next(statement.lines)


@pytest.mark.parametrize("content", [NAB_HEADER, NAB_HEADER + b"\r\n\r\n", WESTPAC.split(b"\n", maxsplit=1)[0]])
def test_a_header_alone_is_no_statement(content: bytes) -> None:
    with pytest.raises(MalformedStatement, match=r"^the file has no movements$"):
        lines(content)


def test_zero_amounts_alone_are_no_statement_either() -> None:
    with pytest.raises(MalformedStatement, match="no movements"):
        lines(b"01/04/2026,0.00,PLEASE NOTE,1.00\n")


def test_line_numbers_hold_far_into_a_file() -> None:
    rows = b"01/04/2026,5.00,x,1.00\r\n" * 7_000 + b'\r\n01/04/2026,5.00,"x\r\ny",1.00\r\n'
    read = lines(rows + "01/04/2026,5.00,caf\u00e9,1.00\r\n".encode() * 3_000)
    assert [read[7_000].line, read[7_001].line, read[-1].line] == [7_002, 7_004, 10_003]
    with pytest.raises(MalformedStatement) as refusal:
        lines(rows + "01/04/2026,5.00,caf\u00e9,1.00\r\n".encode() * 3_000 + b"01/04/2026\r\n")
    assert refusal.value.line == 10_004
