"""Facts -> the JSON of the frontend's document. Amounts are decimal text (minor units for intents), moments UTC.

What a patient may not see (a provider's own codes, a review flag) is decided here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from tp_gateway.contract import Flow, Reason
from tp_gateway.errors import GatewayError
from tp_gateway.identity import Identity
from tp_gateway.models.states import PaymentState
from tp_gateway.money import to_decimal_text
from tp_gateway.services.facts import (
    Answer,
    DisputeFacts,
    InvoiceFacts,
    MethodFacts,
    PaymentFacts,
    RebateFacts,
    RefundFacts,
)
from tp_gateway.services.invoices.reading import status_on
from tp_gateway.views import jsontext
from tp_gateway.views.answers.payments import PAYMENT_WITH_REFUNDS, REBATE
from tp_gateway.views.answers.shape import Shape
from tp_gateway.views.errors import STATUSES, error_body

_DECLINED: Mapping[str, tuple[str, Any]] = {
    Reason.INSUFFICIENT_FUNDS: ("payment_failed", "Insufficient funds"),
    Reason.BUSY: ("service_unavailable", None),
    Reason.UNREACHABLE: ("service_unavailable", None),
    Reason.UNCLEAR: ("service_unavailable", None),
    Reason.NO_SUCH_PAYER: ("service_unavailable", None),
    Reason.REJECTED: ("provider_error", None),
    Reason.INVALID_METHOD: ("validation_error", {"payment_method_id": ["This payment method cannot be used"]}),
    Reason.CLAIM_REJECTED: ("not_payable", "The claim was rejected; the payment says why"),
    Reason.CANCELED: ("not_payable", "The payment was cancelled. No money was taken"),
    Reason.EXPIRED: ("not_payable", "The payment was not finished in time. No money was taken"),
}
_MESSAGES = {
    "succeeded": "Payment processed successfully",
    "failed": "The payment failed. No money was taken.",
    "refunded": "The payment was refunded.",
}
_CONFIRMING = "Your payment is being confirmed. Please do not pay again."
_AUTHENTICATE = "Please complete the authentication requested by your bank."
_FINISH = "Please complete the payment."
_PAID_OTHERWISE = "This has been paid another way. Please do not pay it again."
_HELD = "The amount is reserved. It is taken when the clinic confirms it."


def moment(value: datetime) -> str:
    """UTC to the second: `2025-01-19T10:30:00Z`."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def answer(status: int, body: Any) -> Answer:
    return Answer(status, jsontext.dumps(body))


def failure_answer(facts: PaymentFacts) -> Answer:
    """How a payment that failed is told to the one who asked for it."""
    code, details = _DECLINED.get(facts.reason, ("card_declined", None))
    if facts.reason == Reason.INVALID_METHOD and facts.method_reference is None:
        details = {
            "payment_method": ["It cannot be paid with what was given"]
        }  # the provider's own fields name who pays
    return answer(STATUSES[code], error_body(GatewayError(code, details, payment_id=facts.id)))


def payment_answer(facts: PaymentFacts, who: Identity, status: int) -> Answer:
    if facts.state == PaymentState.FAILED:
        return failure_answer(facts)
    return answer(status, payment(facts, who))


def invoice_answer(facts: PaymentFacts, who: Identity, today: date) -> Answer:
    """Paying an invoice: the payment, and the invoice as it stands after it, on this day of the clinic's calendar."""
    if facts.state == PaymentState.FAILED:
        return failure_answer(facts)
    shown = invoice(facts.invoice) | {"status": status_on(facts.invoice, today)} if facts.invoice else None
    return answer(200, {"payment": payment(facts, who), "invoice": shown})


def intent_answer(facts: PaymentFacts) -> Answer:
    """What the card form in the browser needs. Minor units and lower-case currency, as Stripe.js has them."""
    if facts.state == PaymentState.FAILED:
        return failure_answer(facts)
    body = {
        "client_secret": facts.action.get("client_secret"),
        "payment_intent_id": facts.reference,
        "amount": facts.amount,
        "currency": facts.currency.lower(),
        "status": facts.action.get("status") or facts.status,
        "payment_id": facts.id,
    }
    return answer(200, body)


