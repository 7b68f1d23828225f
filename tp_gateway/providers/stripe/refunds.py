"""Refunds: giving money back, and telling every refund of a payment. docs.stripe.com/refunds"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tp_gateway.contract import Label, Outcome, OutcomeState, Reason, RefundFact, RefundOrder, RefundState
from tp_gateway.providers.stripe import answers, declines
from tp_gateway.providers.stripe.client import Client, path
from tp_gateway.providers.stripe.failure import Failure, unclear

# docs.stripe.com/api/refunds/object#refund_object-status
_STATES = {
    "pending": RefundState.PENDING,
    "requires_action": RefundState.PENDING,
    "succeeded": RefundState.SUCCEEDED,
    "failed": RefundState.FAILED,
    "canceled": RefundState.FAILED,
}
_OUTCOMES = {
    RefundState.PENDING: OutcomeState.PENDING,
    RefundState.SUCCEEDED: OutcomeState.SUCCEEDED,
    RefundState.FAILED: OutcomeState.DECLINED,
}
LABEL = Label.REFUND


def refund(client: Client, order: RefundOrder, labels: Mapping[str, str]) -> Outcome:
    params = {
        "payment_intent": order.payment_reference,
        "amount": order.amount,
        "reason": "requested_by_customer",
        "metadata": {**labels, LABEL: order.id},
    }
    try:
        data = client.post(path("refunds"), order.deadline, params, order.idempotency_key)
    except Failure as failure:
        return declines.refused(failure)
    fact, currency = _fact(data, order.payment_reference), answers.currency(data)
    if fact is None or currency is None or fact.our_id != order.id:
        return Outcome(OutcomeState.UNKNOWN, reason=Reason.UNCLEAR)
    failed = fact.state is RefundState.FAILED
    return Outcome(
        _OUTCOMES[fact.state],
        fact.reference,
        settled=fact.amount,
        currency=currency,
        closed=failed,
        reason=Reason.REJECTED if failed else Reason.NONE,
        provider_code=fact.provider_code,
        evidence=fact.reference,
        transaction=answers.reference(data, "balance_transaction", "txn_"),
    )


def all_of(client: Client, intent: Mapping[str, Any], deadline: float) -> tuple[RefundFact, ...]:
    """Every refund of a succeeded intent whose charge was expanded with its refunds.

    The list inside the charge costs no second call, and shows pending and failed refunds too. It is believed only when
    it is whole and adds up to what the charge says was refunded; otherwise the refunds are listed. A charge of which
    nothing was refunded, without a list, has none. Failure: unclear, for whatever reason there is no list.
    """
    reference, charge = intent["id"], answers.inner(intent, "latest_charge")
    inside, refunded = answers.inner(charge, "refunds"), answers.units(charge, "amount_refunded")
    if not inside and refunded == 0:
        return ()
    data = inside.get("data")
    if isinstance(data, list) and inside.get("has_more") is False:
        facts = _facts(data, reference)
        standing = sum(fact.amount for fact in facts if fact.state is not RefundState.FAILED)
        if standing == refunded:
            return facts
    try:
        listed = list(client.pages(path("refunds"), deadline, {"payment_intent": reference}))
    except Failure as failure:  # "no such thing" is said of the list here, and nothing of the payment
        raise unclear("its refunds are not listed") from failure
    return _facts(listed, reference)


def _facts(data: list[Any], payment: str) -> tuple[RefundFact, ...]:
    facts = [_fact(item, payment) for item in data]
    if None in facts:
        raise unclear("not a refund")
    return tuple(fact for fact in facts if fact is not None)


def _fact(data: Any, payment: str) -> RefundFact | None:
    if not isinstance(data, dict) or data.get("object") != "refund":
        return None
    reference, amount = answers.reference(data, "id", "re_", "pyr_"), answers.units(data, "amount")
    state = _STATES.get(str(data.get("status")))
    if not reference or not amount or state is None or answers.reference(data, "payment_intent", "pi_") != payment:
        return None
    code = (answers.text(data, "failure_reason") or "")[:64]
    return RefundFact(reference, amount, state, answers.labels(data).get(LABEL), code)
