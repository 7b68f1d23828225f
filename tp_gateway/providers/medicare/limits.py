"""What speaks against lodging, from facts that the caller gives: the sessions a clinic knows of, and the time. It only
finds; whether to go on is the caller's, and whether to pay is Medicare's, which alone knows of other clinics' sessions.

Yearly numbers and the first course: servicesaustralia.gov.au, MBS billing rules for mental health services, and allied
health referrals for mental health treatment services. Time to lodge: claimlogic.com.au quoting the Department (one year
for bulk bills since 5 September 2025), servicesaustralia.gov.au, Medicare claims (two years for patient claims). That
the anniversary itself is still in time is our reading: Medicare refuses a late claim with 9203 or 9210.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from tp_gateway.contract import ConfigurationError
from tp_gateway.providers.medicare.dates import add_years, local_day
from tp_gateway.providers.medicare.items import Catalogue, Certainty, CountsAs

ONE_YEAR_SINCE = date(2025, 9, 5)
"""Bulk bills of services on or after this day: one year; of earlier ones two."""


class Severity(StrEnum):
    WARN = "warn"
    REFUSE = "refuse"


class FindingCode(StrEnum):
    """What can be found. The last three cannot be softened: such a claim would be false, or has no amount."""

    INDIVIDUAL_SESSIONS_USED = "individual_sessions_used"
    GROUP_SESSIONS_USED = "group_sessions_used"
    FAMILY_CARER_SESSIONS_USED = "family_carer_sessions_used"
    COURSE_USED = "course_used"
    TOO_LATE = "too_late"
    FEE_INFERRED = "fee_inferred"
    NOT_YET_RENDERED = "not_yet_rendered"
    ITEM_UNKNOWN = "item_unknown"
    FEE_UNKNOWN = "fee_unknown"


_ALWAYS_REFUSED = frozenset({FindingCode.NOT_YET_RENDERED, FindingCode.ITEM_UNKNOWN, FindingCode.FEE_UNKNOWN})
_REFUSED_UNLESS_CHANGED = _ALWAYS_REFUSED | {FindingCode.TOO_LATE}


class Claim(StrEnum):
    BULK_BILL = "bulk_bill"
    PATIENT_CLAIM = "patient_claim"


@dataclass(frozen=True, slots=True)
class Finding:
    """`message` is for staff; it names no patient."""

    code: FindingCode
    severity: Severity
    message: str


@dataclass(frozen=True, slots=True)
class Policy:
    """The numbers, and how severe each finding is: `severities` changes single ones. `zone` is the clinic's: the day of
    a service, and so its year, is the day there. ConfigurationError where what is always refused is only to be warned
    of."""

    zone: ZoneInfo
    individual_a_year: int = 10
    group_a_year: int = 10
    family_carer_a_year: int = 2
    first_course: int = 6
    severities: Mapping[FindingCode, Severity] = field(default_factory=dict)

    def __post_init__(self) -> None:
        softened = [code for code in sorted(_ALWAYS_REFUSED) if self.severities.get(code) is Severity.WARN]
        if softened:
            raise ConfigurationError(f"Always refused: {', '.join(softened)}")

    def finding(self, code: FindingCode, message: str) -> Finding:
        usual = Severity.REFUSE if code in _REFUSED_UNLESS_CHANGED else Severity.WARN
        return Finding(code, self.severities.get(code, usual), message)


@dataclass(frozen=True, slots=True)
class Session:
    """One session that is billed to Medicare. `starts_at` is aware (ValueError); `family_carer` sessions count as
    individual ones too."""

    starts_at: datetime
    minutes: int
    counts_as: CountsAs
    family_carer: bool = False

    def __post_init__(self) -> None:
        if self.starts_at.tzinfo is None:
            raise ValueError("A session without a time zone")

    @property
    def ends_at(self) -> datetime:
        # In UTC: a session across a clock change is as long as it says.
        return self.starts_at.astimezone(UTC) + timedelta(minutes=self.minutes)


@dataclass(frozen=True, slots=True)
class Used:
    individual: int
    group: int
    family_carer: int


def used_in(year: int, sessions: Iterable[Session], zone: ZoneInfo) -> Used:
    """How many of `sessions` have their day of service in the calendar year `year`, by what they count as."""
    that_year = [session for session in sessions if local_day(session.starts_at, zone).year == year]
    return Used(
        individual=sum(session.counts_as is CountsAs.INDIVIDUAL for session in that_year),
        group=sum(session.counts_as is CountsAs.GROUP for session in that_year),
        family_carer=sum(session.family_carer for session in that_year),
    )


def check_sessions(new: Session, others: Iterable[Session], policy: Policy) -> list[Finding]:
    """Whether `new` is one too many in its calendar year, beside the patient's `others` (without `new`)."""
    year = local_day(new.starts_at, policy.zone).year
    used = used_in(year, others, policy.zone)
    found = []
    if new.counts_as is CountsAs.INDIVIDUAL and used.individual >= policy.individual_a_year:
        text = f"{used.individual} of {policy.individual_a_year} individual sessions of {year} are used"
        found.append(policy.finding(FindingCode.INDIVIDUAL_SESSIONS_USED, text))
    if new.counts_as is CountsAs.GROUP and used.group >= policy.group_a_year:
        text = f"{used.group} of {policy.group_a_year} group sessions of {year} are used"
        found.append(policy.finding(FindingCode.GROUP_SESSIONS_USED, text))
    if new.family_carer and used.family_carer >= policy.family_carer_a_year:
        text = f"{used.family_carer} of {policy.family_carer_a_year} family and carer sessions of {year} are used"
        found.append(policy.finding(FindingCode.FAMILY_CARER_SESSIONS_USED, text))
    return found


