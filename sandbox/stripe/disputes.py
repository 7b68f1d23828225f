"""Disputes: opened by test tokens or the control API, closed by either side (docs.stripe.com/api/disputes)."""

from sandbox.stripe import money
from sandbox.stripe.api_call import Call
from sandbox.stripe.books import Object
from sandbox.stripe.common import Params, merged_metadata
from sandbox.stripe.errors import Refused
from sandbox.stripe.lists import page, where
from sandbox.stripe.shapes import blank
from sandbox.stripe.world import World, action

RESPONSE_SECONDS = 7 * 86400  # docs.stripe.com/disputes/responding: usually 7 to 21 days
_NETWORK_REASONS = {"fraudulent": "10.4", "product_not_received": "13.1"}


def open_dispute(
    world: World, charge: Object, reason: str = "fraudulent", *, inquiry: bool = False, amount: int | None = None
) -> Object:
    """docs.stripe.com/disputes/how-disputes-work: the money and a fee leave at once, unless it is an inquiry."""
    now = world.clock.seconds()
    left = charge["amount_captured"] - charge["amount_refunded"]
    if not charge["captured"] or not 0 < (amount or left) <= left:
        raise Refused(f"Charge {charge['id']} has no such amount left to dispute.", param="amount")
    made = blank(
        "dispute",
        now,
        amount=amount or left,
        charge=charge["id"],
        currency=charge["currency"],
        payment_intent=charge["payment_intent"],
        reason=reason,
        status="warning_needs_response" if inquiry else "needs_response",
        is_charge_refundable=inquiry,
    )
    made["evidence_details"]["due_by"] = now + RESPONSE_SECONDS
    made["enhanced_eligibility_types"] = []
    _describe(made, charge, inquiry)
    world.books.add(made)
    world.later(RESPONSE_SECONDS, miss_deadline, dispute_id=made["id"])
    if not inquiry:
        _move_money(world, made, -made["amount"], "dispute", money.DISPUTE_FEE)
    world.change(charge, disputed=True)
    world.emit("charge.dispute.created", made)
    if not inquiry:
        world.emit("charge.dispute.funds_withdrawn", made)
    world.emit("charge.updated", charge)
    return made


def _describe(dispute: Object, charge: Object, inquiry: bool) -> None:
    """docs.stripe.com/api/disputes/object#dispute_object-payment_method_details: it knows no bank debits."""
    if charge["payment_method_details"]["type"] != "card":
        dispute.pop("payment_method_details", None)
        return
    dispute["payment_method_details"]["card"].update(
        brand=charge["payment_method_details"]["card"]["brand"],
        case_type="inquiry" if inquiry else "chargeback",
        network_reason_code=_NETWORK_REASONS.get(dispute["reason"], "10.4"),
    )


def _move_money(world: World, dispute: Object, amount: int, category: str, fee: int) -> None:
    moved = money.balance_transaction(
        world,
        amount=amount,
        kind="adjustment",
        category=category,
        source=dispute,
        fee=fee,
        description=f"Chargeback for {dispute['charge']}",
    )
    world.change(dispute, balance_transactions=[*dispute["balance_transactions"], moved])


def escalate(world: World, dispute: Object) -> Object:
    """docs.stripe.com/disputes/how-disputes-work: an inquiry becomes a dispute, and now the money leaves.

    guess: it is the same object, with a new deadline.
    """
    if dispute["status"] not in ("warning_needs_response", "warning_under_review"):
        raise Refused(f"Only an open inquiry can escalate; this one is {dispute['status']}.", param="dispute")
    details = {**dispute["evidence_details"], "due_by": world.clock.seconds() + RESPONSE_SECONDS}
    world.change(dispute, status="needs_response", is_charge_refundable=False, evidence_details=details)
    _describe(dispute, world.find("charge", dispute["charge"]), inquiry=False)
    world.later(RESPONSE_SECONDS, miss_deadline, dispute_id=dispute["id"])
    _move_money(world, dispute, -dispute["amount"], "dispute", money.DISPUTE_FEE)
    world.emit("charge.dispute.updated", dispute)
    world.emit("charge.dispute.funds_withdrawn", dispute)
    return dispute


