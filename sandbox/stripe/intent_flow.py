"""The state machine of payment intents once one is confirmed (docs.stripe.com/payments/paymentintents/lifecycle).

It raises what the caller of the API must hear; parameters have been judged before.
"""

from typing import Any

from sandbox.stripe import attempts, bank_debits, disputes, money
from sandbox.stripe.books import Object
from sandbox.stripe.errors import DOC_URL, CardError
from sandbox.stripe.shapes import copied, letters
from sandbox.stripe.world import World, action


def attempt(world: World, intent: Object, method: Object, params: dict[str, Any]) -> None:
    """One confirmation with this payment method: it succeeds, asks for 3-D Secure, or raises the refusal."""
    if bank_debits.is_bank(method):
        world.change(intent, payment_method=method["id"], next_action=None)
        bank_debits.attempt(world, intent, method, params)
        return
    off_session = params.get("off_session") not in (None, False, "")
    asked_for = ((intent["payment_method_options"] or {}).get("card") or {}).get("request_three_d_secure")
    world.change(intent, payment_method=method["id"], next_action=None)
    world.note("_intent", intent["id"], off_session=off_session)
    if attempts.wants_authentication(world, method, off_session, asked_for):
        if off_session or params.get("error_on_requires_action"):
            # docs.stripe.com/payments/save-and-reuse: nobody is there to authenticate.
            raise refuse(world, intent, method, "authentication_required", authenticated=False)
        next_action = challenge(world, intent["id"], params)
        world.change(intent, status="requires_action", next_action=next_action)
        world.emit("payment_intent.requires_action", intent)
        return
    refusal = settle(world, intent, method, off_session, authenticated=False)
    if refusal:
        raise refusal


def challenge(world: World, intent_id: str, params: dict[str, Any]) -> dict[str, Any]:
    """docs.stripe.com/api/payment_intents/object#payment_intent_object-next_action."""
    url = f"{world.challenge_base}/_sandbox/challenge/{intent_id}"
    if params.get("return_url") and not params.get("use_stripe_sdk"):
        world.note("_intent", intent_id, return_url=params["return_url"])
        return {"type": "redirect_to_url", "redirect_to_url": {"return_url": params["return_url"], "url": url}}
    world.note("_intent", intent_id, return_url=params.get("return_url"))
    # guess: Stripe calls the contents of use_stripe_sdk private to Stripe.js; these are the ones seen in the wild.
    return {
        "type": "use_stripe_sdk",
        "use_stripe_sdk": {"source": f"src_1{letters(23)}", "stripe_js": url, "type": "three_d_secure_redirect"},
    }


def settle(world: World, intent: Object, method: Object, off_session: bool, authenticated: bool) -> CardError | None:
    """Ask the bank; the refusal is handed back, because after a challenge nobody waits for it."""
    decline_code = attempts.decline_of(world, method, off_session)
    if decline_code:
        return refuse(world, intent, method, decline_code, authenticated)
    if world.settings["processing_seconds"] > 0:
        world.change(intent, status="processing", next_action=None, processing={"type": "card", "card": {}})
        world.emit("payment_intent.processing", intent)
        world.later(
            world.settings["processing_seconds"], finish_processing, intent_id=intent["id"], authenticated=authenticated
        )
    else:
        succeed(world, intent, method, authenticated)
    return None


@action
def finish_processing(world: World, intent_id: str, authenticated: bool) -> None:
    intent = world.books.get("payment_intent", intent_id)
    if intent and intent["status"] == "processing":
        succeed(world, intent, world.find("payment_method", intent["payment_method"]), authenticated)


