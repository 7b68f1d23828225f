"""Disputes: heard of in any order, booked as contra entries, won, lost, made due again; and what cannot be refunded."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest

from tests.clinic import Clinic, _text, manager, refused, sandbox
from tests.invariants import check_invariants
from tests.services.test_capture import at_stripe, hold
from tests.services.test_recovery import settle_down
from tp_gateway.contract import DisputeMovement, DisputeStatus, Observation, Subject
from tp_gateway.services.events import write_down
from tp_gateway.services.facts import DisputeFacts

FETCH = "GET /v1/disputes/*"
FEE = 2500


def paid(clinic: Clinic, appointment_id: int = 123, **more: Any) -> int:
    return clinic.pay(appointment_id=clinic.appointment(appointment_id), **more).id


def at_bank(clinic: Clinic, payment_id: int, **more: Any) -> dict[str, Any]:
    """The customer disputes the payment, or what follows in the dispute that is open."""
    order = {"payment_intent": clinic.payment(payment_id).reference, **more}
    return sandbox(clinic.sandbox_url, "POST", "dispute", order)


def hear(clinic: Clinic) -> None:
    """What the webhooks would have brought is found by asking."""
    clinic.gateway.reverse_sweep.run(since=datetime.now(UTC) - timedelta(hours=1))
    clinic.gateway.inbox.work()


def only(clinic: Clinic) -> DisputeFacts:
    [dispute] = clinic.gateway.disputes.list()
    return dispute


def accounts(clinic: Clinic) -> dict[str, int]:
    """Debits less credits of each account, in cents, without those that are even."""
    totals: dict[str, int] = {}
    for entry in clinic.rows("SELECT debit, credit, amount FROM ledger_entries"):
        totals[entry.debit] = totals.get(entry.debit, 0) + entry.amount
        totals[entry.credit] = totals.get(entry.credit, 0) - entry.amount
    return {name: total for name, total in totals.items() if total and not name.startswith("fees")}


def fees(clinic: Clinic) -> int:
    rows = clinic.rows("SELECT kind, amount FROM ledger_entries WHERE kind LIKE 'dispute_fee%'")
    return sum(row.amount if row.kind == "dispute_fee" else -row.amount for row in rows)


def topics(clinic: Clinic) -> list[str]:
    rows = clinic.rows("SELECT topic FROM outbox_messages WHERE topic LIKE 'dispute.%' ORDER BY id")
    return [row.topic for row in rows]


def provider_holds(clinic: Clinic) -> int:
    return accounts(clinic).get("clearing:stripe", 0)


def test_opened_the_money_waits_and_the_payment_stays_succeeded(clinic: Clinic) -> None:
    invoice = clinic.invoice()
    payment_id = clinic.pay(invoice_id=invoice.id).id
    before = provider_holds(clinic)
    opened = at_bank(clinic, payment_id, reason="product_not_received")
    hear(clinic)
    dispute, payment = only(clinic), clinic.payment(payment_id)
    assert (dispute.status, dispute.amount, dispute.reason) == ("needs_response", 18000, "product_not_received")
    assert (dispute.payment_id, dispute.patient_id, dispute.withdrawn, dispute.fee) == (payment_id, 45, 18000, FEE)
    assert dispute.evidence_due_by == datetime.fromtimestamp(opened["evidence_details"]["due_by"], UTC)
    assert (payment.state, payment.disputed, payment.refunded) == ("succeeded", True, 0)
    assert accounts(clinic)["disputed"] == 18000 and provider_holds(clinic) == before - 18000 - FEE
    assert [row.status for row in clinic.rows("SELECT status FROM invoices")] == ["paid"]
    assert topics(clinic) == ["dispute.opened"]
    check_invariants(clinic.database.engine, clinic.books())


def test_won_the_money_is_back_and_the_fee_is_not(clinic: Clinic) -> None:
    payment_id = paid(clinic)
    before = provider_holds(clinic)
    at_bank(clinic, payment_id)
    hear(clinic)
    at_bank(clinic, payment_id, close="won")
    hear(clinic)
    dispute = only(clinic)
    assert (dispute.status, dispute.withdrawn, dispute.fee) == ("won", 0, FEE)
    assert dispute.closed_at is not None
    assert "disputed" not in accounts(clinic) and provider_holds(clinic) == before - FEE
    assert clinic.payment(payment_id).disputed, "it was once"
    assert topics(clinic) == ["dispute.opened", "dispute.won"]
    assert clinic.rows("SELECT next_check_at FROM disputes")[0].next_check_at is None
    assert clinic.refund(payment_id).body["payment"] == "refunded"
    check_invariants(clinic.database.engine, clinic.books())


def test_lost_it_is_written_off_and_the_invoice_does_not_reopen(clinic: Clinic) -> None:
    invoice = clinic.invoice()
    payment_id = clinic.pay(invoice_id=invoice.id).id
    at_bank(clinic, payment_id)
    at_bank(clinic, payment_id, close="lost")
    hear(clinic)
    assert (only(clinic).status, accounts(clinic)["chargebacks"]) == ("lost", 18000)
    assert "disputed" not in accounts(clinic)
    assert [row.status for row in clinic.rows("SELECT status FROM invoices")] == ["paid"]
    assert topics(clinic) == ["dispute.opened", "dispute.lost"], "both, though it was over when we heard of it"
    assert refused(clinic.pay, invoice_id=invoice.id).code == "already_paid"
    check_invariants(clinic.database.engine, clinic.books())


def test_staff_make_due_again_what_was_lost(clinic: Clinic) -> None:
    invoice = clinic.invoice()
    payment_id = clinic.pay(invoice_id=invoice.id).id
    at_bank(clinic, payment_id)
    hear(clinic)
    reopen = clinic.gateway.disputes.reopen
    assert refused(reopen, manager, only(clinic).id).code == "not_payable"
    at_bank(clinic, payment_id, close="lost")
    hear(clinic)
    assert reopen(manager, only(clinic).id).reopened == 18000
    assert [row.status for row in clinic.rows("SELECT status FROM invoices")] == ["pending"]
    assert "chargebacks" not in accounts(clinic)
    assert refused(reopen, manager, only(clinic).id).code == "not_payable"
    assert refused(reopen, manager, 999).code == "not_found"
    assert topics(clinic)[-1] == "dispute.reopened"
    assert clinic.pay(invoice_id=invoice.id).body["status"] == "succeeded"
    assert [row.status for row in clinic.rows("SELECT status FROM invoices")] == ["paid"]
    check_invariants(clinic.database.engine, clinic.books())


class Fickle:
    """A Stripe that decides a dispute again and again, in its books too, which the stand-in does not do."""

    def __init__(self, clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
        self.clinic, self.status, self.moved = clinic, "lost", list[tuple[str, int]]()
        provider = clinic.gateway.registry.by_slug("stripe")
        self._fetch, self._books = provider.fetch_dispute, clinic.books
        monkeypatch.setattr(provider, "fetch_dispute", self.fetch)
        clinic.books = self.books  # type: ignore[method-assign]

    def decide(self, status: str, amount: int) -> None:
        self.status = status
        self.moved.append((f"txn_{len(self.moved)}", amount))
        for _ in range(2):
            assert self.clinic.gateway.disputes.look("stripe", only(self.clinic).reference) == "applied"
        check_invariants(self.clinic.database.engine, self.clinic.books())

    def fetch(self, reference: str, deadline: float) -> Any:
        fact = self._fetch(reference, deadline)
        assert fact is not None
        moved = (*fact.movements, *(DisputeMovement(*one) for one in self.moved))
        return replace(fact, status=DisputeStatus(self.status), movements=moved)

    def books(self) -> dict[str, Any]:
        books = self._books()
        for dispute in books["disputes"]:
            dispute["status"] = self.status
            dispute["balance_transactions"] += [
                {"id": key, "amount": amount, "fee": 0, "currency": "aud"} for key, amount in self.moved
            ]
        return books


@pytest.mark.parametrize("paid_again", [False, True])
def test_a_lost_dispute_that_is_won_after_all(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch, paid_again: bool
) -> None:
    """After staff had made the amount due again; and once more the other way round."""
    payment_id = paid(clinic)
    at_bank(clinic, payment_id)
    at_bank(clinic, payment_id, close="lost")
    hear(clinic)
    clinic.gateway.disputes.reopen(manager, only(clinic).id)
    if paid_again:
        assert clinic.pay().body["status"] == "succeeded"
    stripe = Fickle(clinic, monkeypatch)
    stripe.decide("won", 18000)
    assert (only(clinic).status, only(clinic).withdrawn, only(clinic).reopened) == ("won", 0, 0)
    assert accounts(clinic).get("patient_credit", 0) == (-18000 if paid_again else 0)
    assert [row.amount_paid for row in clinic.rows("SELECT amount_paid FROM payables")] == [18000]
    stripe.decide("lost", -18000)
    assert accounts(clinic).get("chargebacks", 0) == (0 if paid_again else 18000)
    assert accounts(clinic).get("patient_credit", 0) == 0
    stripe.decide("won", 18000)
    assert [row.amount_paid for row in clinic.rows("SELECT amount_paid FROM payables")] == [18000]


def test_an_inquiry_moves_nothing_until_it_escalates(clinic: Clinic) -> None:
    payment_id = paid(clinic, method_id="pm_card_createDisputeInquiry")
    hear(clinic)
    dispute = only(clinic)
    assert (dispute.status, dispute.withdrawn, dispute.refundable) == ("warning_needs_response", 0, True)
    assert clinic.refund(payment_id, "30.00").body["status"] == "succeeded", "an inquiry can still be refunded"
    at_bank(clinic, payment_id, escalate=True)
    hear(clinic)
    assert (only(clinic).status, only(clinic).withdrawn) == ("needs_response", 18000)
    assert topics(clinic) == ["dispute.opened", "dispute.updated"]


def test_an_inquiry_that_ends_well(clinic: Clinic) -> None:
    payment_id = paid(clinic, method_id="pm_card_createDisputeInquiry")
    at_bank(clinic, payment_id, close="won")
    hear(clinic)
    assert (only(clinic).status, topics(clinic)) == ("warning_closed", ["dispute.opened", "dispute.closed"])
    assert "disputed" not in accounts(clinic)
    check_invariants(clinic.database.engine, clinic.books())


def test_a_part_is_disputed(clinic: Clinic) -> None:
    payment_id = paid(clinic)
    at_bank(clinic, payment_id, amount=5000)
    at_bank(clinic, payment_id, close="lost")
    hear(clinic)
    assert clinic.gateway.disputes.reopen(manager, only(clinic).id).reopened == 5000
    assert clinic.pay(amount=Decimal("50.00")).body["status"] == "succeeded"
    check_invariants(clinic.database.engine, clinic.books())


def test_a_disputed_payment_is_not_refunded(clinic: Clinic) -> None:
    payment_id = paid(clinic)
    at_bank(clinic, payment_id)
    hear(clinic)
    refusal = refused(clinic.refund, payment_id)
    assert (refusal.code, refusal.payment_id) == ("payment_disputed", payment_id)
    assert not clinic.rows("SELECT id FROM refunds")
    requests = sandbox(clinic.sandbox_url, "GET", "requests")["requests"]
    assert not [one for one in requests if one["path"] == "/v1/refunds"]
    at_bank(clinic, payment_id, close="lost")
    hear(clinic)
    assert refused(clinic.refund, payment_id).code == "payment_disputed"


def test_a_refund_that_the_provider_refuses_because_of_a_dispute(clinic: Clinic) -> None:
    """Nobody has told us yet."""
    payment_id = paid(clinic)
    at_bank(clinic, payment_id)
    assert clinic.refund(payment_id).body["status"] == "failed"
    assert clinic.rows("SELECT provider_code FROM refunds")[0].provider_code == "charge_disputed"
    hear(clinic)
    check_invariants(clinic.database.engine, clinic.books())


def test_an_overpayment_goes_first(clinic: Clinic) -> None:
    """What was the patient's credit is what he has taken back himself."""
    payment_id = hold(clinic)
    clinic.appointment(fee=15000)
    at_stripe(clinic, payment_id, "capture")
    clinic.pass_time()
    clinic.work()
    assert accounts(clinic)["patient_credit"] == -3000
    at_bank(clinic, payment_id)
    at_bank(clinic, payment_id, close="lost")
    hear(clinic)
    found = accounts(clinic)
    assert (found["chargebacks"], "patient_credit" in found) == (15000, False)
    check_invariants(clinic.database.engine, clinic.books())


