"""The reference that a patient types: one form, never the same twice, and no slip of the keyboard makes another one."""

from __future__ import annotations

import random
from string import ascii_uppercase, digits
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.properties.profiles import fixed
from tp_gateway.providers.bank_transfer.references import LARGEST_NUMBER, LENGTH, is_prefix, is_valid, make

ORDER = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
numbers = st.integers(1, LARGEST_NUMBER)
orders = st.uuids().map(str)
prefixes = st.text(ascii_uppercase, min_size=2, max_size=2).filter(lambda text: text[0] != text[1])


def test_a_reference_as_it_is_written() -> None:
    # By hand: 42 x 61803399 = 2595742758, its last eight digits; the UUID as a number ends in 71.
    # T = 29, P = 25: 2925 95742758 71 00 modulo 97 is 59, and 98 - 59 = 39.
    assert make("TP", 42, ORDER) == "TP957427587139"
    assert is_valid("TP", "TP957427587139")


@fixed(300)
@given(prefixes, numbers, orders)
def test_the_form_is_always_the_same(prefix: str, number: int, order: str) -> None:
    reference = make(prefix, number, order)
    assert len(reference) == LENGTH <= 18
    assert reference.startswith(prefix) and reference[2:].isdecimal() and reference.isascii()
    assert is_valid(prefix, reference)
    assert make(prefix, number, order.upper()) == reference, "however the UUID is written"


def test_numbers_that_differ_give_references_that_differ() -> None:
    ends = [*range(1, 20_001), *range(LARGEST_NUMBER - 20_000, LARGEST_NUMBER + 1)]
    assert len({make("TP", number, ORDER)[:10] for number in ends}) == len(ends)


def test_a_number_given_out_again_is_told_apart_in_99_of_100_cases() -> None:
    rng = random.Random(1)
    orders = [str(UUID(int=rng.getrandbits(128), version=4)) for _ in range(10_000)]
    same = sum(make("TP", 7, orders[at]) == make("TP", 7, orders[at + 1]) for at in range(0, len(orders), 2))
    assert 20 <= same <= 80, "of 5000 pairs"


def test_every_wrong_character_and_every_swap_is_detected() -> None:
    rng = random.Random(2)
    tried = 0
    for prefix in ("TP", "AZ", "IO"):
        for number in (1, 2, LARGEST_NUMBER, *rng.sample(range(1, LARGEST_NUMBER), 60)):
            right = make(prefix, number, str(UUID(int=rng.getrandbits(128))))
            wrong = {right[:at] + one + right[at + 1 :] for at in range(LENGTH) for one in digits + ascii_uppercase}
            wrong |= {right[:at] + right[at + 1] + right[at] + right[at + 2 :] for at in range(LENGTH - 1)}
            assert [one for one in wrong if is_valid(prefix, one)] == [right]
            tried += len(wrong)
    assert tried > 90_000


@pytest.mark.parametrize(
    "text",
    [
        *("", "TP", "TP95742758713", "TP9574275871399", "tp957427587139", "TP 957427587139", "TQ957427587139"),
        "TP\u066957427587139",  # a nine of another script
        "TP957427587139\n",
    ],
)
def test_what_is_not_a_reference(text: str) -> None:
    assert not is_valid("TP", text)


def test_check_digits_have_one_form() -> None:
    """Modulo 97 the check digits 98 and 01 are one; only one of them is ever written."""
    right = next(one for number in range(1, 1000) if (one := make("TP", number, ORDER)).endswith("98"))
    assert is_valid("TP", right)
    assert not is_valid("TP", right[:-2] + "01")


@pytest.mark.parametrize("number", [0, -1, LARGEST_NUMBER + 1])
def test_a_number_without_a_reference_is_refused(number: int) -> None:
    with pytest.raises(ValueError, match="number: not between 1 and 99999999"):
        make("TP", number, ORDER)


@pytest.mark.parametrize("prefix", ["", "T", "TPX", "tp", "T1", "TT", "ÄB", "TP\n"])
def test_a_prefix_is_two_different_letters(prefix: str) -> None:
    assert not is_prefix(prefix)
    with pytest.raises(ValueError, match="prefix"):
        make(prefix, 1, ORDER)


def test_an_order_without_a_uuid_is_refused() -> None:
    with pytest.raises(ValueError, match="UUID"):
        make("TP", 1, "order-1")
