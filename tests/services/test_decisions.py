"""Staff end what needs review: they accept what waits in suspense, or say that the payment has failed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.stripe import StripeSandbox
from tests.clinic import Clinic, Key, manager, refused, render, sandbox
from tests.invariants import contradictions
from tests.services.test_recovery import CONFIRM, RETRIEVE

pytestmark = pytest.mark.catalogue(32)


@pytest.fixture
def clinic(database_url: str, stripe_sandbox: StripeSandbox) -> Iterator[Clinic]:
    """Its provider lies, so that its books and ours cannot agree on a sum (I2). All else must hold."""
    sandbox(stripe_sandbox.url, "POST", "reset")
    made = Clinic(database_url, stripe_sandbox.url).open()
    yield made
    problems = contradictions(made.database.engine, made.books(), at_rest=False)
    made.close()
    assert not [problem for problem in problems if not problem.startswith("I2")]


def wrong(clinic: Clinic, lie: str, **more: Any) -> int:
    """A payment that the provider settled otherwise than it was asked, and keeps saying so."""
    clinic.appointment()
    clinic.fault(CONFIRM, lie, times=None)
    clinic.fault(RETRIEVE, lie, times=None)
    paid = clinic.pay(**more).id
    [row] = clinic.rows("SELECT needs_review, state FROM payments")
    assert row.needs_review and row.state == "unknown"
    return paid


def decide(clinic: Clinic, payment_id: int, accept: bool, key: Key | None = None) -> dict[str, Any]:
    answer = clinic.gateway.review.decide(manager, payment_id, accept, "looked at the bank", render, key)
    told: dict[str, Any] = json.loads(answer.text)
    return told


def entries(clinic: Clinic) -> list[tuple[str, int]]:
    rows = clinic.rows("SELECT kind, amount FROM ledger_entries WHERE kind <> 'fee' ORDER BY id")
    return [(row.kind, row.amount) for row in rows]


def test_what_is_accepted_is_the_payments_own(clinic: Clinic) -> None:
    payment_id, key = wrong(clinic, "wrong_amount"), Key(8, "evidence", "k1", "a")
    [(_, amount)] = entries(clinic)
    assert amount != 18000
    assert decide(clinic, payment_id, True, key)["status"] == "succeeded"
    assert decide(clinic, payment_id, True, key)["status"] == "succeeded", "the same key once more"
    [row] = clinic.rows("SELECT captured, needs_review, review_note, next_check_at FROM payments")
    assert tuple(row) == (amount, False, "looked at the bank", None)
    kinds = [kind for kind, _ in entries(clinic)]
    paid = {"charge": min(amount, 18000)} | ({"overpayment": amount - 18000} if amount > 18000 else {})
    assert kinds[:2] == ["suspense", "suspense_reversal"] and dict(entries(clinic)[2:]) == paid
    moves = clinic.rows("SELECT to_state, actor, reason FROM transitions ORDER BY id")
    assert tuple(moves[-1]) == ("succeeded", "user:8", "review: looked at the bank")
    assert refused(decide, clinic, payment_id, True).code == "not_payable", "it needs no review any more"
    clinic.fault(RETRIEVE, "wrong_amount", times=None)
    clinic.gateway.recovery.look(clinic.payment(payment_id), "sweep")
    assert not clinic.payment(payment_id).needs_review, "what was accepted is not asked again"


def test_another_currency_cannot_be_accepted(clinic: Clinic) -> None:
    payment_id = wrong(clinic, "wrong_currency")
    assert refused(decide, clinic, payment_id, True).code == "not_payable"
    assert clinic.rows("SELECT needs_review FROM payments")[0].needs_review


@pytest.mark.parametrize("lie", ["wrong_amount", "wrong_currency"])
def test_failed_leaves_the_money_in_suspense_and_the_way_free(clinic: Clinic, lie: str) -> None:
    payment_id = wrong(clinic, lie)
    before = entries(clinic)
    assert decide(clinic, payment_id, False)["status"] == "failed"
    assert entries(clinic) == before
    [message] = clinic.rows("SELECT topic FROM outbox_messages WHERE topic = 'payment.failed'")
    assert message


def test_what_needs_no_review_is_not_decided_about(clinic: Clinic) -> None:
    clinic.appointment()
    paid = clinic.pay()
    for accept in (True, False):
        assert refused(decide, clinic, paid.id, accept).code == "not_payable"


def test_what_can_still_be_charged_is_not_called_failed(clinic: Clinic) -> None:
    payment_id = wrong(clinic, "wrong_amount")
    sandbox(clinic.sandbox_url, "DELETE", "faults")
    clinic.fault("POST /v1/payment_intents/*/cancel", "error_before", times=None)
    clinic.fault(RETRIEVE, "error_before", times=None)
    assert refused(decide, clinic, payment_id, False).code == "payment_in_progress"
    assert clinic.rows("SELECT state FROM payments")[0].state == "unknown"
