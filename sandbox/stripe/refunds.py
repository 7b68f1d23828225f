"""Refunds: whole, in part, late or failing (docs.stripe.com/refunds, docs.stripe.com/api/refunds)."""

from sandbox.stripe import attempts, bank_debits, disputes, money
from sandbox.stripe.api_call import Call
from sandbox.stripe.books import Object
from sandbox.stripe.common import fields, merged_metadata
from sandbox.stripe.errors import Invalid, Refused
from sandbox.stripe.lists import page, where
from sandbox.stripe.shapes import blank
from sandbox.stripe.world import World, action


def create(call: Call) -> Object:
    world, params = call.world, call.params
    if params.get("payment_intent"):
        intent = world.find("payment_intent", params["payment_intent"], "payment_intent")
        if intent["status"] != "succeeded" or not intent["latest_charge"]:
            raise Refused(
                f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund.",
                param="payment_intent",
            )
        charge = world.find("charge", intent["latest_charge"])
    elif params.get("charge"):
        charge = world.find("charge", params["charge"], "charge")
    else:
        raise Invalid(
            "One of the following params should be provided for this request: payment_intent or charge.", param="charge"
        )
    amount = None if params.get("amount") == "" else params.get("amount")
    return make(world, charge, amount, params.get("reason") or None, merged_metadata({}, params.get("metadata")))


def make(world: World, charge: Object, amount: int | None, reason: str | None, metadata: dict[str, str]) -> Object:
    """One refund of a charge; also what a refund made in the Dashboard does."""
    left = charge["amount_captured"] - charge["amount_refunded"]
    _check(world, charge, amount, left)
    amount = amount or left
    how = _how(world, world.find("payment_method", charge["payment_method"]))
    refund = blank(
        "refund",
        world.clock.seconds(),
        amount=amount,
        charge=charge["id"],
        currency=charge["currency"],
        payment_intent=charge["payment_intent"],
        payment_method=charge["payment_method"],
        customer=charge["customer"],
        reason=reason,
        metadata=metadata,
        status="pending" if how == "pending" else "succeeded",
    )
    if how == "pending":
        refund["pending_reason"] = "processing"  # docs.stripe.com/changelog/basil/2025-04-30/refund-pending-reason
    world.books.add(refund)
    # stripe.com/au/pricing: the fee of the payment is not given back.
    moved = money.balance_transaction(
        world,
        amount=-amount,
        kind="refund",
        category="refund",
        source=refund,
        at_once=True,
        description="REFUND FOR CHARGE",
    )
    world.change(refund, balance_transaction=moved["id"])
    _count(world, charge, amount)
    world.emit("refund.created", refund)
    world.emit("charge.refunded", charge)
    if how != "succeeded":
        world.later(world.settings["refund_seconds"], finish_refund, refund_id=refund["id"], succeeds=how == "pending")
    return refund


def _how(world: World, method: Object) -> str:
    """docs.stripe.com/refunds: to a bank account it takes days. guess: `pending` until it has arrived."""
    return "pending" if bank_debits.is_bank(method) else attempts.card_of(world, method).refund


def _check(world: World, charge: Object, amount: int | None, left: int) -> None:
    if charge["status"] != "succeeded" or not charge["captured"]:
        raise Refused(
            f"Charge {charge['id']} has not been captured and cannot be refunded.",
            code="charge_not_refundable",
            param="charge",
        )
    # docs.stripe.com/disputes/how-disputes-work: a charged back payment cannot be refunded too, one under inquiry can.
    if any(not dispute["is_charge_refundable"] for dispute in disputes.of_charge(world, charge["id"])):
        raise Refused(
            f"Charge {charge['id']} has been charged back; cannot issue a refund.",
            code="charge_disputed",
            param="charge",
        )
    if left <= 0:
        raise Refused(f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
    if amount is not None and amount <= 0:
        raise Invalid("Invalid positive integer", code="parameter_invalid_integer", param="amount")
    if amount is not None and amount > left:
        raise Refused(
            f"Refund amount (${amount / 100:,.2f}) is greater than unrefunded amount on charge (${left / 100:,.2f})",
            param="amount",
        )


def _count(world: World, charge: Object, amount: int) -> None:
    total = charge["amount_refunded"] + amount
    world.change(charge, amount_refunded=total, refunded=total >= charge["amount_captured"])


@action
def finish_refund(world: World, refund_id: str, succeeds: bool) -> None:
    """docs.stripe.com/testing#refunds: the pending one succeeds, the succeeded one fails."""
    refund = world.books.get("refund", refund_id)
    if refund is None:
        return
    world.change(refund).pop("pending_reason", None)
    if succeeds:
        world.change(refund, status="succeeded")
        world.emit("refund.updated", refund)
        return
    charge = world.find("charge", refund["charge"])
    # docs.stripe.com/refunds#failed-refunds: the money comes back to the balance. guess: the reason.
    back = money.balance_transaction(
        world,
        amount=refund["amount"],
        kind="refund_failure",
        category="refund_failure",
        source=refund,
        at_once=True,
        description="REFUND FAILURE",
    )
    world.change(
        refund, status="failed", failure_reason="expired_or_canceled_card", failure_balance_transaction=back["id"]
    )
    _count(world, charge, -refund["amount"])
    world.emit("refund.failed", refund)
    world.emit("refund.updated", refund)
    world.emit("charge.refund.updated", refund)


def retrieve(call: Call) -> Object:
    return call.world.find("refund", call.ids[0])


def update(call: Call) -> Object:
    refund = call.world.find("refund", call.ids[0])
    call.world.change(refund, **fields(refund, call.params))
    call.world.emit("refund.updated", refund)
    return refund


def cancel(call: Call) -> Object:
    """docs.stripe.com/api/refunds/cancel: only one with status requires_action, which card refunds never have."""
    refund = call.world.find("refund", call.ids[0])
    raise Refused(
        f"You cannot cancel this Refund because it has a status of {refund['status']}. Only a Refund with "
        "one of the following statuses may be canceled: requires_action."
    )


def every(call: Call) -> Object:
    return page(call.world, "refund", call.params, "/v1/refunds", where(call.params, "charge", "payment_intent"))
