"""BPAY's check digits, against numbers that were published, and against recipes that were published and are wrong."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.properties.profiles import fixed
from tp_gateway.providers.bank_transfer.crn import Rule, crn, is_valid

# help.registrydirect.com.au
PUBLISHED_V05 = [
    *("394523459", "518619363", "284468818", "886651112", "295157771", "132240108"),
    *("634092742", "241029332", "758423990", "758081227", "87348538"),
]
PUBLISHED_V01 = "89557136"
rules = st.sampled_from(Rule)
numbers = st.text("0123456789", min_size=1, max_size=19)


@pytest.mark.parametrize("number", PUBLISHED_V05)
def test_published_numbers(number: str) -> None:
    assert is_valid(number, Rule.MOD10V05)
    assert crn(number[:-1], Rule.MOD10V05) == crn(int(number[:-1]), Rule.MOD10V05) == number


def test_the_published_number_of_the_other_rule() -> None:
    assert is_valid(PUBLISHED_V01, Rule.MOD10V01)
    assert crn(8955713, Rule.MOD10V01) == PUBLISHED_V01
    assert not is_valid(PUBLISHED_V01, Rule.MOD10V05)


def weighted(number: str, weights: str) -> str:
    return str(-sum(int(digit) * int(weights[at % len(weights)]) for at, digit in enumerate(reversed(number))) % 10)


def luhn_shifted(number: str) -> str:
    """Luhn's, doubling every second digit but beginning one further left."""
    doubled = [int(digit) * (1 + at % 2) for at, digit in enumerate(reversed(number))]
    return str(-sum(value - 9 if value > 9 else value for value in doubled) % 10)


@pytest.mark.parametrize(
    "recipe",
    [lambda number: weighted(number, "371"), luhn_shifted, lambda number: weighted(number, "327654")],
    ids=["weights 3,7,1", "shifted Luhn", "weights 3,2,7,6,5,4"],
)
def test_recipes_that_go_by_the_name_of_v05_and_fail(recipe: Callable[[str], str]) -> None:
    wrong = [number for number in PUBLISHED_V05 if recipe(number[:-1]) != number[-1]]
    assert len(wrong) >= 6


@fixed(300)
@given(numbers, rules)
def test_exactly_one_check_digit_is_right(number: str, rule: Rule) -> None:
    made = crn(number, rule)
    assert made[:-1] == number
    assert [one for one in (number + digit for digit in "0123456789") if is_valid(one, rule)] == [made]


@fixed(300)
@given(numbers, st.data())
def test_any_one_wrong_digit_is_detected_by_v01(number: str, data: st.DataObject) -> None:
    made = crn(number, Rule.MOD10V01)
    at = data.draw(st.integers(0, len(made) - 1))
    wrong = str((int(made[at]) + data.draw(st.integers(1, 9))) % 10)
    assert not is_valid(made[:at] + wrong + made[at + 1 :], Rule.MOD10V01)


def test_what_v05_does_not_detect() -> None:
    made = crn("1234567890", Rule.MOD10V05)
    assert is_valid("1234567895" + made[-1], Rule.MOD10V05), "position 10 has the weight 10"
    assert is_valid("1234767890" + made[-1], Rule.MOD10V05), "position 5 sees odd from even only"


@pytest.mark.parametrize("number", ["", "1" * 20, 10**19, -1, "12 3", "12a", "\uff11\uff12"])
def test_what_cannot_get_a_check_digit(number: int | str) -> None:
    with pytest.raises(ValueError, match="not 1 to 19 digits"):
        crn(number, Rule.MOD10V01)


@pytest.mark.parametrize("text", ["", "0", "0" * 21, "8955713-6", " 89557136", "89557136\n"])
@pytest.mark.parametrize("rule", Rule)
def test_what_is_not_a_customer_reference_number(text: str, rule: Rule) -> None:
    assert not is_valid(text, rule)


def test_zeros_at_the_front_are_part_of_the_number() -> None:
    assert crn("007", Rule.MOD10V05) == "0071"
    assert crn(7, Rule.MOD10V05) == "77"
    assert is_valid("0" * 20, Rule.MOD10V01)
