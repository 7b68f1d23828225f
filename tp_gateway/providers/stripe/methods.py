"""Saved cards: customers, setup intents, listing and dropping. Stripe knows a patient by our opaque key only.

docs.stripe.com/payments/save-and-reuse
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tp_gateway.contract import MethodOrder, Outcome, OutcomeState, Payer, Reason, SavedMethod
from tp_gateway.providers.stripe import answers, declines, intents
from tp_gateway.providers.stripe.client import Client, path
from tp_gateway.providers.stripe.failure import Failure, unclear


def customer(client: Client, payer: Payer, labels: Mapping[str, str], deadline: float) -> str:
    """The payer's customer, made if there is none. The key keeps two calls at once from making two."""
    if payer.reference is not None:
        return payer.reference
    params = {"metadata": {**labels, "tp_gateway_payer": payer.key}}
    data = client.post(path("customers"), deadline, params, f"{payer.key}:customer")
    reference = answers.reference(data, "id", "cus_")
    if reference is None or data.get("object") != "customer" or data.get("livemode") is not client.live:
        raise unclear("not a customer")
    return reference


def save(client: Client, order: MethodOrder, labels: Mapping[str, str]) -> SavedMethod | Outcome:
    """By a setup intent, not by attaching, so that the bank may ask now rather than at a charge when nobody is there.

    No key of ours: a repeat sets the same card up for the same customer again, which changes nothing, while a key would
    replay yesterday's refusal. `usage` is left to its default, off_session.
    """
    payer = order.payer.reference
    try:
        payer = customer(client, order.payer, labels, order.deadline)
        params = {
            "confirm": True,
            "customer": payer,
            "payment_method": order.method_reference,
            "allowed_payment_method_types": ["card"],
            "use_stripe_sdk": True,
            "metadata": dict(labels),
            "expand": ["payment_method"],
        }
        data = client.post(path("setup_intents"), order.deadline, params)
    except Failure as failure:
        return replace(declines.refused(failure), payer=payer)
    return _read(data, client.live, payer)


def _read(data: dict[str, Any], live: bool, payer: str) -> SavedMethod | Outcome:
    """docs.stripe.com/payments/setupintents/lifecycle"""
    reference, status = answers.reference(data, "id", "seti_"), data.get("status")
    mine = data.get("livemode") is live and answers.reference(data, "customer", "cus_") == payer
    if reference is None or data.get("object") != "setup_intent" or not mine:
        return Outcome(OutcomeState.UNKNOWN, payer=payer, reason=Reason.UNCLEAR)
    if status == "succeeded":
        method = _method(answers.inner(data, "payment_method"), payer)
        return method or Outcome(OutcomeState.UNKNOWN, reference, payer=payer, reason=Reason.UNCLEAR)
    if status == "processing":
        return Outcome(OutcomeState.PENDING, reference, payer=payer)
    if status == "requires_action":
        return Outcome(OutcomeState.NEEDS_ACTION, reference, payer=payer, action=intents.browser_action(data))
    if status in ("requires_payment_method", "canceled"):
        reason, code, message = declines.reason_for(dict(answers.inner(data, "last_setup_error")))
        return Outcome(
            OutcomeState.DECLINED, reference, payer=payer, reason=reason, provider_code=code, message=message
        )
    return Outcome(OutcomeState.UNKNOWN, reference, payer=payer, reason=Reason.UNCLEAR)


def all_of(client: Client, payer: str, deadline: float) -> list[SavedMethod]:
    try:
        found = list(client.pages(path("customers", payer, "payment_methods"), deadline, {"type": "card"}))
    except Failure as failure:
        if declines.is_missing(failure):
            return []  # a customer deleted at Stripe has lost its cards
        raise
    methods = [_method(item, payer) for item in found]
    if None in methods:
        raise unclear("not a payment method")
    return [method for method in methods if method is not None]


def drop(client: Client, reference: str, deadline: float) -> None:
    """Detaching is for ever: Stripe never lets the card be used again (docs.stripe.com/api/payment_methods/detach)."""
    try:
        client.post(path("payment_methods", reference, "detach"), deadline, {})
    except Failure as failure:
        if not declines.is_missing(failure) and not _is_detached(client, reference, deadline, failure):
            raise


def _is_detached(client: Client, reference: str, deadline: float, failure: Failure) -> bool:
    # Stripe refuses to detach twice, with no code that says so: look.
    if failure.status != 400:
        return False
    data = client.get(path("payment_methods", reference), deadline)
    return data.get("id") == reference and data.get("customer", "") is None


def _method(data: Mapping[str, Any], payer: str) -> SavedMethod | None:
    reference, card = answers.reference(data, "id", "pm_", "card_", "src_"), answers.inner(data, "card")
    if reference is None or not card or answers.reference(data, "customer", "cus_") != payer:
        return None
    return SavedMethod(reference, "card", intents.card_details(card), payer, answers.text(card, "fingerprint"))