# --- in any order, lost, or doubled -----------------------------------------------------------------------------------


def deliver(clinic: Clinic, kinds: tuple[str, ...], reference: str) -> None:
    now = datetime.now(UTC)
    for number, kind in enumerate(kinds):
        seen = Observation(f"evt_{number}_{kind}", kind, Subject.DISPUTE, reference=reference, occurred_at=now)
        for _ in range(2):
            with clinic.database.transaction() as session:
                write_down(session, "stripe", [seen], now)
            clinic.gateway.inbox.work()


def test_the_order_of_events_does_not_matter(clinic: Clinic) -> None:
    kinds = [
        f"charge.dispute.{word}" for word in ("created", "funds_withdrawn", "updated", "funds_reinstated", "closed")
    ]
    wanted = None
    for number, order in enumerate(permutations(kinds)):
        if number % 17:
            continue  # a spread of the 120; each costs a payment
        payment_id = paid(clinic, 1000 + number)
        reference = at_bank(clinic, payment_id)["id"]
        deliver(clinic, order[:2], reference)
        at_bank(clinic, payment_id, close="won")
        deliver(clinic, order[2:], reference)
        [dispute] = clinic.gateway.disputes.list(payment_id=payment_id)
        kinds_booked = clinic.rows(
            "SELECT kind, amount FROM ledger_entries WHERE payment_id = :id ORDER BY kind", id=payment_id
        )
        found = (dispute.status, dispute.withdrawn, dispute.fee, [tuple(row) for row in kinds_booked])
        wanted = wanted or found
        assert found == wanted
        with clinic.database.transaction() as session:
            session.execute(_text("DELETE FROM inbox_events"))
    check_invariants(clinic.database.engine, clinic.books())


