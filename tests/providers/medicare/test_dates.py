"""Days in a time zone, and a year later."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tp_gateway.providers.medicare.dates import add_months, add_years, local_day

MELBOURNE = ZoneInfo("Australia/Melbourne")


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        (datetime(2026, 12, 31, 12, 59, 59, tzinfo=UTC), date(2026, 12, 31)),
        (datetime(2026, 12, 31, 13, 0, tzinfo=UTC), date(2027, 1, 1)),
        (datetime(2026, 6, 30, 13, 59, 59, tzinfo=UTC), date(2026, 6, 30)),
        (datetime(2026, 6, 30, 14, 0, tzinfo=UTC), date(2026, 7, 1)),
        (datetime(2026, 10, 3, 15, 59, tzinfo=UTC), date(2026, 10, 4)),
    ],
)
def test_the_day_is_the_clinics(moment: datetime, day: date) -> None:
    assert local_day(moment, MELBOURNE) == day
    assert local_day(moment.astimezone(ZoneInfo("America/New_York")), MELBOURNE) == day


def test_a_naive_moment_has_no_day() -> None:
    with pytest.raises(ValueError, match="time zone"):
        local_day(datetime(2026, 1, 1), MELBOURNE)


def test_a_year_after_every_day_of_eight_years() -> None:
    day = date(2024, 1, 1)
    while day < date(2032, 1, 1):
        for years in (1, 2):
            leap = (day.month, day.day) == (2, 29)
            assert add_years(day, years) == day.replace(year=day.year + years, day=28 if leap else day.day)
        day += timedelta(days=1)


@pytest.mark.parametrize(
    ("day", "months", "later"),
    [
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2028, 1, 31), 1, date(2028, 2, 29)),
        (date(2026, 12, 15), 1, date(2027, 1, 15)),
        (date(2026, 11, 30), 15, date(2028, 2, 29)),
        (date(2026, 5, 31), 0, date(2026, 5, 31)),
        (date(2026, 1, 1), 11, date(2026, 12, 1)),
    ],
)
def test_months(day: date, months: int, later: date) -> None:
    assert add_months(day, months) == later
