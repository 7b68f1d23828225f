"""Disputes as Stripe tells them. docs.stripe.com/api/disputes/object, docs.stripe.com/disputes/how-disputes-work"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tp_gateway.contract import DisputeFact, DisputeMovement, DisputeStatus, Observation, Subject
from tp_gateway.providers.stripe import answers
from tp_gateway.providers.stripe.client import Client, path
from tp_gateway.providers.stripe.declines import is_missing
from tp_gateway.providers.stripe.failure import Failure, unclear

PREFIXES = ("du_", "dp_", "pdp_")
_STATUSES = {str(status): status for status in DisputeStatus}


def fetch(client: Client, reference: str, deadline: float) -> DisputeFact | None:
    """Failure when Stripe did not answer, or its answer makes no sense."""
    try:
        # The charge, for the labels that it took over from its intent: a dispute has none of ours.
        data = client.get(path("disputes", reference), deadline, {"expand": ["charge"]})
    except Failure as failure:
        if is_missing(failure):
            return None
        raise
    fact = _read(data, client.live)
    if fact is None or fact.reference != reference:
        raise unclear("not a dispute")
    return fact


def opened(client: Client, created: dict[str, int], deadline: float) -> Iterator[Observation]:
    """Disputes opened in that time, for where their events have been lost."""
    for data in client.pages(path("disputes"), deadline, {"created": created}):
        reference = answers.reference(data, "id", *PREFIXES)
        if reference is not None:
            moved = data.get("balance_transactions")
            seen = f"list:{reference}:{data.get('status')}:{len(moved) if isinstance(moved, list) else 0}"
            yield Observation(
                seen[:255], "dispute.listed", Subject.DISPUTE, reference=reference, occurred_at=answers.moment(data)
            )


def _read(data: Mapping[str, Any], live: bool) -> DisputeFact | None:
    reference, currency = answers.reference(data, "id", *PREFIXES), answers.currency(data)
    status, amount = _STATUSES.get(str(data.get("status"))), answers.units(data, "amount")
    opened_at, charge = answers.moment(data), answers.inner(data, "charge")
    if data.get("object") != "dispute" or data.get("livemode") is not live or opened_at is None:
        return None
    if reference is None or currency is None or status is None or not amount:
        return None
    return DisputeFact(
        reference,
        status,
        amount,
        currency,
        opened_at,
        payment_reference=answers.reference(data, "payment_intent", "pi_"),
        reason=(answers.text(data, "reason") or "")[:64],
        evidence_due_by=answers.moment(answers.inner(data, "evidence_details"), "due_by"),
        refundable=data.get("is_charge_refundable") is True,
        movements=_movements(data, amount, currency),
        labels=answers.labels(charge),
    )


def _movements(data: Mapping[str, Any], disputed: int, currency: str) -> tuple[DisputeMovement, ...]:
    listed = data.get("balance_transactions")
    if not isinstance(listed, list):
        raise unclear("a dispute without balance_transactions")
    found = []
    for moved in listed:
        reference = answers.reference(moved, "id", "txn_") if isinstance(moved, dict) else None
        if reference is None or type(moved.get("amount")) is not int or type(moved.get("fee")) is not int:
            raise unclear("not a balance transaction")
        amount, fee = moved["amount"], moved["fee"]
        if answers.currency(moved) != currency:
            # In our account's currency, at a rate of the day; the books are in that of the payment.
            amount, fee = disputed * ((amount > 0) - (amount < 0)), 0
        if amount:
            found.append(DisputeMovement(reference, amount, fee))
    return tuple(found)
