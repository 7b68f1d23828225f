"""What stands in one field of a statement: amounts and dates, as exact values or not at all. Never a float, never a
guess at the order of day and month."""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache

from tp_gateway.contract import money

_MOST_DIGITS = 15
_DAY_FIRST = re.compile(r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})")
_DAY_AND_NAME = re.compile(r"([0-9]{1,2}) ([a-z]+)\.? ([0-9]{2}|[0-9]{4})")
_THOUSANDS = re.compile(r"[+-]?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]*)?")
_MONTHS = "january,february,march,april,may,june,july,august,september,october,november,december"
# "Sept" is what Australian English abbreviates it to in the Unicode locale data; "Jun" and "June" are both there.
_MONTH = {short: number for number, name in enumerate(_MONTHS.split(","), 1) for short in (name, name[:3])} | {
    "sept": 9
}


class Unreadable(ValueError):
    """A field makes no sense. The text is for people, and never quotes the field."""


def minor_units(text: str, places: int) -> int:
    """`"-12.5"`, 2 -> -1250. A sign, digits, at most `places` decimals and nothing else."""
    unsigned = text[1:] if text.startswith(("-", "+")) else text
    whole, point, decimals = unsigned.partition(".")
    digits = whole + decimals
    if not (digits.isascii() and digits.isdecimal()) or (point and not decimals) or len(digits) > _MOST_DIGITS:
        raise Unreadable("an amount is not a number")
    if len(decimals) > places:
        raise Unreadable(f"an amount has more than {places} decimals")
    number = int(whole + decimals.ljust(places, "0"))
    return -number if text.startswith("-") else number


def cents(text: str) -> int:
    """An amount in a bank's CSV, in Australian cents: as `minor_units`, thousands set off with commas allowed
    (seen at NAB and Westpac)."""
    if text[-3:-2] == ".":  # what nearly all look like, and three times as fast
        digits = text[:-3] + text[-2:]
        unsigned = digits[1:] if digits[0] in "+-" else digits
        if unsigned.isdecimal() and unsigned.isascii() and len(unsigned) <= _MOST_DIGITS:
            return int(digits)
    text = text.strip()
    return minor_units(text.replace(",", "") if _THOUSANDS.fullmatch(text) else text, 2)


def decimals_of(currency: str) -> int:
    """Decimal places of an ISO 4217 code."""
    try:
        return money.exponent(currency)
    except KeyError:
        raise Unreadable("the currency is not known") from None


@lru_cache(maxsize=4096)
def day_first(text: str) -> date:
    """`"10/04/2026"` -> 10 April."""
    found = _DAY_FIRST.fullmatch(text.strip())
    if not found:
        raise Unreadable("a date is not DD/MM/YYYY")
    return calendar_date(int(found[3]), int(found[2]), int(found[1]))


@lru_cache(maxsize=4096)
def day_and_name(text: str) -> date:
    """`"10 Apr 26"`, `"10 April 2026"` -> 10 April 2026; as NAB writes it."""
    found = _DAY_AND_NAME.fullmatch(text.strip().lower())
    if not found or found[2] not in _MONTH:
        raise Unreadable("a date is not like 10 Apr 26")
    year = int(found[3])
    return calendar_date(year + 2000 if year < 100 else year, _MONTH[found[2]], int(found[1]))


def calendar_date(year: int, month: int, day: int) -> date:
    try:
        found = date(year, month, day)
    except ValueError:
        raise Unreadable("a date does not exist") from None
    if not 1990 <= year < 2100:
        raise Unreadable("a date is not of our time")
    return found


def words(*texts: str | None) -> str:
    """What there is of `texts`, white space collapsed."""
    return " ".join(" ".join(filter(None, texts)).split())
