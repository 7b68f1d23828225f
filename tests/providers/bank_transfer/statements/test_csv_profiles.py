"""The CSV exports of four banks, with what is odd in each."""

from __future__ import annotations

from datetime import date

import pytest

from tests.providers.bank_transfer.statements.samples import ANZ, CBA, NAB, NAB_HEADER, WESTPAC, lines
from tp_gateway.contract.statements import MalformedStatement, StatementLine


def test_cba_has_no_header_and_signs_in_quotes() -> None:
    assert lines(CBA) == [
        StatementLine(1, date(2026, 4, 11), 18000, "AUD", "Transfer from PAYER ONE NetBank TP1234", balance=118000),
        StatementLine(2, date(2026, 4, 10), -1250, "AUD", "Account Fee", balance=100000),
    ]


def test_a_header_that_a_tool_put_on_a_cba_file_is_no_line() -> None:
    assert [line.line for line in lines(b"\nDate,Amount,Description,Balance\n" + CBA)] == [3, 4]


def test_nab_dates_notices_and_blank_columns() -> None:
    assert lines(NAB) == [
        StatementLine(2, date(2026, 4, 10), 18000, "AUD", "INTER-BANK CREDIT PAYER ONE TP1234", "701314870", 118000),
        StatementLine(3, date(2026, 4, 9), -1250, "AUD", "FEES ACCOUNT FEE", "701314870", 100000),
    ]


def test_an_older_nab_file_lacks_the_last_column() -> None:
    older = b"\n".join(line.rpartition(b",")[0] for line in NAB.splitlines())
    assert lines(older) == lines(NAB)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("10 Apr 26", date(2026, 4, 10)),
        ("1 June 2026", date(2026, 6, 1)),
        ("3 Sept. 26", date(2026, 9, 3)),
        ("29 FEBRUARY 28", date(2028, 2, 29)),
    ],
)
def test_months_by_any_name(written: str, meant: date) -> None:
    row = f"\n{written},5.00,1,,CREDIT,X,,,,"
    assert [line.booked_on for line in lines(NAB_HEADER + row.encode())] == [meant]


def test_westpac_debits_and_credits_have_columns_of_their_own() -> None:
    account = "032157360625"
    first = "DEPOSIT-OSKO PAYMENT 2686772 PAYER ONE TP1234"
    assert lines(WESTPAC) == [
        StatementLine(2, date(2026, 7, 17), 61400, "AUD", first, account, 4672914),
        StatementLine(3, date(2026, 7, 16), -5000, "AUD", "WITHDRAWAL, CHEQUE", account, 4611514, "000123"),
    ]


def test_anz_columns_vary() -> None:
    assert lines(ANZ) == [
        StatementLine(
            1, date(2026, 4, 10), 18000, "AUD", "TRANSFER FROM PAYER ONE", reference="TP1234", payer="PAYER ONE"
        ),
        StatementLine(2, date(2026, 4, 9), -1250, "AUD", "ACCOUNT FEE"),
        # Whom we paid is not a payer.
        StatementLine(3, date(2026, 4, 8), -4000, "AUD", "PAYMENT A SUPPLIER", reference="887766"),
    ]


@pytest.mark.parametrize(
    ("written", "cents"),
    [
        ("+0.01", 1),
        ("-.50", -50),
        (".5", 50),
        ("7", 700),
        (" 7.5 ", 750),
        ('"1,234,567.89"', 123456789),
        ('"-1,234"', -123400),
        ("8999999999999.99", 899999999999999),
    ],
)
def test_amounts_are_exact(written: str, cents: int) -> None:
    assert [line.amount for line in lines(f"01/04/2026,{written},x,1.00".encode())] == [cents]


@pytest.mark.parametrize("row", ["01/03/2026,1,234.56,Rent,,", "01/03/2026,-1,234,567.00,Rent", "01/03/2026,12,345"])
def test_an_amount_cut_at_its_comma_is_refused(row: str) -> None:
    with pytest.raises(MalformedStatement, match="thousands comma"):
        lines(ANZ + row.encode() + b"\n")


def test_a_description_may_span_lines() -> None:
    read = lines(b'01/04/2026,5.00,"one\r\n two",1.00\r\n02/04/2026,6.00,three,7.00\r\n')
    assert [(line.line, line.description) for line in read] == [(1, "one two"), (3, "three")]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_encodings_and_line_ends(encoding: str, end: str) -> None:
    rows = ["01/04/2026,5.00,plain,1.00", "02/04/2026,6.00,Zo\u00eb \u2013 caf\u00e9,7.00"]
    content = end.join(rows).encode(encoding)
    assert [line.description for line in lines(content)] == ["plain", "Zo\u00eb \u2013 caf\u00e9"]


def test_one_encoding_for_the_whole_file() -> None:
    rows = ["01/04/2026,5.00,caf\u00e9,1.00\n".encode(), "02/04/2026,6.00,caf\u00e9,7.00\n".encode("cp1252")]
    for content in (b"".join(rows), b"\xef\xbb\xbf" + rows[1]):
        with pytest.raises(MalformedStatement, match="encoding") as refusal:
            lines(content)
        assert refusal.value.line == content.count(b"\n")
    assert lines(rows[1] + rows[0])[1].description == "caf\u00c3\u00a9"
