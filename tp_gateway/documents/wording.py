"""Amounts and days in the words of an Australian document: `$1,250.00`, `5 January 2026`, `2:30 pm`."""

from __future__ import annotations

from datetime import date, time

from tp_gateway import money

MINUS = "\N{MINUS SIGN}"
_SYMBOLS = {"AUD": "$"}
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def amount(minor_units: int, currency: str) -> str:
    """125000, `"AUD"` -> `"$1,250.00"`; any other currency by its code, `"NZD 1,250.00"`."""
    whole, dot, part = money.to_decimal_text(abs(minor_units), currency).partition(".")
    sign = MINUS if minor_units < 0 else ""
    return f"{sign}{_SYMBOLS.get(currency, currency + chr(0xA0))}{int(whole):,}{dot}{part}"


def day(value: date) -> str:
    """`5 January 2026`."""
    return f"{value.day} {_MONTHS[value.month - 1]} {value.year}"


def short_day(value: date) -> str:
    """`5 Jan 2026`, for tables."""
    return f"{value.day} {_MONTHS[value.month - 1][:3]} {value.year}"


def clock(value: time) -> str:
    """`2:30 pm`."""
    return f"{value.hour % 12 or 12}:{value.minute:02d} {'am' if value.hour < 12 else 'pm'}"


def abn(text: str) -> str:
    """`51824753556` -> `51 824 753 556`, as the register groups it; anything else as it is."""
    digits = text.replace(" ", "")
    if len(digits) != 11 or not digits.isdecimal():
        return text
    return f"{digits[:2]} {digits[2:5]} {digits[5:8]} {digits[8:]}"
