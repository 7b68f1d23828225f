"""Payment intents as the API shows them: parameters in, state machine asked (docs.stripe.com/api/payment_intents).

The rules for parameters are in intent_params.py, what happens once one is confirmed in intent_flow.py.
"""

from sandbox.stripe import intent_flow, money
from sandbox.stripe.api_call import Call
from sandbox.stripe.books import Object
from sandbox.stripe.common import Params, check_client_secret, customer_of, fields
from sandbox.stripe.errors import Invalid, Refused
from sandbox.stripe.intent_params import (
    CONFIRMABLE,
    check_amount,
    check_confirm_only,
    check_usable,
    facts,
    lacks_return_url,
    method_for,
    method_types,
    unexpected,
)
from sandbox.stripe.lists import page, where
from sandbox.stripe.shapes import blank, letters
from sandbox.stripe.world import World

CANCELABLE = ("requires_payment_method", "requires_capture", "requires_confirmation", "requires_action")
# What may no longer be changed once an intent is past confirmation.
FROZEN = {"amount", "currency", "customer", "payment_method", "capture_method", "setup_future_usage"}


def create(call: Call) -> Object:
    world, params = call.world, call.params
    check_amount(params)
    check_confirm_only(params)
    made = blank(
        "payment_intent",
        world.clock.seconds(),
        amount=params["amount"],
        currency=params["currency"].lower(),
        # docs.stripe.com/api/payment_intents/object: the default of present versions
        capture_method="automatic_async",
    )
    made["client_secret"] = f"{made['id']}_secret_{letters(25)}"
    made["confirmation_method"] = params.get("confirmation_method") or "automatic"
    method_types(made, params)
    made.update(facts(made, params), customer=customer_of(world, params))
    world.books.add(made)
    method = method_for(world, made, params)
    if method:
        world.change(made, payment_method=method["id"], status="requires_confirmation")
    world.emit("payment_intent.created", made)
    if params.get("confirm"):
        _confirm(world, made, method, params)
    return made


def retrieve(call: Call) -> Object:
    intent = call.world.find("payment_intent", call.ids[0], "intent")
    check_client_secret(intent, call.params, required=call.in_browser)
    return intent


def update(call: Call) -> Object:
    world, params = call.world, call.params
    intent = world.find("payment_intent", call.ids[0], "intent")
    check_amount(params)
    frozen = params.keys() & FROZEN
    if frozen and intent["status"] not in CONFIRMABLE:
        name = sorted(frozen)[0]
        raise unexpected(
            intent,
            f"This PaymentIntent's {name} could not be updated because it has a status of "
            f"{intent['status']}. You may only update the {name} of a PaymentIntent with one of the "
            f"following statuses: {', '.join(CONFIRMABLE)}.",
            name,
        )
    changes = facts(intent, params)
    if "amount" in params:
        changes["amount"] = params["amount"]
    if params.get("customer"):
        changes["customer"] = customer_of(world, params)
    if params.get("payment_method") == "":
        changes |= {"payment_method": None, "status": "requires_payment_method", "next_action": None}
    world.change(intent, **changes)
    method = method_for(world, intent, params)
    if method:
        world.change(intent, payment_method=method["id"], status="requires_confirmation", next_action=None)
    return intent


def confirm(call: Call) -> Object:
    world, params = call.world, call.params
    intent = world.find("payment_intent", call.ids[0], "intent")
    check_client_secret(intent, params, required=call.in_browser)
    if intent["status"] == "succeeded":
        raise unexpected(
            intent,
            "You cannot confirm this PaymentIntent because it has already succeeded after being previously confirmed.",
        )
    if intent["status"] not in CONFIRMABLE:
        raise unexpected(
            intent,
            "You cannot confirm this PaymentIntent because it has a status of "
            f"{intent['status']}. Only a PaymentIntent with one of the following statuses may be "
            f"confirmed: {', '.join(CONFIRMABLE)}.",
        )
    world.change(intent, **facts(intent, params))
    _confirm(world, intent, method_for(world, intent, params), params)
    return intent


def _confirm(world: World, intent: Object, method: Object | None, params: Params) -> None:
    if method is None:
        if not intent["payment_method"]:
            raise unexpected(
                intent,
                "You cannot confirm this PaymentIntent because it's missing a payment method. You "
                "can either update the PaymentIntent with a payment method and then confirm it again, or "
                "confirm it again directly with a payment method or ConfirmationToken.",
            )
        method = world.find("payment_method", intent["payment_method"])
        check_usable(world, method, intent["customer"], "PaymentIntent")
    if lacks_return_url(intent, params):
        # docs.stripe.com/payments/dashboard-payment-methods: a redirect needs somewhere to come back to.
        raise Refused(
            "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. Because "
            "some of these payment methods might redirect your customer off of your page, you must provide a "
            "`return_url`. If you don't want to accept redirect-based payment methods, set "
            "`automatic_payment_methods[enabled]` to `true` and `automatic_payment_methods[allow_redirects]` "
            "to `never` when creating Setup Intents and Payment Intents."
        )
    intent_flow.attempt(world, intent, method, params)


def cancel(call: Call) -> Object:
    world = call.world
    intent = world.find("payment_intent", call.ids[0], "intent")
    if intent["status"] not in CANCELABLE:
        raise unexpected(
            intent,
            f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}. "
            "Only a PaymentIntent with one of the following statuses may be canceled: "
            f"{', '.join(CANCELABLE)}.",
        )
    reason = call.params.get("cancellation_reason") or None
    if intent["status"] == "requires_capture":
        intent_flow.release(world, intent, "charge.refunded", reason)
    else:
        intent_flow.cancel(world, intent, reason)
    return intent


def capture(call: Call) -> Object:
    """docs.stripe.com/payments/place-a-hold-on-a-payment-method: all or a part, once; the rest is let go."""
    world = call.world
    intent = world.find("payment_intent", call.ids[0], "intent")
    if intent["status"] != "requires_capture":
        raise unexpected(
            intent,
            "This PaymentIntent could not be captured because it has a status of "
            f"{intent['status']}. Only a PaymentIntent with one of the following statuses may be "
            "captured: requires_capture.",
        )
    amount = call.params.get("amount_to_capture", "")
    amount = intent["amount_capturable"] if amount == "" else amount
    if not 0 < amount <= intent["amount_capturable"]:
        raise Invalid(
            "The amount_to_capture must be positive and no more than the authorized amount.",
            code="amount_too_large",
            param="amount_to_capture",
        )
    charge = world.find("charge", intent["latest_charge"])
    texts = ("statement_descriptor", "statement_descriptor_suffix")
    world.change(intent, **fields(intent, call.params, *texts))
    world.change(charge, captured=True, amount_captured=amount, **fields(charge, call.params, *texts))
    money.settle_charge(world, charge)
    world.change(intent, status="succeeded", amount_received=amount, amount_capturable=0)
    world.emit("charge.captured", charge)
    world.emit("payment_intent.succeeded", intent)
    intent_flow.dispute_if_told(world, charge, world.find("payment_method", intent["payment_method"]))
    return intent


def every(call: Call) -> Object:
    return page(call.world, "payment_intent", call.params, "/v1/payment_intents", where(call.params, "customer"))
