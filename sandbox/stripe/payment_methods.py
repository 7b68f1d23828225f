"""Payment methods made from test tokens, and whose they are (docs.stripe.com/api/payment_methods). No raw cards."""

from sandbox.stripe import bank_debits, cards
from sandbox.stripe.api_call import Call
from sandbox.stripe.attempts import bank_refusal, card_of
from sandbox.stripe.books import Object
from sandbox.stripe.common import Params, billing_details, fields, merged_metadata
from sandbox.stripe.errors import CardError, Invalid, Refused
from sandbox.stripe.lists import page, where
from sandbox.stripe.shapes import blank
from sandbox.stripe.world import World


def make(world: World, token: str, params: Params | None = None) -> Object:
    """A fresh payment method from a test token."""
    card = cards.card(token)
    if card is None:
        raise Invalid(f"No such token: '{token}'", code="resource_missing", param="card[token]")
    params = params or {}
    method = blank(
        "payment_method", world.clock.seconds(), type="card", metadata=merged_metadata({}, params.get("metadata"))
    )
    method["billing_details"] = billing_details(method["billing_details"], params.get("billing_details"))
    method["allow_redisplay"] = params.get("allow_redisplay") or "unspecified"
    method["card"].update(
        brand=card.brand,
        display_brand=card.brand.replace("amex", "american_express"),
        country=card.country,
        last4=card.last4,
        funding=card.funding,
        fingerprint=_fingerprint(token),
        exp_month=12,
        exp_year=2035,
        networks={"available": [card.brand], "preferred": None},
        regulated_status="unregulated",
        three_d_secure_usage={"supported": card.three_d_secure},
    )
    method["card"]["checks"]["cvc_check"] = card.cvc_check
    world.books.add(method)
    world.note("_card", method["id"], token=token, bypass_pending=card.bypass_pending)
    return method


def _fingerprint(token: str) -> str:
    """The same for every payment method of the same card, as docs.stripe.com/api/payment_methods/object says."""
    name = token.removeprefix("pm_card_").removeprefix("tok_")
    return "".join(char for char in name if char.isalnum()).ljust(16, "0")[-16:]


def resolve(world: World, key: str) -> Object:
    """The payment method with this id; a `pm_card_…` test token makes a fresh one each time, as Stripe does."""
    if cards.card(key) and key.startswith("pm_card_"):
        return make(world, key)
    return world.find("payment_method", key, "payment_method", "PaymentMethod")


def attach_to(world: World, method: Object, customer: str) -> None:
    note = world.note("_card", method["id"])
    if method["customer"] == customer:
        return
    if method["customer"] is not None:
        # guess: the sentence; docs.stripe.com/api/payment_methods/attach says that it must be detached first.
        raise Refused(
            "The payment method you provided has already been attached to a customer.",
            code="payment_method_unexpected_state",
        )
    check_reusable(method, note)
    card = None if bank_debits.is_bank(method) else card_of(world, method)
    if card and card.decline and not card.attaches:
        raise CardError(**bank_refusal(card.decline))
    world.change(method, customer=customer)
    world.emit("payment_method.attached", method)


def check_reusable(method: Object, note: Params) -> None:
    """docs.stripe.com/payments/payment-methods#reusable: one used without a customer, or detached, is spent."""
    if note.get("spent"):
        raise Refused(
            "The provided PaymentMethod was previously used with a PaymentIntent without Customer attachment, shared "
            "with a connected account without Customer attachment, or was detached from a Customer. It may not be "
            "used again. To use a PaymentMethod multiple times, you must attach it to a Customer first.",
            param="payment_method",
        )


def detach_from(world: World, method: Object) -> None:
    before = {"customer": method["customer"]}
    world.change(method, customer=None)
    world.note("_card", method["id"], spent=True)
    world.emit("payment_method.detached", method, before)


def create(call: Call) -> Object:
    params = call.params
    if params.get("payment_method"):  # cloning belongs to Connect
        raise Invalid("This sandbox makes payment methods from test tokens only.", param="payment_method")
    if params.get("type") == bank_debits.TYPE:
        return bank_debits.make_method(call.world, params)
    if params.get("type") != "card":
        raise Invalid(
            "Missing required param: type."
            if not params.get("type")
            else f"Payment method type {params['type']} is not activated on this account.",
            param="type",
        )
    card = params.get("card") or {}
    if "number" in card:
        # docs.stripe.com/error-codes: most accounts may not send raw cards.
        raise Refused(
            "Sending credit card numbers directly to the Stripe API is generally unsafe. We suggest you use "
            "test tokens that map to the test card you are using, see https://stripe.com/docs/testing."
        )
    if not card.get("token"):
        raise Invalid("Missing required param: card[token].", code="parameter_missing", param="card[token]")
    return make(call.world, card["token"], params)


def retrieve(call: Call) -> Object:
    return resolve(call.world, call.ids[0])


def update(call: Call) -> Object:
    method = call.world.find("payment_method", call.ids[0], "payment_method", "PaymentMethod")
    facts = fields(method, call.params, "allow_redisplay")
    if call.params.get("billing_details"):
        facts["billing_details"] = billing_details(method["billing_details"], call.params["billing_details"])
    if call.params.get("card") and method["type"] == "card":
        months = {key: call.params["card"][key] for key in ("exp_month", "exp_year") if key in call.params["card"]}
        facts["card"] = {**method["card"], **months}
    call.world.change(method, **facts)
    call.world.emit("payment_method.updated", method)
    return method


def attach(call: Call) -> Object:
    if not call.params.get("customer"):
        raise Invalid("Missing required param: customer.", code="parameter_missing", param="customer")
    customer = call.world.find("customer", call.params["customer"], "customer")
    method = resolve(call.world, call.ids[0])
    attach_to(call.world, method, customer["id"])
    return method


def detach(call: Call) -> Object:
    method = call.world.find("payment_method", call.ids[0], "payment_method", "PaymentMethod")
    if method["customer"] is None:
        raise Refused(
            "The payment method you provided is not attached to a customer so detachment is impossible.",
            param="payment_method",
        )
    detach_from(call.world, method)
    return method


def every(call: Call) -> Object:
    # docs.stripe.com/api/payment_methods/list: without a customer this list is for other uses, and empty here.
    if not call.params.get("customer"):
        return {"object": "list", "data": [], "has_more": False, "url": "/v1/payment_methods"}
    return page(
        call.world, "payment_method", call.params, "/v1/payment_methods", where(call.params, "customer", "type")
    )
