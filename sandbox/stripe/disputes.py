"""Disputes: opened by test tokens or the control API, closed by either side (docs.stripe.com/api/disputes)."""

from sandbox.stripe import money
from sandbox.stripe.api_call import Call
from sandbox.stripe.books import Object
from sandbox.stripe.common import merged_metadata
from sandbox.stripe.errors import Refused
from sandbox.stripe.lists import page, where
from sandbox.stripe.shapes import blank
from sandbox.stripe.world import World

_NETWORK_REASONS = {"fraudulent": "10.4", "product_not_received": "13.1"}


def open_dispute(world: World, charge: Object, reason: str = "fraudulent", *, inquiry: bool = False) -> Object:
    """docs.stripe.com/disputes/how-disputes-work: the money and a fee leave at once, unless it is an inquiry."""
    now = world.clock.seconds()
    made = blank(
        "dispute",
        now,
        amount=charge["amount_captured"] - charge["amount_refunded"],
        charge=charge["id"],
        currency=charge["currency"],
        payment_intent=charge["payment_intent"],
        reason=reason,
        status="warning_needs_response" if inquiry else "needs_response",
        is_charge_refundable=inquiry,
    )
    made["evidence_details"]["due_by"] = now + 7 * 86400
    made["payment_method_details"]["card"].update(
        brand=charge["payment_method_details"]["card"]["brand"],
        case_type="inquiry" if inquiry else "chargeback",
        network_reason_code=_NETWORK_REASONS.get(reason, "10.4"),
    )
    made["enhanced_eligibility_types"] = []
    world.books.add(made)
    if not inquiry:
        _move_money(world, made, -made["amount"], "dispute", money.DISPUTE_FEE)
    world.change(charge, disputed=True)
    world.emit("charge.dispute.created", made)
    if not inquiry:
        world.emit("charge.dispute.funds_withdrawn", made)
    world.emit("charge.updated", charge)
    return made


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


def close_dispute(world: World, dispute: Object, outcome: str) -> Object:
    """`won` brings the money back but not the fee (stripe.com/au/pricing); `lost` leaves things as they are."""
    inquiry = dispute["status"].startswith("warning")
    world.change(dispute, status="warning_closed" if inquiry else outcome)
    if outcome == "won" and not inquiry:
        _move_money(world, dispute, dispute["amount"], "dispute_reversal", 0)
        world.emit("charge.dispute.funds_reinstated", dispute)
    world.emit("charge.dispute.closed", dispute)
    return dispute


def is_open(dispute: Object) -> bool:
    return dispute["status"] not in ("won", "lost", "warning_closed", "prevented")


def retrieve(call: Call) -> Object:
    return call.world.find("dispute", call.ids[0])


def every(call: Call) -> Object:
    return page(call.world, "dispute", call.params, "/v1/disputes", where(call.params, "charge", "payment_intent"))


def update(call: Call) -> Object:
    """Evidence may be stored and sent; docs.stripe.com/testing#evidence: the texts that decide at once."""
    world, dispute = call.world, call.world.find("dispute", call.ids[0])
    if not is_open(dispute):
        raise Refused("This dispute is already closed.", code="dispute_closed")  # guess: the code
    evidence = (
        {key: value for key, value in (call.params.get("evidence") or {}).items() if key in dispute["evidence"]}
        if call.params.get("evidence")
        else {}
    )
    world.change(
        dispute,
        evidence={**dispute["evidence"], **evidence},
        metadata=merged_metadata(dispute["metadata"], call.params.get("metadata")),
        evidence_details={**dispute["evidence_details"], "has_evidence": bool(evidence)},
    )
    text = evidence.get("uncategorized_text")
    if evidence and call.params.get("submit") is not False:
        inquiry = dispute["status"].startswith("warning")
        world.change(
            dispute,
            status="warning_under_review" if inquiry else "under_review",
            evidence_details={**dispute["evidence_details"], "submission_count": 1},
        )
    world.emit("charge.dispute.updated", dispute)
    if text in ("winning_evidence", "losing_evidence"):
        close_dispute(world, dispute, "won" if text == "winning_evidence" else "lost")
    return dispute


def close(call: Call) -> Object:
    """docs.stripe.com/api/disputes/close: giving up means it is lost."""
    dispute = call.world.find("dispute", call.ids[0])
    if not is_open(dispute):
        raise Refused("This dispute is already closed.", code="dispute_closed")  # guess: the code
    return close_dispute(call.world, dispute, "lost")
