"""Money is an integer of minor units plus an ISO 4217 code. This module turns it into decimal text and back,
exactly: it never rounds and never sees a float."""

from __future__ import annotations

from decimal import Decimal

MAX_MINOR_UNITS = 9_999_999_999
"""Largest amount of one payment, refund or invoice: 99,999,999.99 in a two-decimal currency."""

_ZERO = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_THREE = "BHD IQD JOD KWD LYD OMR TND"
_TWO = (
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP"
    " CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR"
    " JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN"
    " NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP"
    " SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VES WST XCD YER ZAR ZMW"
)
_EXPONENTS = {code: places for codes, places in ((_ZERO, 0), (_TWO, 2), (_THREE, 3)) for code in codes.split()}


def is_currency(code: str) -> bool:
    """True for an upper-case ISO 4217 code that we know the exponent of."""
    return code in _EXPONENTS


def exponent(currency: str) -> int:
    """Decimal places of `currency` (ISO 4217): AUD 2, JPY 0, BHD 3. KeyError for an unknown code."""
    return _EXPONENTS[currency]


def to_minor_units(amount: Decimal, currency: str) -> int:
    """`Decimal("180.00")`, `"AUD"` -> 18000. ValueError if `currency` has fewer decimal places than
    `amount`, or if it is more than `MAX_MINOR_UNITS`."""
    scaled = amount.scaleb(exponent(currency))
    if scaled != scaled.to_integral_value():
        raise ValueError(f"{currency} has {exponent(currency)} decimal places")
    if abs(scaled) > MAX_MINOR_UNITS:
        raise ValueError(f"At most {to_decimal_text(MAX_MINOR_UNITS, currency)}")
    return int(scaled)


def to_decimal_text(minor_units: int, currency: str) -> str:
    """18000, `"AUD"` -> `"180.00"`; 180, `"JPY"` -> `"180"`."""
    places = exponent(currency)
    sign, digits = ("-" if minor_units < 0 else ""), str(abs(minor_units)).rjust(places + 1, "0")
    return f"{sign}{digits[:-places]}.{digits[-places:]}" if places else f"{sign}{digits}"
