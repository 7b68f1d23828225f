"""BECS direct debit: a mandate, days of processing, then money or a failure (docs.stripe.com/payments/au-becs-debit).

Payment methods of type `au_becs_debit` and what a confirmed intent does with one; cards are attempts.py's.
"""

from typing import Any

from sandbox.stripe import disputes, money
from sandbox.stripe.api_call import Call
from sandbox.stripe.banks import ACCOUNTS, BSB, FAILURES, Account
from sandbox.stripe.books import Object
from sandbox.stripe.common import Params, billing_details, merged_metadata
from sandbox.stripe.errors import DOC_URL, CardError, Invalid, Refused
from sandbox.stripe.shapes import blank, copied, letters
from sandbox.stripe.world import World, action

TYPE = "au_becs_debit"
DELAY = 180.0  # seconds; docs.stripe.com/payments/au-becs-debit/accept-a-payment: "with a three-minute delay"


def make_method(world: World, params: Params) -> Object:
    details = params.get(TYPE) or {}
    for name in ("bsb_number", "account_number"):
        if not details.get(name):
            raise Invalid(f"Missing required param: {TYPE}[{name}].", code="parameter_missing", param=f"{TYPE}[{name}]")
    bsb, number = details["bsb_number"].replace("-", ""), details["account_number"]
    if bsb != BSB or number not in ACCOUNTS:
        raise Invalid(
            "The BSB number is not valid." if bsb != BSB else "This sandbox takes the test account numbers only.",
            code="invalid_bsb_number" if bsb != BSB else "account_number_invalid",
            param=f"{TYPE}[{'bsb_number' if bsb != BSB else 'account_number'}]",
        )
    method = blank(
        "payment_method", world.clock.seconds(), type=TYPE, metadata=merged_metadata({}, params.get("metadata"))
    )
    del method["card"]
    method[TYPE] = {"bsb_number": bsb, "fingerprint": (number + "becs" * 4)[:16], "last4": number[-4:]}
    method["billing_details"] = billing_details(method["billing_details"], params.get("billing_details"))
    for name in ("name", "email"):  # docs.stripe.com/payments/au-becs-debit/accept-a-payment: both are required
        if not method["billing_details"][name]:
            where = f"billing_details[{name}]"
            raise Invalid(f"Missing required param: {where}.", code="parameter_missing", param=where)
    method["allow_redisplay"] = params.get("allow_redisplay") or "unspecified"
    world.books.add(method)
    world.note("_card", method["id"], account=number)
    return method


def is_bank(method: Object) -> bool:
    return method["type"] == TYPE


def account_of(world: World, method: Object) -> Account:
    return ACCOUNTS[world.note("_card", method["id"])["account"]]


def attempt(world: World, intent: Object, method: Object, params: Params) -> None:
    """One confirmation: accepted for processing, or refused at once."""
    mandate = _mandate(world, intent, method, params)
    account = account_of(world, method)
    charge = _charge(world, intent, method, mandate)
    world.change(intent, latest_charge=charge["id"], last_payment_error=None)
    if account.declined:
        error = _fail(world, intent, method, charge, str(account.failure))
        raise CardError(
            **{name: value for name, value in error.items() if name != "type"}, payment_intent=copied(intent)
        )
    if method["customer"] is None and intent["setup_future_usage"] and intent["customer"]:
        world.change(method, customer=intent["customer"])
        world.emit("payment_method.attached", method)
    if method["customer"] is None:
        world.note("_card", method["id"], spent=True)
    world.change(intent, status="processing")
    world.emit("charge.pending", charge)
    world.emit("payment_intent.processing", intent)
    world.later(world.settings["debit_seconds"] + DELAY * account.delayed, finish_debit, intent_id=intent["id"])


