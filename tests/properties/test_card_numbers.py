"""A card number is found wherever it stands and however people write it, and what merely has digits is left alone."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.properties.profiles import fixed
from tp_gateway.errors import GatewayError
from tp_gateway.observability import HIDDEN, scrub_text
from tp_gateway.views import jsontext, rendering
from tp_gateway.views.card_data import refuse_in_body

NETWORKS = [
    (("4",), 16),
    (("4",), 13),
    (("51", "52", "53", "54", "55", "2221", "2230", "2720"), 16),
    (("34", "37"), 15),
    (("6011", "644", "649", "65"), 16),
    (("3528", "3550", "3589"), 16),
    (("300", "305", "36", "38"), 14),
    (("62",), 16),
    (("50", "56", "58", "63", "67"), 16),
]
GROUPS: dict[int, list[tuple[int, ...]]] = {16: [(4, 4, 4, 4)], 15: [(4, 6, 5)], 14: [(4, 6, 4)], 13: []}
ZEROS = [code for code in range(0x110000) if unicodedata.decimal(chr(code), None) == 0]
DASHES = [chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) == "Pd"]
SPACES = [chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) == "Zs"]


@st.composite
def cards(draw: st.DrawFn) -> str:
    """The digits of a card that a network could have issued."""
    prefixes, length = draw(st.sampled_from(NETWORKS))
    start = draw(st.sampled_from(prefixes))
    digits = start + draw(st.text("0123456789", min_size=length - 1 - len(start), max_size=length - 1 - len(start)))
    return digits + check_digit(digits)


def check_digit(digits: str) -> str:
    doubled = sum(sum(divmod(2 * int(digit), 10)) for digit in digits[::-2])
    return str(-(doubled + sum(map(int, digits[-2::-2]))) % 10)


@st.composite
def written_cards(draw: st.DrawFn, gaps: tuple[str, ...] = (" ", "-", ".", "/", "_", ", ", " - ", "\n")) -> str:
    """A card number as people write one: in one go, in the groups that stand on the card, or digit by digit."""
    digits = draw(cards())
    ways: list[tuple[int, ...]] = [*GROUPS[len(digits)], (1,) * len(digits), (len(digits),)]
    sizes = draw(st.sampled_from(ways))
    gap = draw(st.sampled_from(gaps[:2] if sizes[0] == 1 else gaps))
    left, parts = digits, []
    for size in sizes:
        parts.append(left[:size])
        left = left[size:]
    return gap.join(parts)


# Beside digits a number is another number; a text ends and begins here with anything else.
words = st.text(st.characters(codec="utf-8", exclude_categories=("Nd", "Cf", "Cs"))).filter(
    lambda text: text[-1:] not in "-./_, " or not text
)


@pytest.mark.catalogue(81)
@fixed(500)
@given(words, written_cards(), words)
def test_a_card_number_is_hidden_in_any_text(before: str, card: str, after: str) -> None:
    hidden = scrub_text(f"{before}{card}{after}")
    assert HIDDEN in hidden
    assert card not in hidden
    assert is_refused({"description": f"{before}{card}{after}"})


@pytest.mark.catalogue(81)
@fixed(500)
@given(written_cards(), st.data())
def test_a_card_number_is_refused_in_the_digits_of_any_script(card: str, data: st.DataObject) -> None:
    zero = data.draw(st.sampled_from(ZEROS))
    dash, space = data.draw(st.sampled_from(DASHES)), data.draw(st.sampled_from(SPACES))
    foreign = {"-": dash, " ": space} | {str(digit): chr(zero + digit) for digit in range(10)}
    assert is_refused({"description": "".join(foreign.get(character, character) for character in card)})


boxes = st.recursive(
    st.just(None),
    lambda inner: st.lists(inner, min_size=1, max_size=3) | st.dictionaries(st.text(max_size=3), inner, min_size=1),
    max_leaves=6,
)


@pytest.mark.catalogue(81)
@fixed(200)
@given(boxes, written_cards())
def test_a_card_number_is_refused_at_any_depth(box: Any, card: str) -> None:
    assert is_refused(filled(box, card))
    assert is_refused({"a": {card: filled(box, "x")}})
    assert "\n" in card or is_refused({"raw": jsontext.dumps(filled(box, card))}), "JSON in a text"


ids = st.one_of(
    st.uuids(version=4).map(str),
    st.integers(1, 10**12 - 1).map(str),
    st.builds("INV-{}-{:03d}".format, st.integers(2000, 2200), st.integers(1, 10**6)),
    st.datetimes(datetime(2000, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)).map(rendering.moment),
    st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)).map(
        lambda moment: str(int(moment.timestamp() * 1000))
    ),
    st.builds("{}.{:02d}".format, st.integers(0, 99_999_999), st.integers(0, 99)),
    st.builds("+61 {} {:04d} {:04d}".format, st.integers(2, 8), st.integers(0, 9999), st.integers(0, 9999)),
    st.integers(0, 2**128 - 1).map("{:032x}".format).filter(lambda text: not text.isdigit()),
)


@pytest.mark.catalogue(81)
@fixed(1000)
@given(ids)
def test_ids_moments_amounts_and_phone_numbers_are_no_card_numbers(one: str) -> None:
    assert not is_refused({"reference": one}), one


def filled(box: Any, what: str) -> Any:
    if isinstance(box, dict):
        return {key: filled(inner, what) for key, inner in box.items()}
    return [filled(inner, what) for inner in box] if isinstance(box, list) else what


def is_refused(body: Any) -> bool:
    try:
        refuse_in_body(body)
    except GatewayError as error:
        assert error.code == "card_data_not_accepted"
        return True
    return False
