"""What Medicare's answer to lodging means: only what is certain ends a claim."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from tp_gateway.contract import Outcome, OutcomeState, Reason
from tp_gateway.providers.medicare.claim import BulkBillClaim, State
from tp_gateway.providers.medicare.codes import CodeClass, classify, known_codes
from tp_gateway.providers.medicare.lodging import answered
from tp_gateway.providers.medicare.rendered import Rendered
from tp_gateway.providers.medicare.transports import Failure, Message, NotSent, Refused, Unclear
from tp_gateway.providers.medicare.transports.results import Severity

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
