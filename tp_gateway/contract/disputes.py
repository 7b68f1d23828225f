"""What a provider says about a dispute: the customer's bank wants the money of a payment back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from tp_gateway.contract.nothing import nothing


class DisputeStatus(StrEnum):
    """Where a dispute stands. The `warning_…` ones are inquiries: nothing was taken back yet."""

    WARNING_NEEDS_RESPONSE = "warning_needs_response"
    """An inquiry that staff can answer."""
    WARNING_UNDER_REVIEW = "warning_under_review"
    """An inquiry that was answered."""
    WARNING_CLOSED = "warning_closed"
    """An inquiry that came to nothing."""
    NEEDS_RESPONSE = "needs_response"
    """Staff can answer it with evidence, until `evidence_due_by`."""
    UNDER_REVIEW = "under_review"
    """The bank decides."""
    WON = "won"
    """The clinic keeps the money, or has it back."""
    LOST = "lost"
    """The customer keeps it."""
    PREVENTED = "prevented"
    """Settled before it became one (docs.stripe.com/api/disputes/object)."""


@dataclass(frozen=True, slots=True)
class DisputeMovement:
    """Money that moved because of a dispute: `amount` minor units of the dispute's currency, below zero when they were
    taken from the clinic, above when they were given back. `fee` is what this cost, below zero when a fee was returned.
    `reference` is the provider's id of the movement, unique for ever; it keys the ledger."""

    reference: str
    amount: int
    fee: int = 0


@dataclass(frozen=True, slots=True)
class DisputeFact:
    """One dispute as the provider has it now: its own `reference`, and its `status`.

    `payment_reference` is the provider's reference of the payment, `labels` the labels on the payment (not on the
    dispute): by either the core finds whose it is. `amount` minor units of `currency` are disputed. `movements` are all
    there were so far; one that was told never changes and never goes away. `refundable`: the payment can still be
    refunded in spite of it. `reason` is the provider's own code, `evidence_due_by` and `opened_at` are UTC."""

    reference: str
    status: DisputeStatus
    amount: int
    currency: str
    opened_at: datetime
    payment_reference: str | None = None
    reason: str = ""
    evidence_due_by: datetime | None = None
    refundable: bool = False
    movements: tuple[DisputeMovement, ...] = ()
    labels: Mapping[str, str] = field(default_factory=nothing)