def test_an_older_look_changes_nothing(clinic: Clinic) -> None:
    """Two looks overtake each other: the one that began first is applied last."""
    payment_id = paid(clinic)
    reference = at_bank(clinic, payment_id)["id"]
    provider = clinic.gateway.registry.by_slug("stripe")
    early, old = datetime.now(UTC) - timedelta(seconds=5), provider.fetch_dispute(reference, _soon())
    at_bank(clinic, payment_id, close="won")
    hear(clinic)
    assert old is not None and old.status == "needs_response"
    with clinic.database.transaction() as session:
        clinic.gateway.disputes._settlement.apply(session, "stripe", old, early)
    assert (only(clinic).status, only(clinic).withdrawn) == ("won", 0)
    check_invariants(clinic.database.engine, clinic.books())


def test_heard_of_by_eight_at_once_it_is_one(clinic: Clinic) -> None:
    payment_id = paid(clinic)
    reference = at_bank(clinic, payment_id)["id"]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: clinic.gateway.disputes.look("stripe", reference), range(8)))
    assert set(found) == {"applied"}
    assert (only(clinic).withdrawn, topics(clinic)) == (18000, ["dispute.opened"])
    check_invariants(clinic.database.engine, clinic.books())


def test_an_open_dispute_is_looked_at_again_without_any_event(clinic: Clinic) -> None:
    payment_id = paid(clinic)
    at_bank(clinic, payment_id)
    hear(clinic)
    at_bank(clinic, payment_id, close="lost")
    clinic.gateway.disputes.sweep()
    assert only(clinic).status == "needs_response", "it was looked at a moment ago"
    settle_down(clinic)
    assert only(clinic).status == "lost"


