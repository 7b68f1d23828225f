"""What is believed of a hold and of a dispute: only what is possible."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.registry.test_guards import NOW, Clock, Scripted, capture_order, guard, order
from tp_gateway.contract import DisputeFact, DisputeMovement, DisputeStatus, Outcome, OutcomeState
from tp_gateway.money import MAX_MINOR_UNITS
from tp_gateway.registry import GuardedProvider, ProviderFailed

HELD = Outcome(OutcomeState.AUTHORIZED, "pi_1", currency="AUD", authorized=18000, capture_before=NOW)
TAKEN = DisputeMovement("txn_1", -18000, 2500)
FACT = DisputeFact("du_1", DisputeStatus.NEEDS_RESPONSE, 18000, "AUD", NOW, movements=(TAKEN,))
NAIVE = datetime(2025, 1, 19)


@pytest.fixture
def provider() -> Scripted:
    return Scripted()


@pytest.fixture
def guarded(provider: Scripted) -> Iterator[GuardedProvider]:
    made = guard(provider, Clock())
    yield made
    made.shut_down()


@pytest.mark.parametrize(
    "wrong",
    [
        {"authorized": None},
        {"authorized": 0},
        {"authorized": -1},
        {"authorized": True},
        {"authorized": 180.0},
        {"authorized": MAX_MINOR_UNITS + 1},
        {"currency": None},
        {"currency": "aud"},
        {"reference": None},
        {"capture_before": NAIVE},
        {"capture_before": "tomorrow"},
    ],
    ids=str,
)
def test_a_hold_that_cannot_be_is_unknown(guarded: GuardedProvider, provider: Scripted, wrong: dict[str, Any]) -> None:
    provider.answer = lambda *_: replace(HELD, **wrong)
    for outcome in (guarded.execute(order(), "pi_1"), guarded.capture(capture_order())):
        assert (outcome.state, outcome.provider_code) == (OutcomeState.UNKNOWN, "nonsense")


def test_a_hold_that_can_be_is_passed_on(guarded: GuardedProvider, provider: Scripted) -> None:
    for held in (HELD, replace(HELD, capture_before=None)):
        provider.answer = lambda *_, held=held: held
        assert guarded.fetch(order(), "pi_1") is held


@pytest.mark.parametrize(
    "wrong",
    [
        {"reference": "du_2"},
        {"reference": ""},
        {"status": "needs_response_"},
        {"status": None},
        {"amount": 0},
        {"amount": -18000},
        {"amount": 180.0},
        {"currency": "aud"},
        {"currency": None},
        {"opened_at": NAIVE},
        {"opened_at": None},
        {"evidence_due_by": NAIVE},
        {"reason": None},
        {"reason": "a\x00b"},
        {"payment_reference": 7},
        {"labels": {"tp_gateway_payment": None}},
        {"movements": [TAKEN]},
        {"movements": (replace(TAKEN, amount=0),)},
        {"movements": (replace(TAKEN, amount=-180.0),)},
        {"movements": (replace(TAKEN, amount=-MAX_MINOR_UNITS - 1),)},
        {"movements": (replace(TAKEN, fee=None),)},
        {"movements": (replace(TAKEN, reference=""),)},
        {"movements": (None,)},
        {"movements": (TAKEN,) * 201},
    ],
    ids=lambda wrong: str(wrong)[:80],
)
def test_a_dispute_that_cannot_be_was_not_told(
    guarded: GuardedProvider, provider: Scripted, wrong: dict[str, Any]
) -> None:
    provider.answer = lambda *_: replace(FACT, **wrong)
    with pytest.raises(ProviderFailed, match=r"scripted\.fetch_dispute"):
        guarded.fetch_dispute("du_1", time.monotonic() + 5)


def test_a_dispute_that_can_be_is_passed_on(guarded: GuardedProvider, provider: Scripted) -> None:
    returned = DisputeMovement("txn_2", 18000, -2500)
    for fact in (None, FACT, replace(FACT, movements=(TAKEN, returned), evidence_due_by=datetime.now(UTC))):
        provider.answer = lambda *_, fact=fact: fact
        assert guarded.fetch_dispute("du_1", time.monotonic() + 5) is fact
