"""MT940, and what its library would let pass."""

from __future__ import annotations

import logging
from datetime import date

import pytest

from tests.providers.bank_transfer.statements.samples import MT940, lines
from tp_gateway.contract.statements import MalformedStatement, StatementLine

ACCOUNT = "062000/12345678"


def test_movements_and_their_details() -> None:
    assert lines(MT940) == [
        StatementLine(
            6,
            date(2026, 4, 10),
            18000,
            "AUD",
            "TRANSFER FROM PAYER ONE SESSION OF MARCH",
            ACCOUNT,
            reference="TP1234",
            bank_id="B1",
        ),
        StatementLine(9, date(2026, 4, 11), -1250, "AUD", "", ACCOUNT),
    ]


def test_a_statement_of_its_own_for_each_account() -> None:
    message = MT940[MT940.index(b":20:") :].replace(b"-}\n", b"-\n")
    other = message.replace(b"12345678", b"87654321").replace(b"AUD", b"NZD")
    assert [(line.account, line.currency) for line in lines(message + other)] == [(ACCOUNT, "AUD")] * 2 + [
        ("062000/87654321", "NZD")
    ] * 2


@pytest.mark.parametrize(
    ("mark", "amount", "is_reversal"),
    [(b"C", 18000, False), (b"D", -18000, False), (b"RC", -18000, True), (b"RD", 18000, True)],
)
def test_marks(mark: bytes, amount: int, is_reversal: bool) -> None:
    line = lines(MT940.replace(b"0410CD180", b"0410" + mark + b"D180"))[0]
    assert line.amount == amount
    # What was reversed is not paid again by its own reference.
    assert line.reference == ("" if is_reversal else "TP1234")
    assert line.description.startswith("REVERSAL ") is is_reversal


def test_an_entry_date_of_the_next_year() -> None:
    assert lines(MT940.replace(b":61:2604100410", b":61:2512310102"))[0].booked_on == date(2026, 1, 2)


def test_without_an_entry_date_the_value_date() -> None:
    assert lines(MT940.replace(b":61:2604100410", b":61:260409"))[0].booked_on == date(2026, 4, 9)


def test_structured_details() -> None:
    details = b":86:166?00CREDIT?20SVWZ+Session?21 of March?32PAYER ONE"
    line = lines(MT940.replace(b":86:TRANSFER FROM PAYER ONE\nSESSION OF MARCH", details))[0]
    assert (line.description, line.payer) == ("CREDIT Session of March", "PAYER ONE")


@pytest.mark.parametrize(
    ("before", "after", "at"),
    [
        (b"CD180,00", b"CD180.00", 6),
        (b"CD180,00", b"CD1,80,00", 6),
        (b"CD180,00", b"CD180,000", 6),
        (b"CD180,00", b"CD1234567890123456,00", 6),
        (b"CD180,00", b"CDNaN", 6),
        (b"CD180,00", b"CD1e3", 6),
        (b"CD180,00", b"CD180,x", 6),
        (b"CD180,00", b"XD180,00", 6),
        (b"2604100410", b"2602300230", 6),
        (b"2604100410", b"2604310410", 6),
        (b"2604100410", b"2604100431", 6),
        (b":60F:C260409AUD1000,00", b":60F:C260409XXX1000,00", 6),
        (b":60F:C260409AUD1000,00", b":60F:C261309AUD1000,00", 5),
        (b":60F:C260409AUD1000,00", b":34F:AUD", 6),
        (b":28C:101/1", b":20:ANOTHER", 4),
        (b":62F:C260411AUD1167,50\n:86:THE STATEMENT AS A WHOLE\n-}\n", b"", 0),
        (b"-}\n", b"-}\nTHE END\n", 13),
        (b":61:2604100411", b":16:2604100411", 9),
        (b"SESSION", b"SESSI\x00N", 8),
        (b"SESSION", b"SESSI\x81N", 8),
        (b"SESSION", b"S" * 20_000, 7),
    ],
)
def test_malformed(before: bytes, after: bytes, at: int) -> None:
    assert MT940.count(before) == 1
    with pytest.raises(MalformedStatement) as refusal:
        lines(MT940.replace(before, after))
    assert refusal.value.line == at


def test_the_library_logs_nothing_of_a_line_that_it_cannot_read(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(MalformedStatement):
        lines(MT940.replace(b"CD180,00", b"XD180,00"))
    assert caplog.records == []