@pytest.mark.parametrize("kind", ["refuse", "error_before", "html", "empty"])
def test_a_provider_that_does_not_answer_is_asked_again(clinic: Clinic, kind: str) -> None:
    payment_id = paid(clinic)
    at_bank(clinic, payment_id)
    clinic.fault(FETCH, kind, times=None)
    hear(clinic)
    assert not clinic.gateway.disputes.list()
    settle_down(clinic)
    assert only(clinic).status == "needs_response"


def test_the_deadline_passes(clinic: Clinic) -> None:
    payment_id = paid(clinic)
    at_bank(clinic, payment_id)
    hear(clinic)
    sandbox(clinic.sandbox_url, "POST", "clock", {"advance": 8 * 86400})
    settle_down(clinic)
    assert (only(clinic).status, topics(clinic)) == ("lost", ["dispute.opened", "dispute.lost"])
    assert clinic.payment(payment_id).state == "succeeded"


# --- not ours, or not known -------------------------------------------------------------------------------------------


def test_a_dispute_of_an_unknown_payment_is_kept_and_flagged(clinic: Clinic) -> None:
    """And when the reverse sweep has adopted the payment, it finds its place."""
    payment_id = paid(clinic)
    reference = at_bank(clinic, payment_id)["id"]
    with clinic.database.transaction() as session:
        session.execute(_text("UPDATE payments SET reference = 'pi_hidden', uuid = 'hidden'"))
    assert clinic.gateway.disputes.look("stripe", reference) == "applied"
    dispute = only(clinic)
    assert (dispute.payment_id, dispute.needs_review, dispute.withdrawn) == (None, True, 0)
    assert dispute.payment_reference is not None and dispute.payment_reference.startswith("pi_")
    assert not clinic.rows("SELECT id FROM ledger_entries WHERE dispute_id IS NOT NULL")
    intent = clinic.books()["payment_intents"][0]
    with clinic.database.transaction() as session:
        change = "UPDATE payments SET reference = :reference, uuid = :uuid"
        labels = intent["metadata"]
        session.execute(_text(change, reference=intent["id"], uuid=labels["tp_gateway_payment"]))
    settle_down(clinic)
    assert (only(clinic).payment_id, only(clinic).needs_review, only(clinic).withdrawn) == (payment_id, False, 18000)