def _mandate(world: World, intent: Object, method: Object, params: Params) -> Object:
    """The mandate kept with the account, or a new one from `mandate_data` (docs.stripe.com/api/mandates)."""
    kept = world.books.get("mandate", world.note("_card", method["id"]).get("mandate"))
    given = (params.get("mandate_data") or {}).get("customer_acceptance")
    if not given:
        if kept and kept["status"] == "active":
            return kept
        # guess: the code
        raise Refused(
            "This PaymentIntent requires a mandate, but no existing mandate was found. Collect mandate acceptance from "
            "the customer and try again, providing acceptance data in the mandate_data parameter.",
            code="payment_intent_mandate_invalid",
            param="mandate_data",
        )
    if given["type"] == "online" and not given.get("online"):
        where = "mandate_data[customer_acceptance][online]"
        raise Invalid(f"Missing required param: {where}.", code="parameter_missing", param=where)
    now = world.clock.seconds()
    acceptance = {"accepted_at": given.get("accepted_at") or now, "type": given["type"]}
    acceptance[given["type"]] = given.get(given["type"]) or {}
    made = blank("mandate", now, payment_method=method["id"], customer_acceptance=acceptance)
    del made["created"]
    if intent["setup_future_usage"] is None and method["customer"] is None:
        made["type"] = "single_use"
        made["single_use"] = {"amount": intent["amount"], "currency": intent["currency"]}
    else:
        made["multi_use"] = {}
    url = f"{world.challenge_base}/_sandbox/mandate/{made['id']}"
    made["payment_method_details"] = {TYPE: {"url": url}, "type": TYPE}
    world.books.add(made)
    world.note("_card", method["id"], mandate=made["id"])
    return made


def _charge(world: World, intent: Object, method: Object, mandate: Object) -> Object:
    made = blank(
        "charge",
        world.clock.seconds(),
        amount=intent["amount"],
        currency=intent["currency"],
        captured=True,
        amount_captured=0,
        paid=False,
        status="pending",
        customer=intent["customer"],
        description=intent["description"],
        metadata=dict(intent["metadata"]),
        payment_intent=intent["id"],
        payment_method=method["id"],
        billing_details=copied(method["billing_details"]),
        receipt_email=intent["receipt_email"],
        shipping=intent["shipping"],
        statement_descriptor_suffix=intent["statement_descriptor_suffix"],
        outcome=None,
        payment_method_details={TYPE: {**method[TYPE], "mandate": mandate["id"]}, "type": TYPE},
    )
    made["id"] = f"py_3{letters(23)}"
    return world.books.add(made)


@action
def finish_debit(world: World, intent_id: str) -> None:
    """What the bank says in the end."""
    intent = world.books.get("payment_intent", intent_id)
    if intent is None or intent["status"] != "processing":
        return
    charge, method = (
        world.find("charge", intent["latest_charge"]),
        world.find("payment_method", intent["payment_method"]),
    )
    account = account_of(world, method)
    if account.failure:
        _fail(world, intent, method, charge, account.failure)
        if account.mandate_ends:
            mandate = world.find("mandate", charge["payment_method_details"][TYPE]["mandate"])
            world.change(mandate, status="inactive")
            world.emit("mandate.updated", mandate)
        return
    world.change(
        charge,
        status="succeeded",
        paid=True,
        amount_captured=charge["amount"],
        receipt_url=f"https://pay.stripe.com/receipts/payment/{letters(96)}",
    )
    money.settle_charge(world, charge)
    world.change(intent, status="succeeded", amount_received=intent["amount"])
    world.emit("charge.succeeded", charge)
    world.emit("payment_intent.succeeded", intent)
    if account.disputed:
        # docs.stripe.com/payments/au-becs-debit: such a dispute is final. guess: the reason.
        disputes.close_dispute(world, disputes.open_dispute(world, charge, "debit_not_authorized"), "lost")


def _fail(world: World, intent: Object, method: Object, charge: Object, code: str) -> dict[str, Any]:
    """guess: the error's type, as with cards."""
    world.change(charge, status="failed", captured=False, failure_code=code, failure_message=FAILURES[code])
    error = {
        "type": "card_error",
        "code": code,
        "message": FAILURES[code],
        "doc_url": DOC_URL + code.replace("_", "-"),
        "charge": charge["id"],
        "payment_method": copied(method),
    }
    world.change(intent, status="requires_payment_method", payment_method=None, last_payment_error=error)
    world.emit("charge.failed", charge)
    world.emit("payment_intent.payment_failed", intent)
    return error


def mandate(call: Call) -> Object:
    return call.world.find("mandate", call.ids[0])