def succeed(world: World, intent: Object, method: Object, authenticated: bool) -> None:
    charge = attempts.charge(world, intent, method, None, authenticated=authenticated)
    world.change(intent, latest_charge=charge["id"], next_action=None, processing=None, last_payment_error=None)
    keep_method(world, intent, method, authenticated)
    if not charge["captured"]:
        world.change(intent, status="requires_capture", amount_capturable=intent["amount"])
        world.emit("charge.succeeded", charge)
        world.emit("payment_intent.amount_capturable_updated", intent)
        world.later(attempts.HOLD_SECONDS, expire_hold, intent_id=intent["id"])
        return
    money.settle_charge(world, charge)
    world.change(intent, status="succeeded", amount_received=intent["amount"])
    world.emit("charge.succeeded", charge)
    world.emit("payment_intent.succeeded", intent)
    dispute_if_told(world, charge, method)


def dispute_if_told(world: World, charge: Object, method: Object) -> None:
    """docs.stripe.com/testing#disputes: the tokens whose charges are disputed. guess: at once."""
    card = attempts.card_of(world, method)
    if card.dispute:
        disputes.open_dispute(world, charge, card.dispute, inquiry=card.inquiry)


@action
def expire_hold(world: World, intent_id: str) -> None:
    """docs.stripe.com/payments/place-a-hold-on-a-payment-method: not captured in time, it is let go and canceled.

    guess: the reason `automatic`.
    """
    intent = world.books.get("payment_intent", intent_id)
    if intent and intent["status"] == "requires_capture":
        release(world, intent, "charge.expired", "automatic")


def release(world: World, intent: Object, event: str, reason: str | None) -> None:
    """A hold that is let go: nothing was captured, so no money moves. guess: its charge is shown as wholly refunded."""
    charge = world.find("charge", intent["latest_charge"])
    world.change(charge, amount_refunded=charge["amount"], refunded=True)
    world.emit(event, charge)
    cancel(world, intent, reason)


def cancel(world: World, intent: Object, reason: str | None) -> None:
    world.change(
        intent,
        status="canceled",
        canceled_at=world.clock.seconds(),
        amount_capturable=0,
        next_action=None,
        cancellation_reason=reason,
    )
    world.emit("payment_intent.canceled", intent)


def keep_method(world: World, intent: Object, method: Object, authenticated: bool) -> None:
    """docs.stripe.com/payments/save-during-payment: attach it when it shall be used again, else it is spent."""
    if intent["setup_future_usage"] and intent["customer"]:
        if method["customer"] is None:
            world.change(method, customer=intent["customer"])
            world.emit("payment_method.attached", method)
        if authenticated and intent["setup_future_usage"] == "off_session":
            world.note("_card", method["id"], set_up=True)
    if method["customer"] is None:
        world.note("_card", method["id"], spent=True)


def refuse(world: World, intent: Object, method: Object, decline_code: str, authenticated: bool) -> CardError:
    """A refused try: a failed charge, back to requires_payment_method, and the error to answer with."""
    charge = attempts.charge(world, intent, method, decline_code, authenticated=authenticated)
    refusal = attempts.bank_refusal(decline_code) | {"charge": charge["id"], "payment_method": copied(method)}
    world.change(intent, latest_charge=charge["id"])
    _fail(world, intent, {"type": "card_error", **refusal}, charge)
    return CardError(**refusal, payment_intent=copied(intent))


def fail_authentication(world: World, intent: Object, method: Object) -> None:
    """docs.stripe.com/error-codes#payment-intent-authentication-failure. No charge was tried."""
    code = "payment_intent_authentication_failure"
    _fail(
        world,
        intent,
        {
            "type": "invalid_request_error",
            "code": code,
            "doc_url": DOC_URL + code.replace("_", "-"),
            "message": "The provided PaymentMethod has failed authentication. You can provide payment_method_data or a "
            "new PaymentMethod to attempt to fulfill this PaymentIntent again.",
            "payment_method": copied(method),
        },
        None,
    )


def _fail(world: World, intent: Object, error: dict[str, Any], charge: Object | None) -> None:
    world.change(
        intent,
        status="requires_payment_method",
        payment_method=None,
        next_action=None,
        processing=None,
        last_payment_error=error,
    )
    if charge:
        world.emit("charge.failed", charge)
    world.emit("payment_intent.payment_failed", intent)
