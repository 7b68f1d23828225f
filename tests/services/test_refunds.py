"""Refunds: full, partial, lost answers, made outside; and what they do to the payable."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.clinic import Clinic, Key, _text, refused, sandbox
from tests.invariants import check_invariants
from tests.services.test_recovery import settle_down
from tp_gateway.database import StoreUnavailable
from tp_gateway.errors import GatewayError
from tp_gateway.models.states import RefundState
from tp_gateway.services.reading import standing
from tp_gateway.services.refund_sending import _one as one_refund

REFUND = "POST /v1/refunds"
KEY = Key(user_id=8, route="refund", key="r1", body_hash="a")


@pytest.mark.catalogue(51)
def test_a_full_refund_in_two_parts(clinic: Clinic) -> None:
    invoice = clinic.invoice()
    paid = clinic.pay(invoice_id=invoice.id)
    first = clinic.refund(paid.id, "80.00")
    assert (first.body["status"], first.body["payment"], first.body["amount_refunded"]) == (
        "succeeded",
        "succeeded",
        8000,
    )
    assert [row.status for row in clinic.rows("SELECT status FROM invoices")] == ["paid"], "an invoice does not reopen"
    second = clinic.refund(paid.id)
    assert (second.body["payment"], second.body["amount_refunded"]) == ("refunded", 18000)
    assert [row.status for row in clinic.rows("SELECT status FROM invoices")] == ["refunded"]
    assert refused(clinic.refund, paid.id, "1.00").code == "refund_exceeds_balance"
    check_invariants(clinic.database.engine, clinic.books())


def test_a_refund_that_reopens_makes_the_payable_due_again(clinic: Clinic) -> None:
    invoice = clinic.invoice()
    paid = clinic.pay(invoice_id=invoice.id)
    clinic.refund(paid.id, reopen=True)
    assert [row.status for row in clinic.rows("SELECT status FROM invoices")] == ["pending"]
    assert clinic.pay(invoice_id=invoice.id).body["status"] == "succeeded"
    assert [row.status for row in clinic.rows("SELECT status FROM invoices")] == ["paid"]
    check_invariants(clinic.database.engine, clinic.books())


@pytest.mark.catalogue(49)
def test_two_refunds_at_once_never_exceed_what_was_paid(clinic: Clinic) -> None:
    clinic.appointment()
    paid = clinic.pay()

    def one(_: int) -> str:
        try:
            return str(clinic.refund(paid.id, "100.00").body["status"])
        except GatewayError as error:
            return error.code

    with ThreadPoolExecutor(2) as pool:
        assert Counter(pool.map(one, range(2))) == {"succeeded": 1, "refund_exceeds_balance": 1}
    check_invariants(clinic.database.engine, clinic.books())


@pytest.mark.catalogue(50)
@pytest.mark.parametrize("kind", ["lost", "error_after", "error_before", "refuse"])
def test_a_refund_whose_answer_is_lost_happens_once(clinic: Clinic, kind: str) -> None:
    clinic.appointment()
    paid = clinic.pay()
    clinic.fault(REFUND, kind)
    refund = clinic.refund(paid.id, "80.00", key=KEY)
    assert refund.body["status"] == "pending"
    settle_down(clinic)
    assert len(clinic.books()["refunds"]) == 1
    again = clinic.refund(paid.id, "80.00", key=KEY)
    assert again.replayed and (again.id, again.body["status"]) == (refund.id, "succeeded")


def test_a_refund_is_not_sent_again_when_the_provider_has_forgotten_its_key(clinic: Clinic) -> None:
    clinic.appointment()
    paid = clinic.pay()
    clinic.fault(REFUND, "error_before")
    refund = clinic.refund(paid.id)
    with clinic.database.transaction() as session:
        old = datetime.now(UTC) - timedelta(hours=24)
        session.execute(_text("UPDATE refunds SET first_sent_at = :old", old=old))
    settle_down(clinic)
    assert [row.state for row in clinic.rows("SELECT state FROM refunds")] == ["failed"] and refund.id
    assert not clinic.books()["refunds"] and clinic.payment(paid.id).state == "succeeded"


@pytest.mark.catalogue(52)
def test_a_refund_made_in_the_dashboard_is_recorded_once(clinic: Clinic) -> None:
    clinic.appointment()
    paid = clinic.pay()
    sandbox(clinic.sandbox_url, "POST", "refund", {"payment_intent": clinic.payment(paid.id).reference, "amount": 5000})
    since = datetime.now(UTC) - timedelta(hours=1)
    for _ in range(2):
        clinic.gateway.reverse_sweep.run(since=since)
    assert [(row.amount, row.created_by) for row in clinic.rows("SELECT * FROM refunds")] == [(5000, "provider:stripe")]
    assert clinic.payment(paid.id).refunded == 5000
    check_invariants(clinic.database.engine, clinic.books())


def test_a_refund_that_fails_afterwards_is_booked_back(clinic: Clinic) -> None:
    clinic.appointment()
    paid = clinic.pay(method_id="pm_card_refundFail")
    refund = clinic.refund(paid.id)
    assert (refund.body["status"], refund.body["payment"]) == ("succeeded", "refunded")
    sandbox(clinic.sandbox_url, "POST", "clock", {"advance": 3600})
    sandbox(clinic.sandbox_url, "GET", "books")
    clinic.gateway.reverse_sweep.run(since=datetime.now(UTC) - timedelta(hours=1))
    payment = clinic.payment(paid.id)
    assert (payment.state, payment.refunded) == ("succeeded", 0)
    check_invariants(clinic.database.engine, clinic.books())


@pytest.mark.catalogue(53)
def test_what_did_not_succeed_cannot_be_refunded(clinic: Clinic) -> None:
    clinic.appointment()
    failed = clinic.pay(method_id="pm_card_visa_chargeDeclined")
    assert refused(clinic.refund, failed.id).code == "not_payable"
    paid = clinic.pay()
    assert refused(clinic.refund, paid.id, "180.01").code == "validation_error"
    assert refused(clinic.refund, 9999).code == "not_found"


def test_the_history_says_who_and_why(clinic: Clinic) -> None:
    clinic.appointment()
    paid = clinic.pay()
    clinic.refund(paid.id)
    moves = clinic.rows("SELECT from_state, to_state, actor, refund_id FROM transitions ORDER BY id")
    assert [tuple(move)[:3] for move in moves] == [
        (None, "created", "user:45"),
        ("created", "submitting", "user:45"),
        ("submitting", "succeeded", "user:45"),
        (None, "created", "user:8"),
        ("created", "submitting", "user:8"),
        ("submitting", "succeeded", "user:8"),
        ("succeeded", "refunded", "user:8"),
    ]


def test_a_failed_refund_and_the_one_that_replaces_it_are_told_apart(clinic: Clinic) -> None:
    """Seen at once, newest first: the second may not be counted beside the first."""
    clinic.appointment()
    paid = clinic.pay(method_id="pm_card_refundFail")
    other = clinic.pay(appointment_id=clinic.appointment(124))
    reference = clinic.payment(paid.id).reference
    clinic.refund(paid.id)
    sandbox(clinic.sandbox_url, "POST", "clock", {"advance": 3600})
    sandbox(clinic.sandbox_url, "POST", "refund", {"payment_intent": reference, "amount": 18000})
    sandbox(
        clinic.sandbox_url, "POST", "refund", {"payment_intent": clinic.payment(other.id).reference, "amount": 5000}
    )
    clinic.gateway.reverse_sweep.run(since=datetime.now(UTC) - timedelta(hours=1))
    states = {refund["id"]: refund["status"] for refund in clinic.books()["refunds"]}
    ours = {row.reference: row.state for row in clinic.rows("SELECT reference, state FROM refunds")}
    assert ours == states and sorted(states.values()).count("failed") >= 1
    assert clinic.payment(other.id).refunded == 5000


def test_a_refund_that_fails_after_the_payable_was_paid_again_is_the_patients_credit(clinic: Clinic) -> None:
    invoice = clinic.invoice()
    first = clinic.pay(invoice_id=invoice.id, method_id="pm_card_refundFail")
    clinic.refund(first.id, reopen=True)
    assert clinic.pay(invoice_id=invoice.id).body["status"] == "succeeded"
    sandbox(clinic.sandbox_url, "POST", "clock", {"advance": 3600})
    clinic.gateway.reverse_sweep.run(since=datetime.now(UTC) - timedelta(hours=1))
    assert clinic.payment(first.id).refunded == 0
    sign = "CASE WHEN credit = 'patient_credit' THEN amount ELSE -amount END"
    where = "'patient_credit' IN (debit, credit)"
    assert clinic.rows(f"SELECT sum({sign}) AS credit FROM ledger_entries WHERE {where}")[0].credit == 18000
    assert [tuple(row) for row in clinic.rows("SELECT amount, amount_paid FROM payables")] == [(18000, 18000)]


def test_a_refund_is_given_up_only_if_the_provider_does_not_list_it(clinic: Clinic) -> None:
    """Also when our own row stands still, because another look was newer."""
    clinic.appointment()
    paid = clinic.pay()
    clinic.fault(REFUND, "lost")
    refund = clinic.refund(paid.id, "80.00")
    with clinic.database.transaction() as session:
        future, old = datetime.now(UTC) + timedelta(hours=1), datetime.now(UTC) - timedelta(hours=24)
        session.execute(_text("UPDATE payments SET observed_at = :future", future=future))
        session.execute(_text("UPDATE refunds SET first_sent_at = :old", old=old))
    settle_down(clinic)
    assert [row.state for row in clinic.rows("SELECT state FROM refunds")] == ["succeeded"] and refund.id
    assert len(clinic.books()["refunds"]) == 1


def test_a_full_refund_beside_one_made_outside(clinic: Clinic) -> None:
    clinic.appointment()
    paid = clinic.pay()
    clinic.fault(REFUND, "error_before")
    clinic.refund(paid.id, "100.00")
    sandbox(
        clinic.sandbox_url, "POST", "refund", {"payment_intent": clinic.payment(paid.id).reference, "amount": 18000}
    )
    clinic.gateway.reverse_sweep.run(since=datetime.now(UTC) - timedelta(hours=1))
    assert refused(clinic.refund, paid.id).code == "refund_exceeds_balance"
    settle_down(clinic)
    assert sorted(row.state for row in clinic.rows("SELECT state FROM refunds")) == ["failed", "succeeded"]


def test_an_event_that_never_arrived_is_fetched_once(clinic: Clinic) -> None:
    """A refund failed later and no webhook came: the reverse sweep asks for the events."""
    clinic.appointment()
    sandbox(clinic.sandbox_url, "POST", "settings", {"refund_seconds": 0.01})
    clinic.refund(clinic.pay(method_id="pm_card_refundFail").id)
    deadline = time.monotonic() + 20
    while not any(event["type"] == "refund.failed" for event in clinic.books()["events"]):
        assert time.monotonic() < deadline
    for _ in range(2):
        clinic.gateway.reverse_sweep.run(since=datetime.now(UTC) - timedelta(minutes=1))
        clinic.gateway.inbox.work()
    assert [row.state for row in clinic.rows("SELECT state FROM inbox_events WHERE kind = 'refund.failed'")] == [
        "applied"
    ]


def test_a_refund_that_was_sent_is_never_answered_with_an_error(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store goes away while the provider answers: a repeat "because nothing was started" would pay twice."""
    clinic.appointment()
    paid = clinic.pay()
    provider, away = clinic.gateway.registry.by_slug("stripe"), False
    send = provider.refund

    def lose_the_store(order: Any) -> Any:
        nonlocal away
        outcome = send(order)
        away = True
        return outcome

    def unavailable(original: Any) -> Any:
        def wrapped() -> Any:
            if away:
                raise StoreUnavailable
            return original()

        return wrapped

    with monkeypatch.context() as outage:
        outage.setattr(provider, "refund", lose_the_store)
        for name in ("transaction", "read"):
            outage.setattr(clinic.database, name, unavailable(getattr(clinic.database, name)))
        answer = clinic.refund(paid.id, "50.00", key=KEY)
    assert answer.body["status"] == "pending"
    settle_down(clinic)
    assert len(clinic.books()["refunds"]) == 1
    assert clinic.refund(paid.id, "50.00", key=KEY).body["status"] == "succeeded"


