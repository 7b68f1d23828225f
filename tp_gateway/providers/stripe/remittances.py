"""Payouts, as remittances. docs.stripe.com/api/payouts, docs.stripe.com/payouts/reconciliation"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tp_gateway.contract import Remittance, RemittanceItem, RemittanceKind, RemittanceState
from tp_gateway.providers.stripe import answers
from tp_gateway.providers.stripe.client import Client, path
from tp_gateway.providers.stripe.disputes import PREFIXES
from tp_gateway.providers.stripe.failure import unclear

# docs.stripe.com/api/payouts/object#payout_object-status: `pending` is not submitted to the bank yet.
_STATES = {
    "pending": RemittanceState.IN_TRANSIT,
    "in_transit": RemittanceState.IN_TRANSIT,
    "paid": RemittanceState.PAID,
    "failed": RemittanceState.FAILED,
    "canceled": RemittanceState.CANCELED,
}
_DEFAULT_TEXT = "STRIPE"
"""docs.stripe.com/payouts/statement-descriptors"""
# docs.stripe.com/reports/balance-transaction-types. An adjustment is of a dispute if its source is one.
_KINDS = {
    "charge": RemittanceKind.PAYMENT,
    "payment": RemittanceKind.PAYMENT,
    "refund": RemittanceKind.REFUND,
    "payment_refund": RemittanceKind.REFUND,
    "refund_failure": RemittanceKind.REFUND,
    "payment_failure_refund": RemittanceKind.REFUND,
    "payment_reversal": RemittanceKind.REFUND,
    "stripe_fee": RemittanceKind.FEE,
    "stripe_fx_fee": RemittanceKind.FEE,
    "tax_fee": RemittanceKind.FEE,
    "payout_failure": RemittanceKind.RETURNED,
    "payout_cancel": RemittanceKind.RETURNED,
}


def made(client: Client, created: dict[str, int], deadline: float) -> Iterator[Remittance]:
    """Payouts made in that time, oldest first, with what they are made of. Failure when Stripe did not answer, or its
    answer makes no sense."""
    for payout in reversed(list(client.pages(path("payouts"), deadline, {"created": created}))):
        reference, currency = answers.reference(payout, "id", "po_"), answers.currency(payout)
        state, arrives = _STATES.get(str(payout.get("status"))), answers.moment(payout, "arrival_date")
        if payout.get("object") != "payout" or payout.get("livemode") is not client.live or arrives is None:
            raise unclear("not a payout")
        if reference is None or currency is None or state is None or type(payout.get("amount")) is not int:
            raise unclear("not a payout")
        # Of those made by hand Stripe does not say what they are made of (docs.stripe.com/payouts/reconciliation).
        items = _items(client, reference, currency, deadline) if payout.get("automatic") is True else ()
        text = answers.text(payout, "statement_descriptor") or _DEFAULT_TEXT
        yield Remittance(reference, payout["amount"], currency, arrives.date(), state, text[:255], items)


def _items(client: Client, payout: str, currency: str, deadline: float) -> tuple[RemittanceItem, ...]:
    """Oldest first; without the movements of the payout itself, which are listed too."""
    listed = list(client.pages(path("balance_transactions"), deadline, {"payout": payout}))
    found = [_item(moved, currency) for moved in reversed(listed)]
    return tuple(item for item in found if item.reference != payout)


def _item(moved: Mapping[str, Any], currency: str) -> RemittanceItem:
    transaction = answers.reference(moved, "id", "txn_")
    if transaction is None or moved.get("object") != "balance_transaction" or answers.currency(moved) != currency:
        raise unclear("not a balance transaction of this payout")
    if not all(type(moved.get(name)) is int for name in ("amount", "fee", "net")):
        raise unclear("a balance transaction without amounts")
    about = answers.reference(moved, "source", "")  # of whatever kind
    kind = _KINDS.get(str(moved.get("type")), RemittanceKind.OTHER)
    if kind is RemittanceKind.OTHER and about is not None and about.startswith(PREFIXES):
        kind = RemittanceKind.DISPUTE
    return RemittanceItem(transaction, kind, moved["amount"], moved["fee"], moved["net"], about)