def test_what_was_found_once_is_not_lost_again(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    """The provider stops naming the payment."""
    payment_id = paid(clinic)
    at_bank(clinic, payment_id)
    hear(clinic)
    at_bank(clinic, payment_id, close="won")
    provider = clinic.gateway.registry.by_slug("stripe")
    fact = provider.fetch_dispute(only(clinic).reference, _soon())
    assert fact is not None
    monkeypatch.setattr(provider, "fetch_dispute", lambda *_: replace(fact, payment_reference=None, labels={}))
    clinic.gateway.disputes.look("stripe", fact.reference)
    dispute = only(clinic)
    assert (dispute.payment_id, dispute.needs_review, dispute.withdrawn) == (payment_id, False, 0)
    assert dispute.payment_reference == clinic.payment(payment_id).reference


def test_a_dispute_of_another_installation_is_none_of_ours(clinic: Clinic) -> None:
    payment_id = paid(clinic)
    reference = at_bank(clinic, payment_id)["id"]
    with clinic.database.transaction() as session:
        session.execute(_text("UPDATE payments SET reference = 'pi_hidden', uuid = 'hidden'"))
    settlement = clinic.gateway.disputes._settlement
    settlement._environment = "another-clinic"
    assert clinic.gateway.disputes.look("stripe", reference) == "ignored"
    assert not clinic.gateway.disputes.list()
    assert clinic.gateway.disputes.look("stripe", "du_1NoSuchDispute") == "ignored"
    intent = clinic.books()["payment_intents"][0]
    with clinic.database.transaction() as session:
        change = "UPDATE payments SET reference = :reference, uuid = :uuid"
        session.execute(_text(change, reference=intent["id"], uuid=intent["metadata"]["tp_gateway_payment"]))


def test_another_currency_needs_a_person(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    payment_id = paid(clinic)
    reference = at_bank(clinic, payment_id)["id"]
    provider = clinic.gateway.registry.by_slug("stripe")
    fact = provider.fetch_dispute(reference, _soon())
    assert fact is not None
    monkeypatch.setattr(provider, "fetch_dispute", lambda *_: replace(fact, currency="USD"))
    clinic.gateway.disputes.look("stripe", reference)
    assert (only(clinic).needs_review, only(clinic).payment_id) == (True, payment_id)
    assert "disputed" not in accounts(clinic)
    monkeypatch.undo()
    clinic.gateway.disputes.look("stripe", reference)
    assert (only(clinic).needs_review, accounts(clinic)["disputed"]) == (False, 18000)


def test_what_staff_are_told_holds_nothing_about_a_person(clinic: Clinic) -> None:
    payment_id = paid(clinic)
    at_bank(clinic, payment_id)
    hear(clinic)
    [message] = clinic.rows("SELECT data, payment_id FROM outbox_messages WHERE topic = 'dispute.opened'")
    data = json.loads(message.data) if isinstance(message.data, str) else message.data
    assert message.payment_id == payment_id
    due = data.pop("evidence_due_by")
    assert due.endswith("Z") and datetime.fromisoformat(due) > datetime.now(UTC)
    assert data == {
        "dispute_id": only(clinic).id,
        "payment_id": payment_id,
        "appointment_id": 123,
        "invoice_id": None,
        "patient_id": 45,
        "status": "needs_response",
        "reason": "fraudulent",
        "amount": "180.00",
        "currency": "AUD",
        "needs_review": False,
    }


def _soon() -> float:
    return time.monotonic() + 5


@pytest.mark.parametrize("reopen", [False, True])
def test_a_refund_that_arrives_after_its_payment_was_lost_and_made_due_again(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch, reopen: bool
) -> None:
    """30 of 180 are on their way back when the bank takes all 180: lost, made due again by staff; then the 30 arrive.
    Nothing is left that they could make due once more."""
    payment_id = paid(clinic, method_id="pm_card_pendingRefund")
    assert clinic.refund(payment_id, "30.00", reopen=reopen).body["state"] == "pending"
    at_bank(clinic, payment_id)
    at_bank(clinic, payment_id, close="lost")
    hear(clinic)
    stripe = Fickle(clinic, monkeypatch)  # the stand-in's bank disputes only what is not on its way back
    stripe.moved.append(("txn_more", -3000))
    clinic.gateway.disputes.look("stripe", only(clinic).reference)
    assert only(clinic).withdrawn == 18000
    clinic.gateway.disputes.reopen(manager, only(clinic).id)
    sandbox(clinic.sandbox_url, "POST", "clock", {"advance": 3600})
    for _ in range(3):
        clinic.pass_time()
        clinic.work()
    assert [row.state for row in clinic.rows("SELECT state FROM refunds")] == ["succeeded"]
    assert [row.amount_paid for row in clinic.rows("SELECT amount_paid FROM payables")] == [0]
