"""Setup intents: a card is checked and kept, nothing is charged (docs.stripe.com/api/setup_intents)."""

from typing import Any

from sandbox.stripe import attempts, intent_flow, payment_methods
from sandbox.stripe.api_call import Call
from sandbox.stripe.books import Object
from sandbox.stripe.cards import NEVER
from sandbox.stripe.common import Params, check_client_secret, customer_of, fields
from sandbox.stripe.errors import DOC_URL, CardError, Invalid, Refused
from sandbox.stripe.intent_params import CONFIRMABLE, check_usable, lacks_return_url
from sandbox.stripe.lists import page, where
from sandbox.stripe.shapes import blank, copied, letters
from sandbox.stripe.world import World


def create(call: Call) -> Object:
    world, params = call.world, call.params
    if not params.get("confirm") and params.get("return_url"):
        raise Invalid("You can only pass `return_url` when `confirm` is set to true.", param="return_url")
    made = blank("setup_intent", world.clock.seconds(), usage=params.get("usage") or "off_session")
    made["client_secret"] = f"{made['id']}_secret_{letters(25)}"
    made["payment_method_options"] = {
        "card": {"mandate_options": None, "network": None, "request_three_d_secure": "automatic"}
    }
    allowed = params.get("allowed_payment_method_types")
    if allowed and "card" not in allowed:
        raise Invalid("This sandbox takes cards only.", param="allowed_payment_method_types")
    made["allowed_payment_method_types"] = allowed or None
    if not allowed or params.get("automatic_payment_methods"):
        made["automatic_payment_methods"] = {
            "allow_redirects": "always",
            "enabled": True,
            **(params.get("automatic_payment_methods") or {}),
        }
    made.update(fields(made, params, "description"), customer=customer_of(world, params))
    world.books.add(made)
    method = _method(world, made, params)
    if method:
        world.change(made, payment_method=method["id"], status="requires_confirmation")
    world.emit("setup_intent.created", made)
    if params.get("confirm"):
        _confirm(world, made, method, params)
    return made


def _method(world: World, intent: Object, params: Params) -> Object | None:
    if params.get("payment_method_data") or params.get("confirmation_token"):
        raise Invalid("This sandbox takes payment methods by id or test token only.", param="payment_method")
    if not params.get("payment_method"):
        return None
    method = payment_methods.resolve(world, params["payment_method"])
    if method["type"] != "card":
        raise Invalid("This sandbox sets up cards only.", param="payment_method")
    check_usable(world, method, intent["customer"], "SetupIntent")
    return method


def retrieve(call: Call) -> Object:
    intent = call.world.find("setup_intent", call.ids[0], "intent", "setupintent")
    check_client_secret(intent, call.params, required=call.in_browser)
    return intent


def update(call: Call) -> Object:
    world, params = call.world, call.params
    intent = world.find("setup_intent", call.ids[0], "intent", "setupintent")
    facts = fields(intent, params, "description")
    if params.get("customer"):
        facts["customer"] = customer_of(world, params)
    world.change(intent, **facts)
    method = _method(world, intent, params)
    if method:
        if intent["status"] not in CONFIRMABLE:
            raise _unexpected(
                intent, f"You cannot update this SetupIntent because it has a status of {intent['status']}."
            )
        world.change(intent, payment_method=method["id"], status="requires_confirmation", next_action=None)
    return intent


def confirm(call: Call) -> Object:
    world = call.world
    intent = world.find("setup_intent", call.ids[0], "intent", "setupintent")
    check_client_secret(intent, call.params, required=call.in_browser)
    if intent["status"] not in CONFIRMABLE:
        state = "already succeeded" if intent["status"] == "succeeded" else f"a status of {intent['status']}"
        raise _unexpected(intent, f"You cannot confirm this SetupIntent because it has {state}.")
    _confirm(world, intent, _method(world, intent, call.params), call.params)
    return intent


