"""A format is known by its contents."""

from __future__ import annotations

import io
from typing import cast

import pytest

from tests.providers.bank_transfer.statements.samples import CBA, EACH, MT940, NAB_HEADER, OFX_XML, WESTPAC
from tp_gateway.contract.statements import MalformedStatement
from tp_gateway.providers.bank_transfer.statements import parse


@pytest.mark.parametrize("name", [None, "nab.csv", "statement.ofx"])
@pytest.mark.parametrize("expected", EACH)
def test_each_is_told_from_all_others(expected: str, name: str | None) -> None:
    statement = parse(io.BytesIO(EACH[expected]), name)
    assert statement.format == expected
    assert all(line.amount for line in statement.lines)


@pytest.mark.parametrize(
    ("expected", "content"),
    [
        ("OFX", OFX_XML),
        ("OFX", b"\xef\xbb\xbf\r\n" + OFX_XML),
        ("MT940", b"BANK'S OWN FIRST LINE\r\n" + MT940[MT940.index(b":20:") :]),
        ("Westpac CSV", b'"Bank Account","DATE",Narrative,Debit Amount,Credit Amount, Balance\n'),
        ("NAB CSV", NAB_HEADER.lower()),
        ("CBA CSV", b"1/4/2026,5,x,1.00"),
        # What makes no sense in its first line is still told by its shape.
        ("CBA CSV", b"31/02/2026,NaN,x,1.000"),
        ("ANZ CSV", b"31/02/2026,NaN,x"),
        ("ANZ CSV", b"01/04/2026,5.00,x,123456"),
    ],
)
def test_variants(expected: str, content: bytes) -> None:
    assert parse(io.BytesIO(content), None).format == expected


@pytest.mark.parametrize(
    "content",
    [
        b"PK\x03\x04 a workbook",
        b"%PDF-1.7",
        b"!Type:Bank\nD01/04/2026\nT5.00\n^\n",
        b"<html><body>Your session has ended</body></html>",
        b'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.001.001.03"/>',
        b"Date,Description,Amount\n01/04/2026,x,5.00\n",
        b"01/04/2026,5.00\n",
        b"01/04/2026,5.00,a,b,c,d,e,f,g\n",
        b"01/04/2026,5.00,062-000,PAYER,90.00\n",
        b"2026-04-01,5.00,x,1.00\n",
        WESTPAC.partition(b",")[2],
    ],
)
def test_what_we_do_not_read(content: bytes) -> None:
    with pytest.raises(MalformedStatement) as refusal:
        parse(io.BytesIO(content), "cba.csv")
    assert refusal.value.line == 0 and "a CSV of CBA, NAB" in refusal.value.problem


@pytest.mark.parametrize("content", [b"", b"\r\n \n", b"\xef\xbb\xbf"])
def test_an_empty_file(content: bytes) -> None:
    with pytest.raises(MalformedStatement, match=r"^the file is empty$"):
        parse(io.BytesIO(content), None)


def test_utf_16_is_named() -> None:
    with pytest.raises(MalformedStatement, match="UTF-16"):
        parse(io.BytesIO(CBA.decode().encode("utf-16")), None)


class OneByte(io.BytesIO):
    """A socket, at its worst."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(1 if size else 0)


@pytest.mark.parametrize("content", EACH.values(), ids=EACH)
def test_a_stream_may_answer_with_less_than_was_asked(content: bytes) -> None:
    slowly = parse(cast(io.BytesIO, OneByte(content)), None)
    assert list(slowly.lines) == list(parse(io.BytesIO(content), None).lines)
