"""Scenes with a card: each takes something unpaid, does what a frontend would do about it, and says what must come
out."""

from typing import Any
from uuid import uuid4

from demo.client import Caller
from demo.stage import SceneBroken, Stage, amount

PAYMENTS = "/api/billing/payments/"
METHODS = "/api/billing/payment-methods/"


def card_payment(stage: Stage) -> None:
    patient, body = _to_pay(stage, "pm_card_visa")
    answer = stage.client.call(patient, "POST", PAYMENTS, body)
    stage.expect(answer, 201, status="succeeded", amount=body["amount"], appointment_id=body["appointment_id"])
    stage.paid = answer.body
    stage.screen.line("  The same click once more:")
    again = stage.client.call(patient, "POST", PAYMENTS, body)
    stage.expect(again, 409, code="already_paid")


def declined_card(stage: Stage) -> None:
    patient, body = _to_pay(stage, "pm_card_visa_chargeDeclined")
    answer = stage.client.call(patient, "POST", PAYMENTS, body)
    stage.expect(answer, 402, code="card_declined", details="Card was declined")


def insufficient_funds(stage: Stage) -> None:
    patient, body = _to_pay(stage, "pm_card_visa_chargeDeclinedInsufficientFunds")
    answer = stage.client.call(patient, "POST", PAYMENTS, body)
    stage.expect(answer, 400, code="payment_failed", details="Insufficient funds")
    other = stage.client.call(patient, "POST", PAYMENTS, body | {"payment_method_id": "pm_card_mastercard"})
    stage.expect(other, 201, status="succeeded")


def three_d_secure(stage: Stage) -> None:
    patient, body = _to_pay(stage, "pm_card_threeDSecure2Required")
    body["return_url"] = "http://localhost:5173/payments/finished"
    begun = stage.client.call(patient, "POST", PAYMENTS, body)
    stage.expect(begun, 201, status="pending", next_action__type="redirect_to_url")
    page = begun.body["next_action"]["redirect_url"]
    shown = stage.client.browser("GET", page, "the patient's browser, at the bank's page")
    stage.expect(shown, 200)
    back = stage.client.browser("POST", page, "the patient clicks Complete", {"outcome": "complete"})
    stage.expect(back, 303)
    _confirm(stage, patient, begun.body["payment_intent_id"], body["appointment_id"])


def card_form(stage: Stage) -> None:
    patient, body = _to_pay(stage, "")
    asked = {"appointment_id": body["appointment_id"], "amount": _cents(body), "currency": "aud"}
    asked["payment_method_types"] = ["card"]
    begun = stage.client.call(patient, "POST", "/api/billing/stripe/create-payment-intent/", asked)
    stage.expect(begun, 200, status="requires_payment_method", amount=asked["amount"], currency="aud")
    intent = begun.body["payment_intent_id"]
    stage.screen.line("  What Stripe.js does with the client secret and the publishable key; the gateway is not asked:")
    form = {"client_secret": begun.body["client_secret"], "payment_method": "pm_card_visa"}
    where, key = f"{stage.sandbox}/v1/payment_intents/{intent}/confirm", stage.publishable_key(patient)
    stage.client.browser("POST", where, "the patient's browser", form, key)
    _confirm(stage, patient, intent, body["appointment_id"])


def saved_card(stage: Stage) -> None:
    patient, body = _to_pay(stage, "")
    kept = stage.client.call(patient, "POST", METHODS, {"payment_method_id": "pm_card_visa"})
    stage.expect(kept, 201, type="card", card__last4="4242")
    listed = stage.client.call(patient, "GET", METHODS)
    stage.expect(listed, 200)
    paid = stage.client.call(patient, "POST", PAYMENTS, body | {"payment_method_id": kept.body["id"]})
    stage.expect(paid, 201, status="succeeded")


def invoice(stage: Stage) -> None:
    due = stage.seeding.unpaid_invoices(1)[0]
    patient, path = stage.callers.patient(due.patient_id), f"/api/billing/invoices/{due.id}/pay/"
    card = {"payment_method": "card", "payment_method_id": "pm_card_visa"}
    first = stage.client.call(patient, "POST", path, card | {"amount": "50.00"})
    left = amount(due.amount - 5000)
    stage.expect(first, 200, invoice__status="partially_paid", invoice__amount_due=left)
    key = {"Idempotency-Key": f"demo-{uuid4().hex[:12]}"}
    rest = stage.client.call(patient, "POST", path, card, headers=key)
    stage.expect(rest, 200, payment__status="succeeded", invoice__status="paid", invoice__amount_due="0.00")
    again = stage.client.call(patient, "POST", path, card, headers=key)
    stage.expect(again, 200, payment__id=rest.body["payment"]["id"])
    replayed = again.headers.get("Idempotent-Replayed")
    stage.screen.check("the stored answer was replayed, nothing was charged again", replayed == "true", replayed)


def refund(stage: Stage) -> None:
    if not stage.paid:
        raise SceneBroken
    path = f"{PAYMENTS}{stage.paid['id']}/refund/"
    answer = stage.client.call(stage.callers.manager(), "POST", path, {"amount": "30.00", "reason": "Shorter session"})
    stage.expect(answer, 201, status="succeeded", amount="30.00", payment__amount_refunded="30.00")
    stage.screen.line("  A patient may not:")
    patient = stage.callers.patient(41)
    stage.expect(stage.client.call(patient, "POST", path, {"amount": "30.00"}), 403, code="permission_denied")


def _to_pay(stage: Stage, card: str) -> tuple[Caller, dict[str, Any]]:
    """A patient, and the frontend's request for the next appointment of his that is unpaid."""
    due = stage.seeding.unpaid_appointment()
    body = {
        "appointment_id": due.id,
        "amount": amount(due.fee),
        "currency": "AUD",
        "payment_method": "card",
        "payment_method_id": card,
    }
    return stage.callers.patient(due.patient_id), body


def _cents(body: dict[str, Any]) -> int:
    return int(body["amount"].replace(".", ""))


def _confirm(stage: Stage, patient: Caller, intent: str, appointment_id: int) -> None:
    """The browser says that it is done; the gateway asks Stripe."""
    asked = {"payment_intent_id": intent, "appointment_id": appointment_id}
    answer = stage.client.call(patient, "POST", "/api/billing/stripe/confirm-payment/", asked)
    stage.expect(answer, 200, status="succeeded", payment_intent_id=intent)
