"""What the parameters of a payment intent may say, and what they make of it. It confirms and charges nothing."""

from typing import Any

from sandbox.stripe import payment_methods
from sandbox.stripe.books import Object
from sandbox.stripe.common import Params, fields
from sandbox.stripe.errors import Invalid, Refused
from sandbox.stripe.money import EXCHANGE_RATES, OWN_CURRENCY
from sandbox.stripe.shapes import copied
from sandbox.stripe.world import World

# docs.stripe.com/currencies#minimum-and-maximum-charge-amounts
SMALLEST, LARGEST = 50, 99_999_999
CONFIRMABLE = ("requires_payment_method", "requires_confirmation", "requires_action")
PLAIN = (
    "description",
    "receipt_email",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "shipping",
    "setup_future_usage",
    "capture_method",
    "transfer_group",
    "excluded_payment_method_types",
)
_CARD_OPTIONS = {"installments": None, "mandate_options": None, "network": None, "request_three_d_secure": "automatic"}


def lacks_return_url(intent: Object, params: Params) -> bool:
    """Could its customer be sent away, with nowhere to come back to?"""
    automatic = intent["automatic_payment_methods"]
    return bool(
        automatic
        and automatic["enabled"]
        and automatic.get("allow_redirects") != "never"
        and not params.get("return_url")
        and not params.get("use_stripe_sdk")
    )


def check_amount(params: Params) -> None:
    """The amount, if there is one, and the currency."""
    currency = (params.get("currency") or OWN_CURRENCY).lower()
    if currency not in EXCHANGE_RATES:
        raise Invalid(
            f"Invalid currency: {currency}. This sandbox accepts these currencies: {', '.join(EXCHANGE_RATES)}",
            param="currency",
        )
    amount = params.get("amount")
    if amount is None:
        return
    if amount == "" or amount < 0:
        raise Invalid("Invalid positive integer", code="parameter_invalid_integer", param="amount")
    if amount < SMALLEST:
        raise Invalid(f"Amount must be at least $0.50 {currency}", code="amount_too_small", param="amount")
    if amount > LARGEST:
        raise Invalid(f"Amount must be no more than $999,999.99 {currency}", code="amount_too_large", param="amount")


def check_confirm_only(params: Params) -> None:
    """docs.stripe.com/api/payment_intents/create: these "can only be used with confirm=true"."""
    if not params.get("confirm"):
        for name in ("off_session", "error_on_requires_action", "return_url"):
            if params.get(name) not in (None, "", False):
                raise Invalid(f"You can only pass `{name}` when `confirm` is set to true.", param=name)


def method_types(intent: Object, params: Params) -> None:
    """docs.stripe.com/payments/dashboard-payment-methods: the Dashboard's methods unless the caller names some."""
    allowed = params.get("allowed_payment_method_types")
    given = params.get("automatic_payment_methods")
    unknown = set(allowed or ()) - {"card", "au_becs_debit"}
    if unknown:
        raise Invalid(
            f"The payment method type provided: {min(unknown)} is invalid. This sandbox takes card and au_becs_debit.",
            param="allowed_payment_method_types",
        )
    if "au_becs_debit" in (allowed or ()) and params["currency"].lower() != "aud":
        raise Invalid("The currency provided is invalid. Payments with au_becs_debit support aud.", param="currency")
    intent["allowed_payment_method_types"] = allowed or None
    if not allowed or given:
        automatic = {"allow_redirects": "always", "enabled": True, **(given or {})}
        intent["automatic_payment_methods"] = automatic
    # guess: of the Dashboard's methods this account has turned on cards only.
    intent["payment_method_types"] = list(allowed or ["card"])


def facts(intent: Object, params: Params) -> dict[str, Any]:
    """What the plain parameters make of the intent."""
    found = fields(intent, params, *PLAIN)
    options = params.get("payment_method_options") or {}
    before = (intent["payment_method_options"] or {}).get("card") or {}
    found["payment_method_options"] = {"card": {**_CARD_OPTIONS, **before, **(options.get("card") or {})}}
    return found


def method_for(world: World, intent: Object, params: Params) -> Object | None:
    """The payment method the caller names, if it may be used for this intent."""
    if params.get("payment_method_data") or params.get("confirmation_token"):
        raise Invalid("This sandbox takes payment methods by id or test token only.", param="payment_method")
    if not params.get("payment_method"):
        return None
    method = payment_methods.resolve(world, params["payment_method"])
    if method["type"] not in intent["payment_method_types"]:
        raise Refused(  # guess: the sentence
            f"The PaymentMethod provided ({method['type']}) is not allowed for this PaymentIntent. Please attach a "
            f"PaymentMethod of one of the following types: {', '.join(intent['payment_method_types'])}.",
            param="payment_method",
        )
    check_usable(world, method, intent["customer"], "PaymentIntent")
    return method


def check_usable(world: World, method: Object, customer: str | None, noun: str) -> None:
    """docs.stripe.com/api/payment_methods/attach: one that belongs to a customer works with that customer only."""
    owner = method["customer"]
    if owner and customer is None:
        raise Refused(
            f"The PaymentMethod {method['id']} belongs to the Customer {owner}. Please include the Customer "
            f"in the `customer` parameter on the {noun}.",
            param="payment_method",
        )
    if owner and owner != customer:  # guess: the sentence
        raise Refused(
            f"The PaymentMethod {method['id']} does not belong to the Customer you supplied {customer}. "
            "Please use this PaymentMethod with the Customer that it belongs to instead.",
            param="payment_method",
        )
    if not owner:
        payment_methods.check_reusable(method, world.note("_card", method["id"]))


def unexpected(intent: Object, message: str, param: str | None = None) -> Refused:
    """docs.stripe.com/error-codes#payment-intent-unexpected-state, with the intent inside."""
    return Refused(message, code="payment_intent_unexpected_state", param=param, payment_intent=copied(intent))