def refund_answer(facts: RefundFacts, of: PaymentFacts, who: Identity) -> Answer:
    if facts.status == "failed":
        why = f" ({facts.provider_code})" if facts.provider_code else ""
        error = GatewayError("provider_error", f"The payment provider refused the refund{why}", payment_id=of.id)
        return answer(STATUSES[error.code], error_body(error))
    return answer(201, {**refund(facts, who), "payment": payment(of, who)})


def payment(facts: PaymentFacts, who: Identity) -> dict[str, Any]:
    """One payment, with what its customer must do."""
    body = summary(facts, who)
    if facts.state == PaymentState.AWAITING_CUSTOMER and facts.action and not _is_moot(facts):
        body["next_action"] = _next_action(facts, who)
    return body


def summary(facts: PaymentFacts, who: Identity) -> dict[str, Any]:
    """One payment in a list: nothing in it can move money."""
    body: dict[str, Any] = {
        "id": facts.id,
        "appointment_id": facts.appointment_id,
        "invoice_id": facts.invoice_id,
        "amount": to_decimal_text(_amount(facts), facts.currency),
        "currency": facts.currency,
        "status": facts.status,
        "payment_method": facts.method,
        "payment_intent_id": facts.reference,
        "transaction_id": facts.transaction_id,
        "created_at": moment(facts.created_at),
        "receipt_url": facts.receipt_url or _own_receipt(facts),
        "message": message(facts),
        "state": facts.state,
        "amount_refunded": to_decimal_text(facts.refunded, facts.currency),
        "disputed": facts.disputed,
        "description": facts.description,
        "metadata": dict(facts.client_metadata or {}),
    }
    if facts.manual_capture:
        body |= {"capture": "manual", "amount_captured": to_decimal_text(facts.captured, facts.currency)}
        body["capture_before"] = moment(facts.capture_before) if facts.capture_before else None
    if _amount(facts) != facts.amount:
        body["amount_requested"] = to_decimal_text(facts.amount, facts.currency)
    if facts.reason:
        body["failure"] = {"code": facts.reason}
    if who.is_staff:
        body |= {"patient_id": facts.patient_id, "provider": facts.provider, "provider_code": facts.provider_code}
        body |= {"needs_review": facts.needs_review, "created_by": facts.created_by}
    return _shown(facts.provider_state, who, PAYMENT_WITH_REFUNDS) | body


def _own_receipt(facts: PaymentFacts) -> str | None:
    """Where our own receipt is: for payments whose provider gives none, and have brought money."""
    return f"/api/billing/payments/{facts.id}/receipt/" if facts.captured else None


def _shown(state: Mapping[str, Any], who: Identity, shape: Shape) -> dict[str, Any]:
    """What a provider wants to be seen of its state. Our own names are ours, also where we say nothing under them."""
    shown = dict(state.get("shown", {})) | (dict(state.get("shown_to_staff", {})) if who.is_staff else {})
    ours = shape.pieces()
    return {name: value for name, value in shown.items() if name not in ours}


def rebate(facts: RebateFacts, who: Identity) -> dict[str, Any]:
    """A rebate claim: what its provider shows of it, for patient and staff."""
    body: dict[str, Any] = {
        "id": facts.id,
        "payment_id": facts.payment_id,
        "provider": facts.provider,
        "reference": facts.reference,
        "amount": to_decimal_text(facts.amount, facts.currency),
        "currency": facts.currency,
        "state": facts.state,
        "code": facts.code,
        "decide_before": moment(facts.decide_before) if facts.decide_before else None,
        "created_at": moment(facts.created_at),
        "lodged_at": moment(facts.lodged_at) if facts.lodged_at else None,
    }
    if who.is_staff:
        body |= {"patient_id": facts.patient_id, "created_by": facts.created_by}
    return _shown(facts.provider_state, who, REBATE) | body


def _amount(facts: PaymentFacts) -> int:
    """What was taken, once that is known (a transfer, or Medicare's benefit, can be another sum than was asked); what
    was asked before. A hold's parts are told as `amount_captured`."""
    settled = facts.status in ("succeeded", "refunded") and not facts.manual_capture
    return facts.captured if settled else facts.amount


def _is_moot(facts: PaymentFacts) -> bool:
    """It waits for its customer, and something else has paid what it is for. Money that comes for it still counts."""
    return facts.state == PaymentState.AWAITING_CUSTOMER and facts.payable_due == 0