@action
def miss_deadline(world: World, dispute_id: str) -> None:
    """docs.stripe.com/disputes/responding: not answered by `due_by`, a dispute is lost. guess: an inquiry is over."""
    dispute = world.books.get("dispute", dispute_id)
    if dispute is None or not dispute["status"].endswith("needs_response"):
        return
    if dispute["evidence_details"]["due_by"] <= world.clock.now():  # else it escalated meanwhile
        world.change(dispute, evidence_details={**dispute["evidence_details"], "past_due": True})
        close_dispute(world, dispute, "lost")


def close_dispute(world: World, dispute: Object, outcome: str) -> Object:
    """`won` brings the money back but not the fee (stripe.com/au/pricing); `lost` leaves things as they are."""
    inquiry = dispute["status"].startswith("warning")
    world.change(dispute, status="warning_closed" if inquiry else outcome)
    if outcome == "won" and not inquiry:
        world.change(dispute, is_charge_refundable=True)  # guess
        _move_money(world, dispute, dispute["amount"], "dispute_reversal", 0)
        world.emit("charge.dispute.funds_reinstated", dispute)
    world.emit("charge.dispute.closed", dispute)
    return dispute


def is_open(dispute: Object) -> bool:
    return dispute["status"] not in ("won", "lost", "warning_closed", "prevented")


def of_charge(world: World, charge_id: str) -> list[Object]:
    return world.books.having("dispute", "charge", charge_id)


def retrieve(call: Call) -> Object:
    return call.world.find("dispute", call.ids[0])


def every(call: Call) -> Object:
    return page(call.world, "dispute", call.params, "/v1/disputes", where(call.params, "charge", "payment_intent"))


def update(call: Call) -> Object:
    """docs.stripe.com/api/disputes/update: evidence is merged into what was stored, and sent unless `submit=false`."""
    world, params = call.world, call.params
    dispute = world.find("dispute", call.ids[0])
    if not is_open(dispute):
        raise Refused("This dispute is already closed.", code="dispute_closed")  # guess: the code
    evidence = {**dispute["evidence"], **_evidence(dispute, params)}
    world.change(
        dispute,
        evidence=evidence,
        metadata=merged_metadata(dispute["metadata"], params.get("metadata")),
        evidence_details={
            **dispute["evidence_details"],
            "has_evidence": any(value for value in evidence.values()),
        },
    )
    asked_to = params.get("submit", "evidence" in params)
    if dispute["evidence_details"]["has_evidence"] and asked_to:
        _submit(world, dispute)
    world.emit("charge.dispute.updated", dispute)
    _decide_by_evidence(world, dispute)
    return dispute


def _evidence(dispute: Object, params: Params) -> Params:
    """The texts; `enhanced_evidence`, which a network judges by itself, is accepted and ignored."""
    given = {**(params.get("evidence") or {}), "enhanced_evidence": {}}
    return {key: (None if value == "" else value) for key, value in given.items() if key in dispute["evidence"]}


def _submit(world: World, dispute: Object) -> None:
    inquiry = dispute["status"].startswith("warning")
    details = dispute["evidence_details"]
    world.change(
        dispute,
        status="warning_under_review" if inquiry else "under_review",
        evidence_details={**details, "submission_count": details["submission_count"] + 1},
    )


def _decide_by_evidence(world: World, dispute: Object) -> None:
    """docs.stripe.com/testing#evidence: the texts that decide at once when they are sent."""
    if not dispute["status"].endswith("under_review"):
        return
    text = dispute["evidence"].get("uncategorized_text")
    if text == "escalate_inquiry_evidence" and dispute["status"].startswith("warning"):
        escalate(world, dispute)
    elif text in ("winning_evidence", "losing_evidence"):
        close_dispute(world, dispute, "won" if text == "winning_evidence" else "lost")


def close(call: Call) -> Object:
    """docs.stripe.com/api/disputes/close: giving up means it is lost."""
    dispute = call.world.find("dispute", call.ids[0])
    if not is_open(dispute):
        raise Refused("This dispute is already closed.", code="dispute_closed")  # guess: the code
    return close_dispute(call.world, dispute, "lost")
