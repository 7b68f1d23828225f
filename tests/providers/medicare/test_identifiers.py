"""Check digits of Medicare cards and provider numbers, against numbers that others have published."""

import copy
import pickle

import colander
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.properties.profiles import fixed
from tp_gateway.providers.medicare import identifiers
from tp_gateway.providers.medicare.identifiers import (
    InvalidIdentifier,
    MedicareCard,
    card_check_digit,
    card_number,
    provider_check_character,
    provider_number,
    reference_number,
)
from tp_gateway.providers.medicare.nodes import Identifier

# Test numbers of public vendor documentation, and the last one made up.
CARDS = [
    *("2509999891", "2510484911", "4951525561", "2952631861", "2951201842"),
    *("2950975362", "6950507482", "6950507392", "2123456701"),
]
PROVIDERS = ["2447781L", "2426591T", "2429581T", "2429591L", "2409661B", "2433411Y"]
PLACEHOLDERS = ["1234567A", "1234565X"]
WRONG_CHECKS = "YXWVTRQPNML"
LOCATIONS = "0123456789ABCDEFGHJKLMNPQRTUVWXY"


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


# --- provider numbers -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", PROVIDERS)
def test_published_provider_numbers_pass(number: str) -> None:
    assert provider_number(number) == number == provider_number(f" {number.lower()}")


@pytest.mark.parametrize("number", PLACEHOLDERS)
def test_placeholders_of_documentation_fail(number: str) -> None:
    with pytest.raises(InvalidIdentifier, match="check character is wrong"):
        provider_number(number)


def test_the_right_check_character_of_a_placeholder() -> None:
    assert provider_check_character("123456", "7") == "X"
    assert provider_number("1234567X") == "1234567X"


def test_the_other_table_in_circulation_fails_published_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identifiers, "_CHECKS", WRONG_CHECKS)
    passing = [number for number in PROVIDERS if provider_check_character(number[:6], number[6]) == number[7]]
    assert passing == ["2433411Y"], "both tables have Y first"


@pytest.mark.parametrize("number", PROVIDERS)
def test_any_one_wrong_digit_of_a_stem_is_found(number: str) -> None:
    for place in range(6):
        for digit in set("0123456789") - {number[place]}:
            with pytest.raises(InvalidIdentifier, match="check character is wrong"):
                provider_number(number[:place] + digit + number[place + 1 :])


def test_every_location_has_one_check_character() -> None:
    """The formula once more, written out."""
    for value, location in enumerate(LOCATIONS):
        total = 3 * 2 + 5 * 4 + 8 * 4 + 4 * 7 + 2 * 7 + 8 + 6 * value
        assert provider_check_character("244778", location) == "YXWTLKJHFBA"[total % 11]
        for check in "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789":
            text = f"244778{location}{check}"
            if check == "YXWTLKJHFBA"[total % 11]:
                assert provider_number(text) == text
            else:
                with pytest.raises(InvalidIdentifier):
                    provider_number(text)


def test_a_stem_of_five_digits_is_padded() -> None:
    check = provider_check_character("012345", "1")
    assert provider_number(f"123451{check}") == provider_number(f"0123451{check}") == f"0123451{check}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2447781",
        "24477811L",
        "1231L",
        "244778IL",
        "244778OL",
        "244778SL",
        "244778ZL",
        "2447781L\n",
        "2447781\u017f",
    ],
)
def test_what_is_no_provider_number(text: str) -> None:
    with pytest.raises(InvalidIdentifier, match="Not a provider number"):
        provider_number(text)


# --- in a request -----------------------------------------------------------------------------------------------------


def test_the_node_gives_the_one_spelling_and_never_repeats_what_was_sent() -> None:
    node = colander.SchemaNode(Identifier(card_number))
    assert node.deserialize("2123 45670 1") == "2123456701"
    for sent in ("2123456711", 2123456701, ["2123456701"], "2123456701\0", None):
        with pytest.raises(colander.Invalid) as refused:
            node.deserialize(sent)
        assert "21234" not in str(refused.value.asdict())
    assert colander.SchemaNode(Identifier(card_number), missing=None).deserialize(colander.null) is None
