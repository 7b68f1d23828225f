"""May this be lodged? Everything the clinic can know beforehand, found and weighed as the settings say. Medicare has
the last word: it alone knows of other clinics' sessions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from tp_gateway.contract import Earlier, Veto
from tp_gateway.providers.medicare import limits
from tp_gateway.providers.medicare.consent import VERBAL_UNTIL, AssignmentType
from tp_gateway.providers.medicare.dates import local_day
from tp_gateway.providers.medicare.items import Catalogue, CountsAs
from tp_gateway.providers.medicare.limits import Claim, Finding, FindingCode, Policy, Session, Severity
from tp_gateway.providers.medicare.referral import OverrideCode, read
from tp_gateway.providers.medicare.rendered import Rendered, of_earlier

_ABOUT_ITEM = (FindingCode.ITEM_UNKNOWN, FindingCode.FEE_UNKNOWN)


def findings(
    claim: Claim,
    what: Rendered,
    asked: Mapping[str, Any],
    earlier: Iterable[Earlier],
    catalogue: Catalogue,
    policy: Policy,
    now: datetime,
) -> list[Finding]:
    """What speaks against lodging. `asked` is what `ServiceFields.typed` gave; `now` is aware."""
    # An attempt that this one takes the place of, or follows, is no session beside it.
    others = [one for one in of_earlier(earlier) if not one.is_same_service(what)]
    theirs = [session for one in others for session in one.sessions(catalogue)]
    mine = what.sessions(catalogue)
    found = [finding for number, _ in what.items for finding in limits.check_item(catalogue, number, what.day, policy)]
    for place, session in enumerate(mine):
        found += limits.check_sessions(session, [*theirs, *mine[:place]], policy)
    if mine and what.referral:
        under = sum(one.referral == what.referral for one in others)
        first = all(one.referral in ("", what.referral) for one in others)
        found += limits.check_course(under, policy, first=first, referred_for=asked["sessions_referred"])
    found += limits.check_time(claim, mine[0] if mine else _session(what), now, policy)
    return list(dict.fromkeys(found))


def refusal(found: Iterable[Finding]) -> Veto | None:
    """The first finding that refuses."""
    for finding in found:
        if finding.severity is Severity.REFUSE:
            if finding.code in _ABOUT_ITEM:
                return Veto("validation_error", finding.message, "item")
            return Veto("not_payable", finding.message)
    return None


def warnings(found: Iterable[Finding]) -> list[str]:
    return [finding.message for finding in found if finding.severity is Severity.WARN]


def referral_warning(asked: Mapping[str, Any], what: Rendered) -> list[str]:
    """A local look at the referral's dates can warn; Medicare decides."""
    referral = read(asked["referral"])
    if isinstance(referral, OverrideCode) or referral.is_valid_on(what.day):
        return []
    return ["By its dates the referral does not cover the day of the service"]


def consent_refusal(consent: Mapping[str, Any] | None, service_day: date, policy: Policy) -> Veto | None:
    """The rules of a consent that need the clinic's calendar. Before and after the service both include its day."""
    if consent is None:
        return None
    kind, given_on = consent["type"], local_day(consent["assigned_at"], policy.zone)
    text = None
    if kind == AssignmentType.VERBAL and given_on > VERBAL_UNTIL:
        text = f"A verbal assignment is possible until {VERBAL_UNTIL.isoformat()}"
    elif kind == AssignmentType.POST and given_on < service_day:
        text = f"Given after the service (post), and dated before it: the service was on {service_day.isoformat()}"
    elif kind == AssignmentType.PRE and given_on > service_day:
        text = f"Given before the service (pre), and dated after it: the service was on {service_day.isoformat()}"
    return None if text is None else Veto("validation_error", text, "consent")


def _session(what: Rendered) -> Session:
    """A service that counts against nothing has its time all the same."""
    return Session(what.starts_at, what.minutes, CountsAs.NONE)
