"""Which days a period has, which came before, and the points of its chart."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from tests.analytics.oracle import rounded
from tp_gateway.errors import ValidationError
from tp_gateway.services.analytics.periods import LONGEST_DAYS, Asked, Period, period
from tp_gateway.services.analytics.ratios import growth, ratio
from tp_gateway.services.analytics.reading import _stretches

TODAY = date(2025, 1, 19)
EVER = (date(2022, 3, 5), date(2025, 2, 1))


def asked(kind: str = "month", first: date | None = None, last: date | None = None, today: date = TODAY) -> Period:
    return period(Asked(kind, first, last), today, EVER)


@pytest.mark.parametrize(
    ("kind", "days", "before"),
    [
        ("today", (TODAY, TODAY), (date(2025, 1, 18), date(2025, 1, 18))),
        ("week", (date(2025, 1, 13), TODAY), (date(2025, 1, 6), date(2025, 1, 12))),
        ("month", (date(2025, 1, 1), date(2025, 1, 31)), (date(2024, 12, 1), date(2024, 12, 31))),
        ("year", (date(2025, 1, 1), date(2025, 12, 31)), (date(2024, 1, 1), date(2024, 12, 31))),
        ("all", EVER, None),
    ],
)
def test_periods_of_the_calendar(kind: str, days: tuple[date, date], before: tuple[date, date] | None) -> None:
    found = asked(kind)
    assert ((found.first, found.last), found.before) == (days, before)


def test_chosen_days_are_compared_with_as_many_before() -> None:
    found = asked(first=date(2025, 1, 5), last=date(2025, 1, 14))
    assert (found.kind, found.before) == ("custom", (date(2024, 12, 26), date(2025, 1, 4)))


def test_chosen_days_have_bounds() -> None:
    first = date(2015, 1, 1)
    assert asked(first=first, last=first + timedelta(days=LONGEST_DAYS - 1)).first == first
    with pytest.raises(ValidationError):
        asked(first=first, last=first + timedelta(days=LONGEST_DAYS))


def test_every_month_has_five_points_as_sampled() -> None:
    for number in range(48):
        day = date(2023 + number // 12, number % 12 + 1, 15)
        month = asked(today=day)
        assert [one.day for one in month.points()] == [1, 8, 15, 22, month.last.day]
        assert asked(first=month.first, last=month.last).points() == month.points()


@pytest.mark.parametrize(
    ("found", "number", "second"),
    [
        (asked("week"), 7, date(2025, 1, 14)),
        (asked("year"), 12, date(2025, 2, 28)),
        (asked("all"), 36, date(2022, 4, 30)),
        (asked(first=date(2016, 5, 5), last=date(2025, 5, 1)), 10, date(2017, 12, 31)),
        (asked(first=TODAY, last=TODAY + timedelta(days=92)), 14, date(2025, 1, 26)),
        (asked(first=TODAY, last=TODAY + timedelta(days=93)), 4, date(2025, 2, 28)),
        (asked(first=TODAY, last=TODAY + timedelta(days=1)), 2, TODAY + timedelta(days=1)),
    ],
)
def test_points_of_other_periods(found: Period, number: int, second: date) -> None:
    points = found.points()
    assert (len(points), points[1], points[-1]) == (number, second, found.last)


def test_any_period_is_the_same_days_in_months_and_days() -> None:
    """No day twice, none left out, none more."""
    for first in (date(2024, 1, 1), date(2024, 1, 31), date(2024, 2, 29), date(2023, 12, 15)):
        for length in (1, 2, 28, 29, 31, 32, 60, 366, 800):
            last, found = first + timedelta(days=length - 1), list[date]()
            for span, start, end in _stretches(first, last):
                assert span == "day" or (start.day == 1 and (end + timedelta(days=1)).day == 1)
                found += [start + timedelta(days=number) for number in range((end - start).days + 1)]
            assert found == [first + timedelta(days=number) for number in range(length)]
    assert list(_stretches(TODAY, TODAY - timedelta(days=1))) == []


def test_ratios_round_halves_up_and_growth_has_no_holes() -> None:
    for part in range(-40, 41):
        for whole in range(9):
            assert ratio(part, whole, 1) == rounded(part, whole, 1)
            assert ratio(part, whole) == rounded(part, whole)
    assert [ratio(1, 8, 2), ratio(5, 2), ratio(1, 20, 1)] == [0.13, 3.0, 0.1]
    assert [growth(0, 0), growth(5, 0), growth(-5, 0), growth(0, 5), growth(108, 100), growth(50, -50)] == [
        0.0, 100.0, -100.0, -100.0, 8.0, 200.0
    ]  # fmt: skip