def message(facts: PaymentFacts) -> str:
    if _is_moot(facts):
        return _PAID_OTHERWISE
    if facts.state == PaymentState.AWAITING_CUSTOMER and "message" in facts.action:
        return str(facts.action["message"])
    if facts.state == PaymentState.AWAITING_CUSTOMER:
        asked_by_bank = facts.flow != Flow.BROWSER and facts.method_reference is not None
        return _AUTHENTICATE if asked_by_bank else _FINISH
    if facts.state == PaymentState.AUTHORIZED:
        return _HELD
    if facts.needs_review and facts.state not in (PaymentState.SUCCEEDED, PaymentState.REFUNDED):
        return _CONFIRMING  # money may be held that is not understood yet
    if facts.reason == Reason.CANCELED and facts.state == PaymentState.FAILED:
        return "The payment was cancelled. No money was taken."
    return _MESSAGES.get(facts.status, _CONFIRMING)


def _next_action(facts: PaymentFacts, who: Identity) -> dict[str, Any]:
    """A client secret can finish the payment: it is for the patient, and for the one who began it. Instructions without
    one (where to transfer to) are for staff too."""
    may_finish = who.user_id == facts.patient_id or who.actor == facts.created_by
    may_see = may_finish or (who.is_staff and "client_secret" not in facts.action)
    return {key: value for key, value in facts.action.items() if key != "message" and (may_see or key == "type")}


def refund(facts: RefundFacts, who: Identity) -> dict[str, Any]:
    """The reason is staff's note about a patient, so it is for staff."""
    body: dict[str, Any] = {
        "id": facts.id,
        "payment_id": facts.payment_id,
        "amount": to_decimal_text(facts.amount, facts.currency),
        "currency": facts.currency,
        "status": facts.status,
        "created_at": moment(facts.created_at),
    }
    if who.is_staff:
        body |= {"reason": facts.reason, "reopen": facts.reopen, "provider_code": facts.provider_code}
        body |= {"created_by": facts.created_by}
    return body


def dispute(facts: DisputeFacts) -> dict[str, Any]:
    """For staff only: a patient sees `disputed` on the payment."""
    return {
        "id": facts.id,
        "payment_id": facts.payment_id,
        "patient_id": facts.patient_id,
        "appointment_id": facts.appointment_id,
        "invoice_id": facts.invoice_id,
        "provider": facts.provider,
        "reference": facts.reference,
        "payment_intent_id": facts.payment_reference,
        "amount": to_decimal_text(facts.amount, facts.currency),
        "currency": facts.currency,
        "status": facts.status,
        "reason": facts.reason,
        "evidence_due_by": moment(facts.evidence_due_by) if facts.evidence_due_by else None,
        "amount_withdrawn": to_decimal_text(facts.withdrawn, facts.currency),
        "fee": to_decimal_text(facts.fee, facts.currency),
        "amount_reopened": to_decimal_text(facts.reopened, facts.currency),
        "refundable": facts.refundable,
        "needs_review": facts.needs_review,
        "review_note": facts.review_note,
        "opened_at": moment(facts.opened_at),
        "closed_at": moment(facts.closed_at) if facts.closed_at else None,
    }


def invoice(facts: InvoiceFacts) -> dict[str, Any]:
    return {
        "id": facts.id,
        "invoice_number": facts.number,
        "patient_id": facts.patient_id,
        "appointment_id": facts.appointment_id,
        "amount": to_decimal_text(facts.amount, facts.currency),
        "amount_paid": to_decimal_text(facts.amount_paid, facts.currency),
        "amount_due": to_decimal_text(facts.amount_due, facts.currency),
        "currency": facts.currency,
        "status": facts.status,
        "description": facts.description,
        "due_date": facts.due_date.isoformat(),
        "created_at": moment(facts.created_at),
    }


def method(facts: MethodFacts) -> dict[str, Any]:
    """`id` is ours; `payment_method_id` the provider's, where it has one."""
    details: Mapping[str, Any] = facts.details
    return {
        "id": facts.id,
        "type": facts.kind,
        facts.kind: dict(details),
        "payment_method_id": facts.reference,
        "is_default": facts.is_default,
        "created_at": moment(facts.created_at),
    }
