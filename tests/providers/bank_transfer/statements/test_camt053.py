"""CAMT.053: its versions, its collective entries, and XML that attacks."""

from __future__ import annotations

from datetime import date

import pytest

from tests.providers.bank_transfer.statements.samples import CAMT, lines
from tp_gateway.contract.statements import MalformedStatement, StatementLine

ACCOUNT = "06200012345678"
DETAILS_START, DETAILS_END = CAMT.index(b"<TxDtls>"), CAMT.index(b"</NtryDtls>")
BOMB = b"""\
<!DOCTYPE x [
<!ENTITY a "aaaaaaaaaa">
<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">
]>
"""


def test_entries() -> None:
    assert lines(CAMT) == [
        StatementLine(
            7,
            date(2026, 4, 10),
            18000,
            "AUD",
            "Session of March",
            ACCOUNT,
            reference="TP1234",
            payer="PAYER ONE",
            bank_id="B1",
        ),
        StatementLine(14, date(2026, 4, 11), -1250, "AUD", "ACCOUNT FEE", ACCOUNT),
    ]


def test_the_second_version_names_things_differently() -> None:
    older = (
        CAMT.replace(b"053.001.08", b"053.001.02")
        .replace(b"<Sts><Cd>BOOK</Cd></Sts>", b"<Sts>BOOK</Sts>")
        .replace(b"<Pty><Nm>PAYER ONE</Nm></Pty>", b"<Nm>PAYER ONE</Nm>")
    )
    assert lines(older) == lines(CAMT)


def test_name_spaces_with_a_prefix() -> None:
    prefixed = CAMT.replace(b"</", b"</ c:").replace(b"<", b"<c:").replace(b"<c:/ c:", b"</c:")
    prefixed = prefixed.replace(b"<c:?", b"<?").replace(b"xmlns=", b"xmlns:c=")
    assert lines(prefixed) == lines(CAMT)


def test_the_declared_encoding_is_the_one() -> None:
    content = CAMT.replace(b"UTF-8", b"windows-1252").replace(b"PAYER ONE", b"PAYER \x96 \xe9")
    assert lines(content)[0].payer == "PAYER \u2013 \u00e9"


@pytest.mark.parametrize("status", [b"PDNG", b"INFO", b"FUTR"])
def test_only_booked_entries(status: bytes) -> None:
    assert [line.line for line in lines(CAMT.replace(b"BOOK", status, 1))] == [14]


@pytest.mark.parametrize("written", [b"true", b"1"])
def test_a_reversal_goes_where_it_says_and_pays_for_nothing(written: bytes) -> None:
    reversal = CAMT.replace(b"</CdtDbtInd>", b"</CdtDbtInd><RvslInd>" + written + b"</RvslInd>", 1)
    line = lines(reversal)[0]
    assert (line.amount, line.reference, line.payer) == (18000, "", "")
    assert line.description == "REVERSAL Session of March"
    assert lines(reversal.replace(b"CRDT", b"DBIT"))[0].amount == -18000
    assert lines(reversal.replace(b"<RvslInd>" + written, b"<RvslInd>false"))[0] == lines(CAMT)[0]


def test_a_debit_has_no_payer() -> None:
    assert lines(CAMT.replace(b"CRDT", b"DBIT"))[0].payer == ""


def test_a_creditor_reference_counts_where_no_end_to_end_id_does() -> None:
    structured = b"<RmtInf><Strd><CdtrRefInf><Ref>TP99</Ref></CdtrRefInf></Strd>"
    both = CAMT.replace(b"<RmtInf>", structured, 1)
    assert (lines(both)[0].reference, lines(both)[0].description) == ("TP1234", "Session of March TP99")
    assert lines(both.replace(b">TP1234<", b">NOTPROVIDED<"))[0].reference == "TP99"


def collective(*amounts: bytes, direction: bytes = b"CRDT") -> bytes:
    details = b"".join(
        b"<TxDtls><Refs><EndToEndId>TP%d</EndToEndId></Refs><AmtDtls><TxAmt><Amt Ccy='AUD'>%b</Amt></TxAmt></AmtDtls>"
        b"<CdtDbtInd>%b</CdtDbtInd><RmtInf><Ustrd>part %d</Ustrd></RmtInf></TxDtls>"
        % (number, amount, direction, number)
        for number, amount in enumerate(amounts)
    )
    return CAMT[:DETAILS_START] + details + CAMT[DETAILS_END:]


def test_a_collective_entry_that_adds_up_is_several_movements() -> None:
    read = lines(collective(b"100.00", b"50", b"30.00"))[:-1]
    assert [(line.line, line.amount, line.reference) for line in read] == [
        (7, 10000, "TP0"),
        (7, 5000, "TP1"),
        (7, 3000, "TP2"),
    ]


@pytest.mark.parametrize(
    "content",
    [
        collective(b"100.00", b"50", b"30.01"),
        collective(b"100.00", b"50", b"30.00", direction=b"DBIT"),
        collective(b"100.00", b"50", b"30.00").replace(b"Ccy='AUD'", b"Ccy='NZD'", 1),
    ],
)
def test_one_that_does_not_is_one_movement_without_a_reference(content: bytes) -> None:
    read = lines(content)[:-1]
    assert [(line.amount, line.reference, line.description) for line in read] == [(18000, "", "part 0 part 1 part 2")]


@pytest.mark.parametrize(
    ("before", "after", "at"),
    [
        (b'"AUD">180.00', b'"AUD">180.001', 7),
        (b'"AUD">180.00', b'"AUD">NaN', 7),
        (b'"AUD">180.00', b'"AUD">-180.00', 7),
        (b'"AUD">180.00', b'"AUD">1,180.00', 7),
        (b'"AUD">180.00', b'"AUD">', 7),
        (b'"AUD">180.00', b'"XXX">180.00', 7),
        (b' Ccy="AUD">180.00', b">180.00", 7),
        (b"CRDT", b"CREDIT", 7),
        (b"DBIT", b"", 14),
        (b"<Sts><Cd>BOOK</Cd></Sts>\n<BookgDt><DtTm>", b"<BookgDt><DtTm>", 14),
        (b"2026-04-11T09:30", b"2026-04-31T09:30", 14),
        (b"2026-04-11T09:30", b"11/04/2026 09:30", 14),
        (b"<BookgDt><DtTm>2026-04-11T09:30:00+10:00</DtTm></BookgDt>", b"", 14),
        (b"<RmtInf>", b"<RmtInf>\n\n</RmtIn>", 14),
        (b"PAYER ONE", b"PAYER & ONE", 11),
        (b"PAYER ONE", b"PAYER &one;", 11),
        (b"PAYER ONE", b"PAYER \xff", 11),
        (b"PAYER ONE", b"PAYER \x00", 11),
        (b"</Stmt></BkToCstmrStmt></Document>\n", b"", 20),
        (b"UTF-8", b"UTF-7", 1),
        (b"UTF-8", b"nonsense", 1),
        (b"<Document ", BOMB + b"<Document ", 2),
        (b"<Document ", b'<!DOCTYPE x SYSTEM "file:///etc/passwd">\n<Document ', 2),
        (b"<GrpHdr>", b"<x>" * 200, 3),
    ],
)
def test_malformed(before: bytes, after: bytes, at: int) -> None:
    assert CAMT.count(before) == 1
    with pytest.raises(MalformedStatement) as refusal:
        lines(CAMT.replace(before, after))
    assert refusal.value.line == at
