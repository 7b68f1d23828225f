"""Shares and averages, from whole numbers."""

from __future__ import annotations


def ratio(part: int, whole: int, places: int = 0) -> float:
    """`part / whole`, 0 of nothing, rounded to so many decimal places with halves away from zero. Exact until then, so
    that no two machines disagree about the last place. `whole` is not negative."""
    if whole <= 0:
        return 0.0
    scaled: int = abs(part) * 10**places
    rounded = (2 * scaled + whole) // (2 * whole)
    return float(rounded if part >= 0 else -rounded) / float(10**places)


def percent(part: int, whole: int, places: int = 0) -> float:
    return ratio(100 * part, whole, places)


def growth(now: int, before: int) -> float:
    """In percent of before, one decimal place. 100.0 where there was none before, 0.0 where neither had any."""
    if before == 0:
        return 0.0 if now == 0 else 100.0 if now > 0 else -100.0
    return percent(now - before, abs(before), 1)
