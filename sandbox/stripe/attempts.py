"""One try at a card: does it want 3-D Secure, does the bank refuse, and the charge that either leaves behind.

It changes charges only; what the try means for an intent is decided by the intents.
"""

from typing import Any

from sandbox.stripe import cards
from sandbox.stripe.books import Object
from sandbox.stripe.cards import ALWAYS, ON_SESSION, UNLESS_SET_UP, Card
from sandbox.stripe.declines import DECLINES
from sandbox.stripe.errors import DOC_URL
from sandbox.stripe.shapes import blank, copied, letters
from sandbox.stripe.world import World

# docs.stripe.com/payments/place-a-hold-on-a-payment-method: online card payments are held for seven days.
HOLD_SECONDS = 7 * 86400
_NETWORK_CODES = {
    "insufficient_funds": "51",
    "lost_card": "41",
    "stolen_card": "43",
    "expired_card": "54",
    "incorrect_cvc": "N7",
    "card_velocity_exceeded": "65",
    "authentication_required": "1A",
}


def card_of(world: World, method: Object) -> Card:
    """The test card behind a payment method."""
    found = cards.card(world.note("_card", method["id"])["token"])
    if found is None:  # payment methods are made from tokens of the table only
        raise LookupError(f"{method['id']} was made by a token that is no longer in the table")
    return found


def wants_authentication(world: World, method: Object, off_session: bool, asked_for: str | None = None) -> bool:
    """docs.stripe.com/testing#regulatory-cards, by the kind of card."""
    card = card_of(world, method)
    optional = world.note("_card", method["id"])["token"].endswith("threeDSecureOptional")
    if optional and asked_for in ("any", "challenge"):
        return not off_session
    if card.authentication == ALWAYS:
        return True
    if card.authentication == UNLESS_SET_UP:
        return not (off_session and world.note("_card", method["id"]).get("set_up"))
    return card.authentication == ON_SESSION and not off_session


def decline_of(world: World, method: Object, off_session: bool) -> str | None:
    """The decline code of a charge to this card, if the bank refuses it."""
    card = card_of(world, method)
    return card.decline or (card.declines_off_session if off_session else None)


def bank_refusal(decline_code: str) -> dict[str, Any]:
    """The fields of an error for this decline (docs.stripe.com/error-codes, docs.stripe.com/declines/codes)."""
    decline = DECLINES[decline_code]
    fields = {
        "code": decline.code,
        "decline_code": decline_code,
        "message": decline.message,
        "doc_url": DOC_URL + decline.code.replace("_", "-"),
        "advice_code": decline.advice,
    }
    if not decline.blocked:
        fields["network_decline_code"] = _NETWORK_CODES.get(decline_code, "01")
    return fields


def charge(world: World, intent: Object, method: Object, decline_code: str | None, *, authenticated: bool) -> Object:
    """The charge of one try, not yet settled (docs.stripe.com/api/charges/object)."""
    captured = decline_code is None and intent["capture_method"] != "manual"
    suffix = intent["statement_descriptor_suffix"]
    made = blank(
        "charge",
        world.clock.seconds(),
        amount=intent["amount"],
        currency=intent["currency"],
        amount_captured=intent["amount"] if captured else 0,
        captured=captured,
        paid=decline_code is None,
        status="failed" if decline_code else "succeeded",
        customer=intent["customer"],
        description=intent["description"],
        metadata=dict(intent["metadata"]),
        payment_intent=intent["id"],
        payment_method=method["id"],
        billing_details=copied(method["billing_details"]),
        receipt_email=intent["receipt_email"],
        shipping=intent["shipping"],
        statement_descriptor_suffix=suffix,
        outcome=_outcome(card_of(world, method), decline_code),
    )
    if suffix:
        made["calculated_statement_descriptor"] = f"SANDBOX* {suffix}"[:22]
    if decline_code:
        refusal = bank_refusal(decline_code)
        made.update(failure_code=refusal["code"], failure_message=refusal["message"])
    else:
        # guess: the real address carries a token of its own; only its look is kept.
        made["receipt_url"] = f"https://pay.stripe.com/receipts/payment/{letters(96)}"
    _describe_card(made, method, decline_code, authenticated, captured)
    return world.books.add(made)


def _describe_card(made: Object, method: Object, decline_code: str | None, authenticated: bool, captured: bool) -> None:
    card, details = method["card"], made["payment_method_details"]["card"]
    for name in ("brand", "checks", "country", "exp_month", "exp_year", "fingerprint", "funding", "last4"):
        details[name] = copied(card[name])
    details.update(network=card["brand"], regulated_status="unregulated")
    if decline_code is None:
        details.update(
            amount_authorized=made["amount"],
            authorization_code=letters(6).upper(),
            network_transaction_id=str(made["created"] * 1009)[:15],
        )
        details["overcapture"]["maximum_amount_capturable"] = made["amount"]
        if not captured:
            details["capture_before"] = made["created"] + HOLD_SECONDS
    if decline_code == "incorrect_cvc":
        details["checks"]["cvc_check"] = "fail"
    if authenticated:
        details["three_d_secure"] = {
            "authentication_flow": "challenge",
            "electronic_commerce_indicator": "05",
            "exemption_indicator": None,
            "result": "authenticated",
            "result_reason": None,
            "transaction_id": letters(28),
            "version": "2.2.0",
        }


def _outcome(card: Card, decline_code: str | None) -> dict[str, Any]:
    """docs.stripe.com/api/charges/object#charge_object-outcome."""
    base = {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None,
        "risk_level": card.risk,
        "risk_score": {"normal": 20, "elevated": 68, "highest": 94}[card.risk],
    }
    if decline_code is None:
        review = "elevated_risk_level" if card.risk == "elevated" else None
        return base | {
            "network_status": "approved_by_network",
            "reason": review,
            "seller_message": "Payment complete.",
            "type": "manual_review" if review else "authorized",
        }
    decline = DECLINES[decline_code]
    if decline.blocked:
        return base | {
            "network_status": "not_sent_to_network",
            "reason": "highest_risk_level",
            "type": "blocked",
            "seller_message": "Stripe blocked this payment as too risky.",
        }
    return base | {
        "advice_code": decline.advice,
        "network_status": "declined_by_network",
        "reason": decline_code,
        "network_decline_code": _NETWORK_CODES.get(decline_code, "01"),
        "type": "issuer_declined",
        "seller_message": f"The bank returned the decline code `{decline_code}`.",
    }
