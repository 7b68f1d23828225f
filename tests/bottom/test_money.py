"""Money is exact: what goes in as minor units comes out as decimal text and back, to the last digit."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tp_gateway import money

CURRENCIES = {"JPY": 0, "AUD": 2, "BHD": 3}
anything = st.integers(-money.MAX_MINOR_UNITS, money.MAX_MINOR_UNITS)


@given(amount=anything, currency=st.sampled_from(sorted(CURRENCIES)))
def test_minor_units_to_text_and_back_is_the_same(amount: int, currency: str) -> None:
    text = money.to_decimal_text(amount, currency)
    assert money.to_minor_units(Decimal(text), currency) == amount
    assert Decimal(text) * 10 ** CURRENCIES[currency] == amount
    _, _, fraction = text.partition(".")
    assert len(fraction) == CURRENCIES[currency] and "E" not in text and "-0" not in text.removeprefix("-0.")


@given(amount=st.decimals(0, 10**8, places=3), currency=st.sampled_from(sorted(CURRENCIES)))
def test_text_to_minor_units_is_exact_or_refused(amount: Decimal, currency: str) -> None:
    exact = amount * 10 ** CURRENCIES[currency]
    if exact == int(exact) and exact <= money.MAX_MINOR_UNITS:
        assert money.to_minor_units(amount, currency) == exact
    else:
        with pytest.raises(ValueError, match=f"{currency} has {CURRENCIES[currency]} decimal places|At most"):
            money.to_minor_units(amount, currency)


@pytest.mark.catalogue(58)
@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("180.00", "AUD", 18000),
        ("180.5", "AUD", 18050),
        ("180", "AUD", 18000),
        ("0.01", "AUD", 1),
        ("180", "JPY", 180),
        ("180.00", "JPY", 180),
        ("1.234", "BHD", 1234),
        ("1.8E+2", "AUD", 18000),
        ("99999999.99", "AUD", money.MAX_MINOR_UNITS),
    ],
)
def test_known_amounts(amount: str, currency: str, minor: int) -> None:
    assert money.to_minor_units(Decimal(amount), currency) == minor


@pytest.mark.catalogue(58)
@pytest.mark.parametrize(
    ("amount", "currency"), [("180.50", "JPY"), ("1.005", "AUD"), ("0.004", "AUD"), ("1.2345", "BHD")]
)
def test_nothing_is_ever_rounded(amount: str, currency: str) -> None:
    with pytest.raises(ValueError, match="decimal places"):
        money.to_minor_units(Decimal(amount), currency)


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (18000, "AUD", "180.00"),
        (1, "AUD", "0.01"),
        (0, "AUD", "0.00"),
        (-5, "AUD", "-0.05"),
        (-18000, "AUD", "-180.00"),
        (180, "JPY", "180"),
        (-180, "JPY", "-180"),
        (5, "BHD", "0.005"),
    ],
)
def test_known_texts(minor: int, currency: str, text: str) -> None:
    assert money.to_decimal_text(minor, currency) == text


@pytest.mark.catalogue(58)
@pytest.mark.parametrize("code", ["aud", "AUD\0", "AUDD", "AU", "", "XXX", "BTC", "\uff21\uff35\uff24"])
def test_what_is_no_currency(code: str) -> None:
    assert not money.is_currency(code)
    with pytest.raises(KeyError):
        money.exponent(code)


def test_exponents_are_those_of_iso_4217() -> None:
    assert {code: money.exponent(code) for code in CURRENCIES} == CURRENCIES
    for code in ("KRW", "VND", "CLP", "XAF", "ISK", "UGX"):
        assert money.exponent(code) == 0
    for code in ("KWD", "JOD", "OMR", "TND", "LYD", "IQD"):
        assert money.exponent(code) == 3
    for code in ("NZD", "USD", "EUR", "GBP", "IDR", "HUF", "TWD", "MGA", "MRU"):
        assert money.exponent(code) == 2
