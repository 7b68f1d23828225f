"""OFX, with closing tags and without."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from tests.providers.bank_transfer.statements.samples import OFX_SGML, OFX_XML, lines
from tp_gateway.contract.statements import MalformedStatement, StatementLine

ACCOUNT = "06200012345678"


def test_sgml() -> None:
    assert lines(OFX_SGML) == [
        StatementLine(
            14,
            date(2026, 4, 10),
            18000,
            "AUD",
            "Transfer from PAYER & SON NetBank",
            ACCOUNT,
            reference="TP1234",
            bank_id="F1",
        ),
        StatementLine(23, date(2026, 4, 9), -150, "AUD", "Interest", ACCOUNT, reference="000123"),
    ]


def test_xml_on_one_line() -> None:
    assert lines(OFX_XML) == [
        StatementLine(1, date(2026, 4, 10), 18000, "AUD", "PAYER ONE", ACCOUNT, reference="TP1234", bank_id="F1")
    ]


def test_an_amount_in_another_currency() -> None:
    foreign = OFX_XML.replace(b"<MEMO/>", b"<CURRENCY><CURRATE>1.1</CURRATE><CURSYM>JPY</CURSYM></CURRENCY>")
    assert [(line.amount, line.currency) for line in lines(foreign.replace(b"180.00", b"180"))] == [(180, "JPY")]


def test_only_entities_that_mean_a_character_are_read() -> None:
    content = OFX_SGML.replace(b"<NAME>Interest", b"<NAME>A&LT &#39;B&#x27; &eacute; &#0; C&nbsp;D")
    assert lines(content)[1].description == "A&LT 'B' &eacute; \ufffd C D"


def test_transactions_that_straddle_blocks() -> None:
    start, end = OFX_SGML.index(b"<STMTTRN>"), OFX_SGML.index(b"</BANKTRANLIST>")
    content = OFX_SGML[:start] + OFX_SGML[start:end] * 1000 + OFX_SGML[end:]
    assert lines(content)[-2:] == [replace(line, line=line.line + 999 * 16) for line in lines(OFX_SGML)]


@pytest.mark.parametrize(
    ("before", "after", "at"),
    [
        (b"<TRNAMT>-1.5", b"<TRNAMT>-1,5", 23),
        (b"<TRNAMT>-1.5", b"<TRNAMT>1e3", 23),
        (b"<TRNAMT>-1.5", b"<TRNAMT>1.555", 23),
        (b"<TRNAMT>-1.5", b"", 23),
        (b"<TRNAMT>-1.5", b"<TRNAMT>-1.5<TRNAMT>2", 26),
        (b"<DTPOSTED>20260409", b"<DTPOSTED>20260431", 23),
        (b"<DTPOSTED>20260409", b"<DTPOSTED>09/04/2026", 23),
        (b"<DTPOSTED>20260409", b"", 23),
        (b"<NAME>Interest", b"".join(b"<X%d>" % number for number in range(200)), 23),
        (b"<CURDEF>AUD", b"<CURDEF>XXX", 14),
        (b"<CURDEF>AUD", b"", 14),
        (b"</STMTTRN>\n</BANK", b"</BANK", 23),
        (b"</STMTTRN>\n<STMTTRN>", b"<STMTTRN>", 22),
        (b"<NAME>Interest", b"<NAME>Interest<![CDATA[x]]>", 28),
        (b"<NAME>Interest", b"<NAME>Interest < 5", 28),
        (b"</OFX>\n", b"", 0),
        (b"<NAME>Interest", b"<NAME>\x00", 28),
        (b"<OFX>", b'<!DOCTYPE x [<!ENTITY a "b">]><OFX>', 1),
    ],
)
def test_malformed(before: bytes, after: bytes, at: int) -> None:
    assert OFX_SGML.count(before) == 1
    with pytest.raises(MalformedStatement) as refusal:
        lines(OFX_SGML.replace(before, after))
    assert refusal.value.line == at
