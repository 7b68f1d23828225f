"""Check digits of Medicare cards, against numbers that others have published."""

import copy
import pickle

import colander
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.properties.profiles import fixed
from tp_gateway.providers.medicare.identifiers import (
    InvalidIdentifier,
    MedicareCard,
    card_check_digit,
    card_number,
    reference_number,
)
from tp_gateway.providers.medicare.nodes import Identifier

# Test numbers of public vendor documentation, and the last one made up.
CARDS = [
    *("2509999891", "2510484911", "4951525561", "2952631861", "2951201842"),
    *("2950975362", "6950507482", "6950507392", "2123456701"),
]


@pytest.mark.parametrize("number", CARDS)
def test_published_cards_pass(number: str) -> None:
    card = MedicareCard.parse(number, "1")
    assert card.number == number and MedicareCard.parse(card.displayed(), "1") == card


@pytest.mark.parametrize("number", CARDS)
def test_any_one_wrong_digit_of_a_card_is_found(number: str) -> None:
    for place in range(9):
        for digit in set("0123456789") - {number[place]}:
            with pytest.raises(InvalidIdentifier):
                card_number(number[:place] + digit + number[place + 1 :])


@pytest.mark.parametrize("number", CARDS)
def test_the_last_digit_of_a_card_is_its_issue(number: str) -> None:
    for issue in "123456789":
        assert card_number(number[:9] + issue)
    with pytest.raises(InvalidIdentifier, match="last not 0"):
        card_number(number[:9] + "0")


@pytest.mark.parametrize("first", "0123456789")
def test_a_card_begins_with_two_to_six(first: str) -> None:
    rest = "0000000"
    number = f"{first}{rest}{card_check_digit(first + rest)}1"
    if first in "23456":
        assert card_number(number) == number
    else:
        with pytest.raises(InvalidIdentifier, match="first 2 to 6"):
            card_number(number)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2123 45670",
        "21234567011",
        "2123-45670-1",
        "2123456701\n",
        "\u0662123456701",
        "212345670a",
        "2123\u00a0456701",
    ],
)
def test_what_is_no_card_number(text: str) -> None:
    with pytest.raises(InvalidIdentifier) as refused:
        card_number(text)
    assert not text or text not in str(refused.value)


@pytest.mark.parametrize("text", [*"0123456789", "", "11", " 1", "\u0661", "x"])
def test_a_reference_number_is_one_to_nine(text: str) -> None:
    if text and text in "123456789":
        assert reference_number(text) == text
    else:
        with pytest.raises(InvalidIdentifier):
            reference_number(text)


def test_a_card_is_shown_as_people_write_it_and_masked_by_default() -> None:
    card = MedicareCard.parse("2123 45670 1", "4")
    assert card.displayed() == "2123 45670 1"
    assert card.masked() == "**** ***70 1"


@fixed(100)
@given(st.integers(2, 6), st.integers(0, 10**7 - 1), st.integers(1, 9))
def test_no_text_of_a_card_shows_more_than_three_digits(first: int, rest: int, issue: int) -> None:
    eight = f"{first}{rest:07}"
    card = MedicareCard.parse(f"{eight}{card_check_digit(eight)}{issue}", "7")
    for text in (repr(card), str(card), f"{card}", f"{card!r:>40}", f"{[card]}", f"{ {'card': card} }"):
        assert sum(character.isdigit() for character in text) == 3
        assert "".join(filter(str.isdigit, text)) == card.number[-3:]


def test_a_card_is_a_value() -> None:
    card = MedicareCard.parse(CARDS[0], "1")
    assert copy.copy(card) == card == pickle.loads(pickle.dumps(card))  # noqa: S301
    assert card != MedicareCard.parse(CARDS[0], "2") and len({card, MedicareCard.parse(CARDS[0], "1")}) == 1


# --- in a request -----------------------------------------------------------------------------------------------------


def test_the_node_gives_the_one_spelling_and_never_repeats_what_was_sent() -> None:
    node = colander.SchemaNode(Identifier(card_number))
    assert node.deserialize("2123 45670 1") == "2123456701"
    for sent in ("2123456711", 2123456701, ["2123456701"], "2123456701\0", None):
        with pytest.raises(colander.Invalid) as refused:
            node.deserialize(sent)
        assert "21234" not in str(refused.value.asdict())
    assert colander.SchemaNode(Identifier(card_number), missing=None).deserialize(colander.null) is None
