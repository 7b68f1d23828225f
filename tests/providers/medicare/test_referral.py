"""A referral or the reason for having none, never both; and whether its dates cover a service."""

import itertools
from datetime import date, timedelta
from string import ascii_uppercase
from typing import Any

import colander
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.properties.profiles import fixed
from tp_gateway.providers.medicare.referral import OverrideCode, PeriodCode, Referral, ReferralSchema, read

WHOLE: dict[str, Any] = {
    "provider_number": "2447781L",
    "issued_on": "2026-08-01",
    "period_code": "N",
    "period_months": 12,
    "override_code": "L",
}
DETAILS = {key: value for key, value in WHOLE.items() if key != "override_code"}


def refused(sent: dict[str, Any]) -> dict[str, Any]:
    with pytest.raises(colander.Invalid) as found:
        ReferralSchema().deserialize(sent)
    return dict(found.value.asdict())


def test_every_combination_of_present_fields() -> None:
    """Accepted are exactly: an override code alone, and details that belong together."""
    accepted = []
    for size in range(len(WHOLE) + 1):
        for names in itertools.combinations(WHOLE, size):
            for code in "SNI" if "period_code" in names else "S":
                sent = {name: WHOLE[name] for name in names} | ({"period_code": code} if "period_code" in names else {})
                try:
                    accepted.append(read(ReferralSchema().deserialize(sent)))
                except colander.Invalid:
                    continue
    day = date(2026, 8, 1)
    assert accepted == [
        OverrideCode.LOST,
        Referral("2447781L", day, PeriodCode.STANDARD),
        Referral("2447781L", day, PeriodCode.INDEFINITE),
        Referral("2447781L", day, PeriodCode.NON_STANDARD, 12),
    ]


def test_every_letter_as_a_code() -> None:
    for letter in ascii_uppercase:
        override: dict[str, Any] = {"override_code": letter}
        period = DETAILS | {"period_code": letter} if letter == "N" else {**DETAILS, "period_code": letter}
        if letter != "N":
            period = {key: value for key, value in period.items() if key != "period_months"}
        if letter in "HLEN":
            assert read(ReferralSchema().deserialize(override)) is OverrideCode(letter)
        else:
            assert "override_code" in refused(override)
        if letter in "SNI":
            assert isinstance(read(ReferralSchema().deserialize(period)), Referral)
        else:
            assert "period_code" in refused(period)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"provider_number": "1234567A"}, "provider_number"),
        ({"provider_number": None}, "provider_number"),
        ({"issued_on": "2026-02-29"}, "issued_on"),
        ({"issued_on": "01.08.2026"}, "issued_on"),
        ({"issued_on": "20260801"}, "issued_on"),
        ({"period_months": 0}, "period_months"),
        ({"period_months": 100}, "period_months"),
        ({"period_months": "12"}, "period_months"),
        ({"period_code": "n"}, "period_code"),
        ({"referrer_name": "x"}, "referrer_name"),
        ({"override_code": "N"}, "override_code"),
    ],
)
def test_a_wrong_field_is_named(change: dict[str, Any], field: str) -> None:
    assert list(refused(DETAILS | change)) == [field]


def test_one_to_ninety_nine_months() -> None:
    for months in range(-1, 102):
        sent = DETAILS | {"period_months": months}
        if 1 <= months <= 99:
            assert ReferralSchema().deserialize(sent)["period_months"] == months
        else:
            assert "period_months" in refused(sent)


def test_months_count_from_the_first_service_and_end_on_their_day() -> None:
    referral = Referral("2447781L", date(2026, 8, 1), PeriodCode.NON_STANDARD, 12)
    assert referral.last_day() == date(2027, 8, 1)
    assert referral.last_day(date(2026, 9, 15)) == date(2027, 9, 15)
    assert referral.is_valid_on(date(2027, 8, 1)) and not referral.is_valid_on(date(2027, 8, 2))
    assert referral.is_valid_on(date(2027, 9, 15), date(2026, 9, 15))
    assert not referral.is_valid_on(date(2026, 7, 31))


@fixed(100)
@given(
    issued=st.dates(date(2020, 1, 1), date(2030, 1, 1)),
    days=st.integers(-800, 4000),
    code=st.sampled_from(PeriodCode),
    months=st.integers(1, 99),
)
def test_no_referral_is_valid_before_its_issue_and_only_months_end_it(
    issued: date, days: int, code: PeriodCode, months: int
) -> None:
    referral = Referral("2447781L", issued, code, months if code is PeriodCode.NON_STANDARD else None)
    valid = referral.is_valid_on(issued + timedelta(days=days))
    if days < 0:
        assert not valid
    elif code is not PeriodCode.NON_STANDARD or days <= 28 * months:
        assert valid
    elif days > 31 * months:
        assert not valid