def check_course(used: int, policy: Policy, *, first: bool, referred_for: int | None = None) -> list[Finding]:
    """Whether a course has room for another session after `used` ones under the same referral. The first course has
    up to six; `referred_for` is how many the referral says, and a later course without it is bounded by the year
    alone."""
    bounds = ([policy.first_course] if first else []) + ([] if referred_for is None else [referred_for])
    if not bounds or used < min(bounds):
        return []
    text = f"{used} of {min(bounds)} sessions of this referral are used; a new referral is needed"
    return [policy.finding(FindingCode.COURSE_USED, text)]


def last_day(claim: Claim, service_day: date) -> date:
    """The last day on which a service of `service_day` can be claimed."""
    one_year = claim is Claim.BULK_BILL and service_day >= ONE_YEAR_SINCE
    return add_years(service_day, 1 if one_year else 2)


def check_time(claim: Claim, session: Session, now: datetime, policy: Policy) -> list[Finding]:
    """Whether `now` is after the session's end and not after its last day. ValueError for a naive moment."""
    until = last_day(claim, local_day(session.starts_at, policy.zone))
    if local_day(now, policy.zone) > until:
        return [policy.finding(FindingCode.TOO_LATE, f"The last day to lodge this was {until.isoformat()}")]
    if now < session.ends_at:
        return [policy.finding(FindingCode.NOT_YET_RENDERED, "Medicare pays only for a session that took place")]
    return []


def check_item(catalogue: Catalogue, number: str, service_day: date, policy: Policy) -> list[Finding]:
    """Whether the item can be lodged at all, for a service of that day."""
    if catalogue.item_on(number, service_day) is None:
        text = f"Item {number} is not in the catalogue for {service_day.isoformat()}"
        return [policy.finding(FindingCode.ITEM_UNKNOWN, text)]
    fee = catalogue.fee_on(number, service_day)
    if fee is None:
        text = f"The schedule fee of item {number} on {service_day.isoformat()} is not known; load it first"
        return [policy.finding(FindingCode.FEE_UNKNOWN, text)]
    if fee.certainty is Certainty.INFERRED:
        text = f"The schedule fee of item {number} is concluded ({fee.source}). Check it on MBS Online"
        return [policy.finding(FindingCode.FEE_INFERRED, text)]
    return []
