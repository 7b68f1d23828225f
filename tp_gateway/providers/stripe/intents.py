"""One function from a payment intent, as Stripe sends it, to an `Outcome`. Every road (confirm, retrieve, cancel, an
error's embedded intent, a list) ends here; amounts come from the object, and one that makes no sense proves nothing.

docs.stripe.com/payments/paymentintents/lifecycle
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tp_gateway.contract import Flow, Outcome, OutcomeState, Reason, SavedMethod
from tp_gateway.providers.stripe import answers, declines

# Fee and transaction id come with the charge instead of by another call; so do its refunds, where they can matter.
EXPAND = ["latest_charge.balance_transaction"]
EXPAND_ALL = [*EXPAND, "latest_charge.refunds"]
_HELD_FOR_DAYS = 3600.0
"""A hold changes by itself only when it expires: a look each hour is enough, in seconds."""


def unclear(reference: str | None) -> Outcome:
    return Outcome(OutcomeState.UNKNOWN, reference, reason=Reason.UNCLEAR)


def read(data: Any, *, live: bool, reference: str | None = None, flow: Flow | None = None) -> Outcome:
    """`reference`: the intent asked for; None takes any. `flow` None (a list, a cancel) never makes an action."""
    if not is_intent(data, live) or (reference is not None and data["id"] != reference):
        return unclear(reference)
    found, status = data["id"], data["status"]
    known: dict[str, Any] = {
        "reference": found,
        "currency": answers.currency(data),
        "payer": answers.reference(data, "customer", "cus_"),
    }
    if status == "succeeded":
        return _succeeded(data, known)
    if status == "processing":
        return Outcome(OutcomeState.PENDING, **known)
    if status == "requires_capture":
        return _held(data, known)
    if status == "requires_action":
        return Outcome(OutcomeState.NEEDS_ACTION, action=action(data, flow), **known)
    if status == "requires_confirmation":
        if flow is Flow.BROWSER:
            return Outcome(OutcomeState.NEEDS_ACTION, action=action(data, flow), **known)
        return Outcome(OutcomeState.NOT_SENT, **known)
    if status == "requires_payment_method":
        return _after_attempt(data, flow, known)
    if status == "canceled":
        by_itself = data.get("cancellation_reason") in ("automatic", "expired")
        reason = Reason.EXPIRED if by_itself else Reason.CANCELED
        outcome = Outcome(OutcomeState.DECLINED, closed=True, reason=reason, **known)
        return _with_error(outcome, data) if answers.inner(data, "last_payment_error") else outcome
    return unclear(found)


def is_intent(data: Any, live: bool) -> bool:
    return (
        isinstance(data, dict)
        and data.get("object") == "payment_intent"
        and answers.reference(data, "id", "pi_") is not None
        and isinstance(data.get("status"), str)
        and data.get("livemode") is live
        and answers.units(data, "amount") is not None
        and answers.units(data, "amount_received") is not None
        and answers.currency(data) is not None
    )


def is_named(data: Any, reference: str) -> bool:
    return isinstance(data, dict) and data.get("id") == reference


def action(data: Mapping[str, Any], flow: Flow | None) -> dict[str, Any]:
    return {} if flow is None else browser_action(data)


def browser_action(data: Mapping[str, Any]) -> dict[str, Any]:
    """What the customer's browser needs for an intent or a setup intent: Stripe.js finishes either with the client
    secret alone (docs.stripe.com/js/payment_intents/handle_next_action); `redirect_url` serves frontends without it."""
    step = answers.inner(data, "next_action")
    result = {
        "type": answers.text(step, "type") or "confirm_in_browser",
        "client_secret": answers.text(data, "client_secret"),
        "status": data["status"],
        "redirect_url": answers.url(answers.inner(step, "redirect_to_url"), "url"),
        "stripe_sdk_url": answers.url(answers.inner(step, "use_stripe_sdk"), "stripe_js"),
    }
    return {key: value for key, value in result.items() if value is not None}


def _after_attempt(data: Mapping[str, Any], flow: Flow | None, known: dict[str, Any]) -> Outcome:
    """requires_payment_method: nothing was taken, and the intent still can be charged."""
    error = answers.inner(data, "last_payment_error")
    if flow is Flow.DIRECT or (flow is Flow.OFF_SESSION and not _bank_asks(error)):
        outcome = Outcome(OutcomeState.DECLINED, reason=Reason.UNCLEAR, **known)
        return _with_error(outcome, data) if error else replace(outcome, message=declines.CARD_DECLINED)
    outcome = Outcome(OutcomeState.NEEDS_ACTION, action=action(data, flow), **known)
    if not error:
        return outcome
    outcome = _with_error(outcome, data)
    if flow is not Flow.OFF_SESSION:
        return outcome
    # docs.stripe.com/payments/save-and-reuse#charge-saved-payment-method: bring the customer back on-session and
    # confirm the same intent with the same method; confirmCardPayment takes its id.
    method = answers.reference(error, "payment_method", "pm_", "card_", "src_")
    return replace(
        outcome,
        message=declines.ASKS_FOR_CUSTOMER,
        action={**outcome.action, **({"payment_method": method} if method else {})},
    )


def _bank_asks(error: Mapping[str, Any]) -> bool:
    return "authentication_required" in (error.get("code"), error.get("decline_code"))


def _with_error(outcome: Outcome, data: Mapping[str, Any]) -> Outcome:
    reason, code, message = declines.reason_for(dict(answers.inner(data, "last_payment_error")))
    return replace(outcome, reason=reason, provider_code=code, message=message)


def _held(data: Mapping[str, Any], known: dict[str, Any]) -> Outcome:
    """requires_capture: nothing was taken yet (docs.stripe.com/payments/place-a-hold-on-a-payment-method)."""
    held = answers.units(data, "amount_capturable")
    if not held:
        return unclear(data["id"])
    details = answers.inner(answers.inner(data, "latest_charge"), "payment_method_details")
    return Outcome(
        OutcomeState.AUTHORIZED,
        authorized=held,
        capture_before=answers.moment(answers.inner(details, "card"), "capture_before"),
        check_after=_HELD_FOR_DAYS,
        **known,
    )


def _succeeded(data: Mapping[str, Any], known: dict[str, Any]) -> Outcome:
    charge = answers.inner(data, "latest_charge")
    evidence = answers.reference(data, "latest_charge", "ch_", "py_")
    settled = answers.units(data, "amount_received")
    if evidence is None or not settled or (charge and answers.reference(charge, "payment_intent", "pi_") != data["id"]):
        return unclear(data["id"])
    booked = answers.inner(charge, "balance_transaction")
    # A fee is in the currency of our account; another one than the charge's would be added up wrongly.
    same_currency = answers.currency(booked) == known["currency"]
    return Outcome(
        OutcomeState.SUCCEEDED,
        settled=settled,
        evidence=evidence,
        transaction=answers.reference(charge, "balance_transaction", "txn_"),
        fee=answers.units(booked, "fee") if same_currency else None,
        receipt_url=answers.url(charge, "receipt_url"),
        saved_method=_saved_method(data, charge, known["payer"]),
        **known,
    )


def _saved_method(data: Mapping[str, Any], charge: Mapping[str, Any], payer: str | None) -> SavedMethod | None:
    """Once a payment with setup_future_usage succeeds, Stripe has attached the method to the customer
    (docs.stripe.com/api/payment_intents/object#payment_intent_object-setup_future_usage)."""
    method = answers.reference(data, "payment_method", "pm_")
    card = answers.inner(answers.inner(charge, "payment_method_details"), "card")
    if data.get("setup_future_usage") != "off_session" or not method or not payer or not card:
        return None
    return SavedMethod(method, "card", card_details(card), payer, answers.text(card, "fingerprint"))


def card_details(card: Mapping[str, Any]) -> dict[str, Any]:
    """Only what may be shown: brand, last4, expiry."""
    return {
        "brand": answers.text(card, "brand"),
        "last4": answers.text(card, "last4"),
        "exp_month": answers.units(card, "exp_month"),
        "exp_year": answers.units(card, "exp_year"),
    }
