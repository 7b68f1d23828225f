"""An open reference is found however it is spaced, glued or mistyped once; nothing else is, and nothing is guessed."""

from __future__ import annotations

import random
from datetime import date
from itertools import combinations, product
from string import ascii_uppercase, digits
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.properties.profiles import fixed
from tp_gateway.contract.statements import Recognised, StatementLine
from tp_gateway.providers.bank_transfer.crn import Rule, crn
from tp_gateway.providers.bank_transfer.recognition import recogniser
from tp_gateway.providers.bank_transfer.references import LENGTH, is_valid, make

RNG = random.Random(3)
MADE = [make("TP", number, str(UUID(int=RNG.getrandbits(128)))) for number in range(4000, 6000)]
OPEN, CLOSED = MADE[::2], MADE[1::2]
A, B = OPEN[17], OPEN[18]
recognise = recogniser("TP", OPEN)


def line(description: str, reference: str = "", payer: str = "") -> StatementLine:
    return StatementLine(1, date(2026, 3, 5), 18000, "AUD", description, reference=reference, payer=payer)


def swapped(text: str, at: int) -> str:
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :]


def replaced(text: str, at: int, one: str) -> str:
    return text[:at] + one + text[at + 1 :]


def relative_of(reference: str) -> tuple[str, str]:
    """Another valid reference two digits away, and what lies between: one wrong digit in either of them."""
    for (first, second), new in product(combinations(range(2, LENGTH), 2), product(digits, repeat=2)):
        between = replaced(reference, first, new[0])
        other = replaced(between, second, new[1])
        if reference not in (between, other) and between != other and is_valid("TP", other):
            return other, between
    raise AssertionError("none")


@pytest.mark.parametrize(
    "found",
    [
        line(f"DEPOSIT-OSKO PAYMENT 2686772 {A} INV 1234"),
        line(f"DEPOSIT-OSKO PAYMENT 2686772{A}1234"),
        line(f"TRANSFER {A[:2]} {A[2:6]} {A[6:10]} {A[10:]}"),
        line(f"transfer {A.lower()}"),
        line(f"{'-'.join(A)}."),
        line("TRANSFER", payer=A),
        line("TRANSFER", reference=f"NOTPROVIDED/{A}"),
        line(f"Überweisung für {A}"),
        line(f"{A} {A}"),
    ],
    ids=lambda found: f"{found.reference}|{found.description}|{found.payer}",
)
def test_found_in_words(found: StatementLine) -> None:
    assert recognise(found) == Recognised(A)


@pytest.mark.parametrize("written", [A, f" {A.lower()} ", f"{A[:2]}-{A[2:]}"])
def test_found_in_a_field_of_its_own(written: str) -> None:
    assert recognise(line("TRANSFER", reference=written)) == Recognised(A, structured=True)
    assert recognise(line(f"TRANSFER {A}", reference=written)) == Recognised(A, structured=True)


@fixed(500)
@given(
    st.sampled_from(OPEN),
    st.text(st.characters(codec="utf-8")),
    st.text(st.characters(codec="utf-8")),
    st.lists(st.text(" -./,:_*#()\u00a0\u2013", max_size=3), min_size=LENGTH, max_size=LENGTH),
    st.lists(st.booleans(), min_size=LENGTH, max_size=LENGTH),
    st.sampled_from(["description", "payer", "reference"]),
)
def test_found_in_any_noise(
    reference: str, before: str, after: str, gaps: list[str], small: list[bool], where: str
) -> None:
    letters = zip(reference, gaps, small, strict=True)
    written = "".join((one.lower() if low else one) + gap for one, gap, low in letters)
    found = recognise(line(**{"description": "", where: f"{before}{written}{after}"}))
    assert found is not None
    assert (found.reference, found.repaired) == (reference, "")


@pytest.mark.parametrize("text", ["{}", "OSKO 2686772 {} INV 1234", "99{}99", "TP{}TP", "PT{}"])
def test_every_wrong_character_and_every_swap_is_repaired_and_said(text: str) -> None:
    for reference in (OPEN[0], A, OPEN[-1]):
        errors = {replaced(reference, at, one) for at in range(LENGTH) for one in digits + ascii_uppercase}
        errors |= {swapped(reference, at) for at in range(LENGTH - 1)}
        for written in errors - {reference}:
            assert recognise(line(text.format(written))) == Recognised(reference, repaired=written), written
            assert recognise(line("", reference=written)) == Recognised(reference, repaired=written), written


@fixed(300)
@given(st.sampled_from(OPEN), st.integers(0, LENGTH - 1), st.sampled_from(digits + ascii_uppercase), st.data())
def test_repaired_in_any_noise(reference: str, at: int, one: str, data: st.DataObject) -> None:
    written = replaced(reference, at, one)
    noise = st.text(ascii_uppercase + digits + " -/", max_size=20)
    found = recognise(line(f"{data.draw(noise)}{written}{data.draw(noise)}"))
    assert found == Recognised(reference, repaired="" if written == reference else written)