def _confirm(world: World, intent: Object, method: Object | None, params: Params) -> None:
    if method is None:
        if not intent["payment_method"]:
            raise _unexpected(
                intent,
                "You cannot confirm this SetupIntent because it's missing a payment method. "
                "Update the SetupIntent with a payment method and then confirm it again.",
            )
        method = world.find("payment_method", intent["payment_method"])
    if lacks_return_url(intent, params):
        raise Refused(
            "This SetupIntent is configured to accept payment methods enabled in your Dashboard. Because "
            "some of these payment methods might redirect your customer off of your page, you must provide a "
            "`return_url`."
        )
    world.change(intent, payment_method=method["id"], next_action=None)
    # docs.stripe.com/testing#regulatory-cards: every such card is authenticated when it is set up.
    if attempts.card_of(world, method).authentication != NEVER:
        next_action = intent_flow.challenge(world, intent["id"], params)
        world.change(intent, status="requires_action", next_action=next_action)
        world.emit("setup_intent.requires_action", intent)
        return
    refusal = settle(world, intent, method, authenticated=False)
    if refusal:
        raise refusal


def settle(world: World, intent: Object, method: Object, authenticated: bool) -> CardError | None:
    """Keep the card, or hand back the bank's refusal."""
    card = attempts.card_of(world, method)
    if card.decline and not card.attaches:
        refusal = attempts.bank_refusal(card.decline) | {"payment_method": copied(method)}
        fail(world, intent, method, {"type": "card_error", **refusal})
        return CardError(**refusal, setup_intent=copied(intent))
    _record(world, intent, method, "succeeded", None)
    world.change(intent, status="succeeded", next_action=None, last_setup_error=None)
    world.note("_card", method["id"], set_up=True)
    world.emit("setup_intent.succeeded", intent)
    if intent["customer"] and method["customer"] is None:
        world.change(method, customer=intent["customer"])
        world.emit("payment_method.attached", method)
    return None


def fail_authentication(world: World, intent: Object, method: Object) -> None:
    """docs.stripe.com/error-codes#setup-intent-authentication-failure."""
    code = "setup_intent_authentication_failure"
    fail(
        world,
        intent,
        method,
        {
            "type": "invalid_request_error",
            "code": code,
            "doc_url": DOC_URL + code.replace("_", "-"),
            "message": "The latest attempt to set up the payment method has failed because authentication failed.",
            "payment_method": copied(method),
        },
    )


def fail(world: World, intent: Object, method: Object, error: dict[str, Any]) -> None:
    _record(world, intent, method, "failed", error)
    world.change(
        intent, status="requires_payment_method", payment_method=None, next_action=None, last_setup_error=error
    )
    world.emit("setup_intent.setup_failed", intent)


def _record(world: World, intent: Object, method: Object, status: str, error: dict[str, Any] | None) -> None:
    tried = world.books.add(
        blank(
            "setup_attempt",
            world.clock.seconds(),
            customer=intent["customer"],
            payment_method=method["id"],
            setup_intent=intent["id"],
            status=status,
            setup_error=error,
            usage=intent["usage"],
        )
    )
    card = tried["payment_method_details"]["card"]
    card.update({name: copied(method["card"][name]) for name in card.keys() & method["card"].keys()})
    card["network"] = method["card"]["brand"]
    world.change(intent, latest_attempt=tried["id"])


def cancel(call: Call) -> Object:
    intent = call.world.find("setup_intent", call.ids[0], "intent", "setupintent")
    if intent["status"] not in CONFIRMABLE:
        raise _unexpected(
            intent,
            f"You cannot cancel this SetupIntent because it has a status of {intent['status']}. "
            "Only a SetupIntent with one of the following statuses may be canceled: "
            f"{', '.join(CONFIRMABLE)}.",
        )
    call.world.change(
        intent, status="canceled", next_action=None, cancellation_reason=call.params.get("cancellation_reason") or None
    )
    call.world.emit("setup_intent.canceled", intent)
    return intent


def every(call: Call) -> Object:
    wanted = where(call.params, "customer", "payment_method")
    return page(call.world, "setup_intent", call.params, "/v1/setup_intents", wanted)


def tries(call: Call) -> Object:
    return page(call.world, "setup_attempt", call.params, "/v1/setup_attempts", where(call.params, "setup_intent"))


def _unexpected(intent: Object, message: str) -> Refused:
    return Refused(message, code="setup_intent_unexpected_state", setup_intent=copied(intent))
