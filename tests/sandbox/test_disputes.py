"""Disputes: opened, answered, escalated, won, lost, and forgotten until it is too late."""

from collections.abc import Callable

import pytest
import stripe

from tests.sandbox.helpers import Raw, paid

DAY = 86400


def by_token(api: stripe.StripeClient, token: str = "pm_card_createDispute") -> stripe.Dispute:
    return api.v1.disputes.list({"payment_intent": paid(api, token).id}).data[0]


def types(api: stripe.StripeClient) -> list[str]:
    return [one.type for one in api.v1.events.list({"type": "charge.dispute.*", "limit": 100}).data][::-1]


def moved(dispute: stripe.Dispute) -> list[int]:
    return [one.net for one in dispute.balance_transactions]


def test_opened(api: stripe.StripeClient) -> None:
    dispute = by_token(api)
    assert (dispute.status, dispute.amount, dispute.reason) == ("needs_response", 10_000, "fraudulent")
    assert dispute.evidence_details.due_by - dispute.created == 7 * DAY
    assert not dispute.is_charge_refundable
    assert (moved(dispute), dispute.balance_transactions[0].reporting_category) == ([-12_500], "dispute")
    assert dispute.balance_transactions[0].fee_details[0].amount == 2500
    charge = api.v1.charges.retrieve(dispute.charge)
    assert charge.disputed
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.v1.refunds.create({"charge": charge.id})
    assert caught.value.code == "charge_disputed"
    assert types(api) == ["charge.dispute.created", "charge.dispute.funds_withdrawn"]


def test_another_reason(api: stripe.StripeClient) -> None:
    assert by_token(api, "pm_card_createDisputeProductNotReceived").reason == "product_not_received"


def test_evidence_is_stored_then_sent(api: stripe.StripeClient) -> None:
    dispute = by_token(api)
    stored = api.v1.disputes.update(
        dispute.id, {"evidence": {"product_description": "Therapy"}, "submit": False, "metadata": {"case": "7"}}
    )
    assert (stored.status, stored.evidence_details.has_evidence) == ("needs_response", True)
    assert stored.evidence_details.submission_count == 0
    noted = api.v1.disputes.update(dispute.id, {"metadata": {"case": "8"}})
    assert (noted.status, noted.evidence_details.has_evidence) == ("needs_response", True)
    sent = api.v1.disputes.update(dispute.id, {"submit": True})
    assert (sent.status, sent.evidence_details.submission_count) == ("under_review", 1)
    assert (sent.evidence.product_description, sent.metadata.to_dict()) == ("Therapy", {"case": "8"})
    assert types(api)[2:] == ["charge.dispute.updated"] * 3


def test_won(api: stripe.StripeClient) -> None:
    dispute = by_token(api)
    dispute = api.v1.disputes.update(dispute.id, {"evidence": {"uncategorized_text": "winning_evidence"}})
    assert (dispute.status, moved(dispute)) == ("won", [-12_500, 10_000])
    assert types(api)[2:] == ["charge.dispute.updated", "charge.dispute.funds_reinstated", "charge.dispute.closed"]
    assert api.v1.refunds.create({"charge": dispute.charge}).status == "succeeded"


@pytest.mark.parametrize(
    "lose",
    [
        lambda api, raw, one: api.v1.disputes.update(one.id, {"evidence": {"uncategorized_text": "losing_evidence"}}),
        lambda api, raw, one: api.v1.disputes.close(one.id),
        lambda api, raw, one: raw.control("POST", "dispute", {"payment_intent": one.payment_intent, "close": "lost"}),
    ],
    ids=["evidence", "given up", "by hand"],
)
def test_lost(api: stripe.StripeClient, raw: Raw, lose: Callable[..., object]) -> None:
    dispute = by_token(api)
    lose(api, raw, dispute)
    dispute = api.v1.disputes.retrieve(dispute.id)
    assert (dispute.status, moved(dispute), types(api)[-1]) == ("lost", [-12_500], "charge.dispute.closed")
    with pytest.raises(stripe.InvalidRequestError, match="already closed"):
        api.v1.disputes.close(dispute.id)
    with pytest.raises(stripe.InvalidRequestError, match="charged back"):
        api.v1.refunds.create({"charge": dispute.charge})


def test_unanswered_until_the_deadline(api: stripe.StripeClient, raw: Raw) -> None:
    answered, forgotten = by_token(api), by_token(api)
    api.v1.disputes.update(answered.id, {"evidence": {"product_description": "Therapy"}})
    raw.control("POST", "clock", {"advance": 7 * DAY})
    late = api.v1.disputes.retrieve(forgotten.id)
    assert (late.status, late.evidence_details.past_due) == ("lost", True)
    assert api.v1.disputes.retrieve(answered.id).status == "under_review"


def test_an_inquiry_moves_nothing(api: stripe.StripeClient) -> None:
    dispute = by_token(api, "pm_card_createDisputeInquiry")
    assert (dispute.status, moved(dispute), types(api)) == ("warning_needs_response", [], ["charge.dispute.created"])
    assert dispute.payment_method_details.card.case_type == "inquiry"
    assert api.v1.refunds.create({"charge": dispute.charge, "amount": 100}).status == "succeeded"
    evidence = {"evidence": {"uncategorized_text": "winning_evidence"}}
    assert api.v1.disputes.update(dispute.id, evidence).status == "warning_closed"


def test_an_inquiry_escalates(api: stripe.StripeClient, raw: Raw) -> None:
    dispute = by_token(api, "pm_card_createDisputeInquiry")
    raw.control("POST", "clock", {"advance": 3 * DAY})
    evidence = {"evidence": {"uncategorized_text": "escalate_inquiry_evidence"}}
    dispute = api.v1.disputes.update(dispute.id, evidence)
    assert (dispute.status, moved(dispute)) == ("needs_response", [-12_500])
    assert types(api)[-1] == "charge.dispute.funds_withdrawn"
    raw.control("POST", "clock", {"advance": 4 * DAY})  # the inquiry's deadline is the dispute's no more
    assert api.v1.disputes.retrieve(dispute.id).status == "needs_response"
    raw.control("POST", "clock", {"advance": 3 * DAY})
    assert api.v1.disputes.retrieve(dispute.id).status == "lost"


def test_by_hand(api: stripe.StripeClient, raw: Raw) -> None:
    intent = paid(api)
    order = {"payment_intent": intent.id, "amount": 4000, "reason": "duplicate", "inquiry": True}
    opened = raw.control("POST", "dispute", order)
    assert (opened["amount"], opened["reason"], opened["status"]) == (4000, "duplicate", "warning_needs_response")
    assert raw.control("POST", "dispute", {**order, "escalate": True})["status"] == "needs_response"
    closed = raw.control("POST", "dispute", {"payment_intent": intent.id, "close": "won"})
    assert (closed["id"], closed["status"]) == (opened["id"], "won")
    assert raw.control("POST", "dispute", {"payment_intent": intent.id, "close": "lost"})["id"] != opened["id"]
