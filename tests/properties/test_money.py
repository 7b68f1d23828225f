"""Every amount of every currency goes in and comes out the same; what is not exact never goes in."""

from __future__ import annotations

import itertools
import string
from decimal import Decimal

import colander
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.properties.profiles import fixed
from tp_gateway import fields, money
from tp_gateway.errors import ValidationError

CURRENCIES = sorted(filter(money.is_currency, map("".join, itertools.product(string.ascii_uppercase, repeat=3))))
currencies = st.sampled_from(CURRENCIES)
amounts = st.integers(1, money.MAX_MINOR_UNITS) | st.integers(1, 100_000)


class Body(fields.Schema):
    amount = colander.SchemaNode(fields.Amount())
    currency = colander.SchemaNode(fields.Currency())


def taken(amount: object, currency: str) -> int:
    """The way of an amount from a body into the books. ValueError or ValidationError where it is not exact."""
    asked = fields.validate(Body(), {"amount": amount, "currency": currency})
    return money.to_minor_units(asked["amount"], asked["currency"])


@pytest.mark.catalogue(58)
@fixed(500)
@given(amounts, currencies, st.booleans())
def test_an_amount_in_any_currency_goes_in_and_comes_out_the_same(amount: int, currency: str, lower: bool) -> None:
    text = money.to_decimal_text(amount, currency)
    assert taken(text, currency.lower() if lower else currency) == amount
    assert taken(fields.JsonNumber(text), currency) == amount
    shorter = text.rstrip("0").rstrip(".") if "." in text else text
    assert taken(shorter, currency) == amount, "zeros at the end say nothing"


@pytest.mark.catalogue(58)
@fixed(500)
@given(st.integers(0, 10**10), st.text("0123456789", min_size=1, max_size=6), currencies)
def test_an_amount_is_exact_or_refused(whole: int, fraction: str, currency: str) -> None:
    text = f"{whole}.{fraction}"
    exact = Decimal(text) * 10 ** money.exponent(currency)
    assume(exact > 0)
    fits = exact == int(exact) <= money.MAX_MINOR_UNITS and len(fraction) <= 3
    try:
        found = taken(text, currency)
    except (ValueError, ValidationError):
        assert not fits
    else:
        assert fits and found == exact


@pytest.mark.catalogue(56)
@fixed(500)
@given(st.text(max_size=20) | st.floats().map(str) | st.decimals().map(str) | st.integers().map(str), currencies)
def test_any_text_is_one_amount_or_none(text: str, currency: str) -> None:
    try:
        found = taken(text, currency)
    except (ValueError, ValidationError):
        return
    assert text.isascii() and 0 < found <= money.MAX_MINOR_UNITS
    assert Decimal(money.to_decimal_text(found, currency)) == Decimal(text)