def test_a_letter_for_a_digit_is_a_wrong_character_like_any_other() -> None:
    reference = next(one for one in OPEN if one[2:].count("0") >= 2)
    once = reference.replace("0", "O", 1)
    assert recognise(line(once)) == Recognised(reference, repaired=once)
    assert recognise(line(reference.replace("0", "O", 2))) is None


def test_two_errors_are_not_repaired() -> None:
    written = swapped(replaced(A, 4, str((int(A[4]) + 1) % 10)), 10)
    assert written[4] != A[4] and written[10:12] != A[10:12]
    assert recognise(line(written)) is None


def test_once_right_and_once_wrong_is_right() -> None:
    wrong = replaced(A, 5, "X")
    assert recognise(line(f"{A} {wrong}")) == recognise(line(f"{wrong} {A}")) == Recognised(A)


def test_a_closed_reference_is_not_taken_for_an_open_one() -> None:
    for closed in CLOSED:
        assert recognise(line(f"OSKO {closed}")) is None
    closed, _between = relative_of(A)
    assert recogniser("TP", [A])(line(closed)) is None


def test_between_two_open_references_a_person_decides() -> None:
    other, between = relative_of(A)
    assert recogniser("TP", [A])(line(between)) == Recognised(A, repaired=between)
    assert recogniser("TP", [other])(line(between)) == Recognised(other, repaired=between)
    assert recogniser("TP", [A, other])(line(between)) is None
    assert recogniser("TP", [A, other])(line(A)) == Recognised(A)


@pytest.mark.parametrize("second", [B, replaced(B, 5, "X")], ids=["right", "wrong"])
def test_two_different_open_references_are_for_a_person(second: str) -> None:
    assert recognise(line(f"{A} {second}")) is None
    assert recognise(line(f"{A}{second}")) is None
    assert recognise(line(second, reference=A)) is None
    assert recognise(line(f"{A} {CLOSED[3]}")) == Recognised(A), "a closed one does not count"


def test_a_part_of_a_reference_is_nothing() -> None:
    for at in range(LENGTH):
        assert recognise(line(A[:at] + A[at + 1 :])) is None, "one character is missing"
    for size in range(LENGTH):
        assert recognise(line(f"PAID {A[:size]}")) is None
        assert recognise(line(f"{A[LENGTH - size :]} PAID")) is None


def test_a_reference_does_not_begin_in_one_field_and_end_in_another() -> None:
    for at in range(1, LENGTH):
        assert recognise(line(A[:at], payer=A[at:])) is None
        assert recognise(line(A[at:], reference=A[:at])) is None


def test_references_from_before_the_prefix_was_changed() -> None:
    new = make("QX", 9, "7c9e6679-7425-40de-944b-e07fc1f90ae7")
    both = recogniser("QX", [A, new])
    wrong = swapped(A, 0)
    assert both(line(A)) == Recognised(A)
    assert both(line(wrong)) == Recognised(A, repaired=wrong)
    assert both(line(new)) == Recognised(new)
    assert both(line(f"{A} {new}")) is None


@pytest.mark.parametrize("wrong", ["", A.lower(), A[:-1], replaced(A, 6, "X"), "INV-2025-001"])
def test_what_is_not_a_reference_cannot_be_open(wrong: str) -> None:
    with pytest.raises(ValueError, match="open_references"):
        recogniser("TP", [A, wrong])


def test_nothing_is_open() -> None:
    assert recogniser("TP", [])(line(A)) is None
    with pytest.raises(ValueError, match="prefix"):
        recogniser("T", [])


def test_noise_is_not_taken_for_a_reference() -> None:
    """With 1,000 open: TP and twelve digits go wrong once in 8 million, digits alone once in 10^9 after a T or P."""
    rng = random.Random(4)
    for _ in range(4000):
        run = f"{rng.randrange(10**12):012d}"
        for text in (
            f"OSKO PAYMENT TP{run}",
            f"DEPOSIT {run}",
            f"TP {run}{run}",
            f"{run[:7]} INV {run[7:]} 04{run[:8]}",
        ):
            assert recognise(line(text)) is None, text


NUMBERS = [crn(A[2:], rule) for rule in Rule]


@pytest.mark.parametrize("number", NUMBERS)
def test_a_bpay_customer_number_stands_for_its_reference(number: str) -> None:
    assert recognise(line("BPAY PAYMENT", reference=number)) == Recognised(A, structured=True)
    assert recognise(line(f"BPAY 123456 {number[:4]} {number[4:]}")) == Recognised(A)
    assert recognise(line(f"{A} BPAY {number}")) == Recognised(A)
    assert recognise(line(f"{B} BPAY {number}")) is None, "it never chooses between two"


@pytest.mark.parametrize("rule", Rule)
def test_a_mistyped_customer_number_is_not_repaired(rule: Rule) -> None:
    wrong = replaced(crn(A[2:], rule), 12, str((int(crn(A[2:], rule)[12]) + 3) % 10))
    assert wrong in NUMBERS or recognise(line("BPAY", reference=wrong)) is None
    assert recognise(line("BPAY", reference=crn(CLOSED[3][2:], rule))) is None
