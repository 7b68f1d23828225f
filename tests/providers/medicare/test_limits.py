"""Yearly numbers, the first course, and time to lodge: every count, and every day near a boundary."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.properties.profiles import fixed
from tp_gateway.contract import ConfigurationError
from tp_gateway.providers.medicare.items import Catalogue, CountsAs
from tp_gateway.providers.medicare.limits import (
    Claim,
    FindingCode,
    Policy,
    Session,
    Severity,
    Used,
    check_course,
    check_item,
    check_sessions,
    check_time,
    last_day,
    used_in,
)

MELBOURNE = ZoneInfo("Australia/Melbourne")
POLICY = Policy(MELBOURNE)
JUNE = datetime(2026, 6, 15, 10, 0, tzinfo=MELBOURNE)
MIDNIGHT = datetime(2026, 12, 31, 13, 0, tzinfo=UTC)
"""The new year 2027 in Melbourne."""


def individual(at: datetime = JUNE, family_carer: bool = False) -> Session:
    return Session(at, 50, CountsAs.INDIVIDUAL, family_carer)


def group(at: datetime = JUNE) -> Session:
    return Session(at, 90, CountsAs.GROUP)


# --- sessions of a year -----------------------------------------------------------------------------------------------


def test_every_count_that_there_can_be() -> None:
    new_ones = [individual(), individual(family_carer=True), group(), Session(JUNE, 20, CountsAs.NONE)]
    for alone in range(12):
        for family in range(4):
            for groups in range(12):
                others = [individual()] * alone + [individual(family_carer=True)] * family + [group()] * groups
                for new in new_ones:
                    codes = {finding.code for finding in check_sessions(new, others, POLICY)}
                    assert codes == {
                        code
                        for code, one_too_many in {
                            FindingCode.INDIVIDUAL_SESSIONS_USED: new.counts_as is CountsAs.INDIVIDUAL
                            and alone + family >= 10,
                            FindingCode.GROUP_SESSIONS_USED: new.counts_as is CountsAs.GROUP and groups >= 10,
                            FindingCode.FAMILY_CARER_SESSIONS_USED: new.family_carer and family >= 2,
                        }.items()
                        if one_too_many
                    }


@pytest.mark.parametrize("new", [individual(), group()])
def test_the_tenth_goes_and_the_eleventh_is_warned_of(new: Session) -> None:
    assert check_sessions(new, [new] * 9, POLICY) == []
    (finding,) = check_sessions(new, [new] * 10, POLICY)
    assert finding.severity is Severity.WARN and finding.message.startswith("10 of 10") and "2026" in finding.message


@pytest.mark.parametrize(("at", "year"), [(MIDNIGHT - timedelta(microseconds=1), 2026), (MIDNIGHT, 2027)])
def test_the_year_is_that_of_the_clinic(at: datetime, year: int) -> None:
    assert at.year == 2026
    for moment in (at, at.astimezone(MELBOURNE), at.astimezone(ZoneInfo("America/Los_Angeles"))):
        assert used_in(year, [individual(moment)], MELBOURNE) == Used(1, 0, 0)
        assert used_in(2026, [individual(moment)], ZoneInfo("UTC")) == Used(1, 0, 0)


def test_a_full_year_does_not_bar_the_next() -> None:
    others = [individual(MIDNIGHT - timedelta(minutes=1))] * 10
    assert check_sessions(individual(MIDNIGHT - timedelta(minutes=1)), others, POLICY) != []
    assert check_sessions(individual(MIDNIGHT), others, POLICY) == []
    assert check_sessions(individual(MIDNIGHT), others, Policy(ZoneInfo("UTC"))) != []


def test_a_session_over_midnight_counts_in_the_year_it_began() -> None:
    assert used_in(2026, [individual(MIDNIGHT - timedelta(minutes=30))], MELBOURNE).individual == 1


@fixed(100)
@given(
    st.lists(
        st.builds(
            Session,
            st.datetimes(datetime(2024, 1, 1), datetime(2028, 12, 31), timezones=st.just(UTC)),
            st.just(50),
            st.sampled_from(CountsAs),
            st.booleans(),
        ),
        max_size=40,
    ),
)
def test_each_session_counts_in_one_year_whatever_the_order(sessions: list[Session]) -> None:
    years = [used_in(year, sessions, MELBOURNE) for year in range(2023, 2031)]
    assert sum(used.individual for used in years) == sum(one.counts_as is CountsAs.INDIVIDUAL for one in sessions)
    assert sum(used.group for used in years) == sum(one.counts_as is CountsAs.GROUP for one in sessions)
    assert sum(used.family_carer for used in years) == sum(one.family_carer for one in sessions)
    assert years == [used_in(year, sessions[::-1], MELBOURNE) for year in range(2023, 2031)]


def test_the_numbers_are_settings() -> None:
    policy = Policy(MELBOURNE, individual_a_year=1, group_a_year=0, family_carer_a_year=1)
    assert check_sessions(individual(), [], policy) == []
    assert [found.code for found in check_sessions(individual(), [individual()], policy)] == [
        "individual_sessions_used"
    ]
    assert [found.code for found in check_sessions(group(), [], policy)] == ["group_sessions_used"]


# --- a course ---------------------------------------------------------------------------------------------------------


def test_every_length_of_a_course() -> None:
    for used in range(12):
        for first in (True, False):
            for referred_for in (None, *range(1, 12)):
                room = min([6] * first + [referred_for] * (referred_for is not None), default=None)
                found = check_course(used, POLICY, first=first, referred_for=referred_for)
                assert [one.code for one in found] == (["course_used"] if room is not None and used >= room else [])


# --- time -------------------------------------------------------------------------------------------------------------


def test_the_last_day_for_every_day_of_the_years_around_the_change() -> None:
    day = date(2024, 1, 1)
    while day < date(2029, 1, 1):
        two = day.replace(year=day.year + 2, day=28 if (day.month, day.day) == (2, 29) else day.day)
        one = day.replace(year=day.year + 1, day=28 if (day.month, day.day) == (2, 29) else day.day)
        assert last_day(Claim.BULK_BILL, day) == (one if day >= date(2025, 9, 5) else two)
        assert last_day(Claim.PATIENT_CLAIM, day) == two
        day += timedelta(days=1)


@pytest.mark.parametrize(
    ("claim", "service", "last_moment"),
    [
        (Claim.BULK_BILL, datetime(2025, 9, 4, 23, 30), datetime(2027, 9, 4, 23, 59, 59)),
        (Claim.BULK_BILL, datetime(2025, 9, 5, 0, 0), datetime(2026, 9, 5, 23, 59, 59)),
        (Claim.BULK_BILL, datetime(2028, 2, 29, 9, 0), datetime(2029, 2, 28, 23, 59, 59)),
        (Claim.PATIENT_CLAIM, datetime(2025, 9, 5, 0, 0), datetime(2027, 9, 5, 23, 59, 59)),
        (Claim.BULK_BILL, datetime(2026, 12, 31, 22, 0), datetime(2027, 12, 31, 23, 59, 59)),
    ],
)
def test_the_last_moment_is_the_end_of_a_day_in_melbourne(
    claim: Claim, service: datetime, last_moment: datetime
) -> None:
    session = Session(service.replace(tzinfo=MELBOURNE), 50, CountsAs.INDIVIDUAL)
    last = last_moment.replace(tzinfo=MELBOURNE).astimezone(UTC)
    assert check_time(claim, session, last, POLICY) == []
    (finding,) = check_time(claim, session, last + timedelta(seconds=1), POLICY)
    assert (finding.code, finding.severity) == (FindingCode.TOO_LATE, Severity.REFUSE)
    assert last_moment.date().isoformat() in finding.message


@pytest.mark.parametrize("claim", Claim)
def test_never_before_the_session_is_over(claim: Claim) -> None:
    session = individual(JUNE)
    end = JUNE.astimezone(UTC) + timedelta(minutes=50)
    for now in (end - timedelta(microseconds=1), JUNE, JUNE - timedelta(days=400)):
        (finding,) = check_time(claim, session, now, POLICY)
        assert (finding.code, finding.severity) == (FindingCode.NOT_YET_RENDERED, Severity.REFUSE)
    assert check_time(claim, session, end, POLICY) == []


def test_a_session_across_a_clock_change_is_as_long_as_it_says() -> None:
    """Clocks go from 2:00 to 3:00 on 4 October 2026 in Melbourne."""
    session = individual(datetime(2026, 10, 4, 1, 30, tzinfo=MELBOURNE))
    assert session.ends_at == datetime(2026, 10, 3, 16, 20, tzinfo=UTC)
    assert session.ends_at.astimezone(MELBOURNE).hour == 3


def test_moments_without_a_time_zone_are_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        individual(datetime(2026, 1, 1))
    with pytest.raises(ValueError, match="time zone"):
        check_time(Claim.BULK_BILL, individual(), datetime(2026, 6, 16), POLICY)


# --- items, and how severe --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "day", "found"),
    [
        ("91169", date(2026, 8, 1), []),
        ("80010", date(2026, 8, 1), [("fee_inferred", "warn")]),
        ("80000", date(2026, 8, 1), [("fee_unknown", "refuse")]),
        ("91169", date(2027, 7, 1), [("fee_unknown", "refuse")]),
        ("80010", date(2024, 2, 29), [("item_unknown", "refuse")]),
        ("23", date(2026, 8, 1), [("item_unknown", "refuse")]),
    ],
)
def test_an_item_without_a_known_fee_is_never_lodged(number: str, day: date, found: list[tuple[str, str]]) -> None:
    findings = check_item(Catalogue.load(), number, day, POLICY)
    assert [(finding.code, finding.severity) for finding in findings] == found


@pytest.mark.parametrize("severity", Severity)
@pytest.mark.parametrize("code", FindingCode)
def test_every_severity_is_a_setting_but_for_what_would_be_false(code: FindingCode, severity: Severity) -> None:
    never_softened = {FindingCode.NOT_YET_RENDERED, FindingCode.ITEM_UNKNOWN, FindingCode.FEE_UNKNOWN}
    if code in never_softened and severity is Severity.WARN:
        with pytest.raises(ConfigurationError, match=code):
            Policy(MELBOURNE, severities={code: severity})
    else:
        policy = Policy(MELBOURNE, severities={code: severity})
        for other in FindingCode:
            usual = Severity.REFUSE if other in {*never_softened, FindingCode.TOO_LATE} else Severity.WARN
            assert policy.finding(other, "").severity is (severity if other is code else usual)
