"""What Medicare's answer to lodging means: only what is certain ends a claim."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from tp_gateway.contract import Outcome, OutcomeState, Reason
from tp_gateway.providers.medicare.claim import BulkBillClaim, State
from tp_gateway.providers.medicare.codes import CodeClass, classify, known_codes
from tp_gateway.providers.medicare.lodging import answered
from tp_gateway.providers.medicare.rendered import Rendered
from tp_gateway.providers.medicare.reports import Reports
from tp_gateway.providers.medicare.transports import (
    Failure,
    Message,
    NotSent,
    ProcessingReport,
    Refused,
    ReportStatus,
    Transport,
    Unclear,
)
from tp_gateway.providers.medicare.transports.results import Severity
from tp_gateway.providers.medicare.transports.values import ReportQuery

REFERENCE = "urn:uuid:TST000010123456789abcdef"
NOW = datetime(2026, 11, 20, tzinfo=UTC)
WHAT = Rendered("21234567011", date(2026, 11, 19), NOW, 50, (("80110", 18000),), "2447781L", "")
CLAIM = BulkBillClaim(State.SUBMITTING, WHAT.plain(), NOW.isoformat())


def refused(*codes: str) -> Refused:
    return Refused(tuple(Message(code, f"words of {code}", Severity.ERROR) for code in codes))


def told(answer: Failure, *, repeated: bool = False, claim: BulkBillClaim = CLAIM) -> Outcome:
    return answered(claim, REFERENCE, answer, NOW, repeated=repeated)


def state(outcome: Outcome) -> str:
    assert outcome.provider_state is not None
    found: str = outcome.provider_state["claim"]["state"]
    return found


@pytest.mark.parametrize("code", sorted(known_codes() | {"9999"}))
def test_only_a_code_that_says_no_for_certain_ends_a_claim(code: str) -> None:
    outcome = told(refused(code))
    if classify(code) not in (CodeClass.FIX, CodeClass.FINAL) or code == "9777":
        assert (outcome.state, state(outcome)) == (OutcomeState.UNKNOWN, "unknown")
    else:
        assert (outcome.state, outcome.closed, outcome.reason) == (
            OutcomeState.DECLINED,
            True,
            Reason.CLAIM_REJECTED,
        )
        assert state(outcome) == "rejected" and outcome.provider_code == code


@pytest.mark.parametrize("code", ["9632", "9704", "162", "620"])
def test_a_duplicate_of_what_was_sent_before_is_the_first_one(code: str) -> None:
    outcome = told(refused(code), repeated=True)
    assert (outcome.state, state(outcome)) == (OutcomeState.UNKNOWN, "unknown")


class _KnowsNothing(Transport):
    """Medicare, asked for the report of a claim that it has never seen."""

    def processing_report(self, query: ReportQuery, correlation_id: str, deadline: float) -> ProcessingReport:
        return ProcessingReport(ReportStatus.NOT_FOUND)


def _asked(claim: BulkBillClaim, after: timedelta) -> Outcome:
    return Reports(_KnowsNothing(), None).ask(claim, REFERENCE, 0, NOW + after)  # type: ignore[abstract]


def test_a_duplicate_whose_claim_medicare_does_not_know_is_not_ours() -> None:
    """The first request never arrived, and the service was paid by another claim. A report can be late by a night."""
    twice = replace(CLAIM, state=State.UNKNOWN, code="9632", text="words of 9632")
    at_once, later = _asked(twice, timedelta(hours=20)), _asked(twice, timedelta(hours=50))
    assert (at_once.state, at_once.reason) == (OutcomeState.UNKNOWN, Reason.NO_SUCH_OBJECT)
    assert (later.state, later.closed, later.provider_code) == (OutcomeState.DECLINED, True, "9632")
    assert state(later) == "rejected"
    unclear = _asked(replace(twice, unclear=["urn:uuid:TST00001aaaaaaaaaaaaaaaa"]), timedelta(hours=50))
    assert (unclear.state, state(unclear)) == (OutcomeState.PENDING, "with_medicare")
    assert _asked(replace(twice, code=""), timedelta(hours=50)).reason is Reason.NO_SUCH_OBJECT, "it is sent again"


def test_of_several_reasons_the_one_that_is_understood_counts() -> None:
    outcome = told(refused("9999", "9202"))
    assert outcome.provider_code == "9202" and outcome.provider_state is not None
    assert outcome.provider_state["claim"]["text"] == "words of 9202"


def test_what_is_unclear_or_was_never_sent() -> None:
    assert told(Unclear("time-out")).state is OutcomeState.UNKNOWN
    assert told(Unclear("used", 400, (Message("9777", "used"),))).state is OutcomeState.UNKNOWN
    assert (told(NotSent("no line")).state, told(NotSent("no line")).reason) == (
        OutcomeState.NOT_SENT,
        Reason.UNREACHABLE,
    )


def test_a_claim_survives_being_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = CLAIM.kept()
    assert BulkBillClaim.read(kept).kept() == kept and BulkBillClaim.read(kept).what() == WHAT
    assert "21234567011" not in str(kept["shown"]) and "2123" not in repr(CLAIM)