def test_a_refund_that_flips_is_booked_each_time(clinic: Clinic) -> None:
    """Succeeded, failed, succeeded, failed: each move is in the books, and nothing twice."""
    clinic.appointment()
    paid = clinic.pay()
    reopened = clinic.refund(paid.id, "100.00", reopen=True)
    assert clinic.pay(amount=Decimal("100.00")).body["status"] == "succeeded"
    settlement = clinic.gateway.refund_sending._settlement
    for state in ("failed", "succeeded", "failed", "succeeded", "failed"):
        with clinic.database.transaction() as session:
            before = standing(session, clinic.gateway.recovery._vault, paid.id, lock=True)
            now = one_refund(session, reopened.id)
            settlement.settle(session, before, now, RefundState(state), None, "provider:stripe")
        payment, payable = clinic.payment(paid.id), clinic.rows("SELECT amount_paid FROM payables")[0]
        assert payment.refunded == (10000 if state == "succeeded" else 0)
        assert payable.amount_paid == 18000
        sign = "CASE WHEN credit = 'patient_credit' THEN amount ELSE -amount END"
        where = "'patient_credit' IN (debit, credit)"
        credit = clinic.rows(f"SELECT coalesce(sum({sign}), 0) AS credit FROM ledger_entries WHERE {where}")[0].credit
        assert credit == (0 if state == "succeeded" else 10000)
    # The provider says that it succeeded after all; the books agree again.
    with clinic.database.transaction() as session:
        before = standing(session, clinic.gateway.recovery._vault, paid.id, lock=True)
        settlement.settle(session, before, one_refund(session, reopened.id), RefundState.SUCCEEDED, None, "test")
    check_invariants(clinic.database.engine, clinic.books())


def test_an_invoice_is_not_refunded_while_a_part_of_it_is_due_again(clinic: Clinic) -> None:
    """100 of 180 goes back and is due again, then the other 80 goes back for good: 100 are still due."""
    payment_id = clinic.pay(invoice_id=clinic.invoice().id).id
    due = "SELECT i.status, p.amount - p.amount_paid AS due FROM invoices i JOIN payables p ON p.invoice_id = i.id"
    for amount, reopen in (("100.00", True), ("80.00", False)):
        clinic.refund(payment_id, amount, reopen=reopen)
        assert [(row.status, row.due) for row in clinic.rows(due)] == [("partially_paid", 10000)]
    check_invariants(clinic.database.engine, clinic.books())
