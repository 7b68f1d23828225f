"""What is believed of a provider that screens, reads evidence and lodges rebate claims."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest

from tests.registry.test_guards import Clock, Scripted, guard, order
from tp_gateway.contract import (
    Outcome,
    OutcomeState,
    Prepared,
    PreparedRebate,
    RebateFact,
    RebateOrder,
    RebateState,
    Veto,
)
from tp_gateway.errors import GatewayError
from tp_gateway.registry import GuardedProvider, refusal

LODGED = RebateFact(RebateState.LODGED)
UNKNOWN = RebateFact(RebateState.UNKNOWN)


class Claimant(Scripted):
    """`answer` is what every member answers."""

    def screen(self, *arguments: Any) -> Any:
        return self.answer(*arguments)

    read_evidence = prepare_rebate = lodge_rebate = delete_rebate = screen


@pytest.fixture
def provider() -> Claimant:
    return Claimant()


@pytest.fixture
def guarded(provider: Claimant) -> Iterator[GuardedProvider]:
    made = guard(provider, Clock())
    yield made
    made.shut_down()


def rebate_order() -> RebateOrder:
    return RebateOrder("id-3", 18000, "AUD", date(2026, 1, 1), time.monotonic() + 5)


PURE = {
    "screen": lambda guarded: guarded.screen(order()),
    "read_evidence": lambda guarded: guarded.read_evidence(order(), "r", {}),
    "prepare_rebate": lambda guarded: guarded.prepare_rebate(rebate_order()),
}


@pytest.mark.parametrize("member", PURE)
@pytest.mark.parametrize("kind", ["raises", "nonsense", "exits"])
def test_a_rule_that_cannot_be_asked_is_not_skipped(
    guarded: GuardedProvider, provider: Claimant, member: str, kind: str
) -> None:
    def answer(*_: Any) -> Any:
        if kind == "raises":
            raise RuntimeError("2123456701")
        if kind == "exits":
            raise SystemExit(3)
        return "yes"

    provider.answer = answer
    with pytest.raises(GatewayError) as refused:
        PURE[member](guarded)
    assert refused.value.code == "service_unavailable" and "2123456701" not in str(refused.value.details)


def test_what_can_be_is_passed_on(guarded: GuardedProvider, provider: Claimant) -> None:
    for answer in (None, Veto("not_payable", "no")):
        provider.answer = lambda *_, it=answer: it
        assert guarded.screen(order()) is answer
    for evidence in (Prepared("r"), Veto("not_payable", "no"), Outcome(OutcomeState.PENDING, "r")):
        provider.answer = lambda *_, it=evidence: it
        assert guarded.read_evidence(order(), "r", {}) is evidence


@pytest.mark.parametrize(
    "wrong",
    [
        Prepared("another"),
        Outcome(OutcomeState.SUCCEEDED, "r"),
        Outcome(OutcomeState.PENDING, "r", provider_state={"a": {1}}),
    ],
    ids=str,
)
def test_evidence_that_cannot_be_is_not_believed(guarded: GuardedProvider, provider: Claimant, wrong: Any) -> None:
    provider.answer = lambda *_: wrong
    with pytest.raises(GatewayError):
        guarded.read_evidence(order(), "r", {})


@pytest.mark.parametrize("wrong", [PreparedRebate("", "s"), PreparedRebate("r", "")], ids=str)
def test_a_claim_without_a_name_is_not_lodged(guarded: GuardedProvider, provider: Claimant, wrong: Any) -> None:
    provider.answer = lambda *_: wrong
    with pytest.raises(GatewayError):
        guarded.prepare_rebate(rebate_order())


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        "lodged",
        RebateFact("lodged"),  # type: ignore[arg-type]
        RebateFact(RebateState.PENDABLE),
        RebateFact(RebateState.PENDABLE, decide_before=datetime(2026, 1, 1)),
        RebateFact(RebateState.LODGED, code="\0"),
        RebateFact(RebateState.LODGED, provider_state={"shown": "x"}),
        RebateFact(RebateState.LODGED, provider_state={"at": datetime(2026, 1, 1, tzinfo=UTC)}),
    ],
    ids=str,
)
def test_a_rebate_that_cannot_be_is_unknown(guarded: GuardedProvider, provider: Claimant, wrong: Any) -> None:
    provider.answer = lambda *_: wrong
    assert guarded.lodge_rebate(rebate_order(), "r") == guarded.delete_rebate(rebate_order(), "r") == UNKNOWN


def test_a_rebate_call_that_raises_or_hangs_is_unknown(guarded: GuardedProvider, provider: Claimant) -> None:
    def fail(*_: Any) -> Any:
        raise RuntimeError

    provider.answer = fail
    assert guarded.lodge_rebate(rebate_order(), "r") == UNKNOWN
    provider.answer = lambda *_: LODGED
    assert guarded.lodge_rebate(rebate_order(), "r") is LODGED
    late = RebateOrder("id-3", 1, "AUD", date(2026, 1, 1), time.monotonic() - 1)
    assert guarded.lodge_rebate(late, "r").state in (RebateState.UNKNOWN, RebateState.LODGED)


def test_a_veto_that_names_a_field_is_a_validation_error() -> None:
    named = refusal(Veto("validation_error", "No such item", "item"))
    assert (named.code, named.details) == ("validation_error", {"item": ["No such item"]})
    assert refusal(Veto("made_up", "x")).code == "not_payable"
    assert refusal(Veto("internal_error", "x")).code == "not_payable", "that is for the core to say"
    assert refusal(Veto("rate_limited", "x")).code == "rate_limited"
    assert refusal("nonsense").code == "not_payable"
