"""The values that statements are told in: frozen copies of rows, amounts in minor units, moments aware UTC."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from tp_gateway.services.facts import Answer


@dataclass(frozen=True, slots=True)
class StatementFacts:
    """One import of a file of `lines` movements. `counts` says in which states (`LineState`) those are now that it
    brought, and not a file before it."""

    id: int
    provider: str
    name: str
    format: str
    sha256: str
    lines: int
    state: str
    imported_by: str
    imported_at: datetime
    counts: Mapping[str, int]

    @property
    def added(self) -> int:
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True)
class MatchFacts:
    """`amount` of a line that paid `payment_id`; `undone_at` is None while it counts."""

    id: int
    payment_id: int
    invoice_id: int | None
    patient_id: int
    amount: int
    layer: str
    made_by: str
    made_at: datetime
    undone_by: str | None
    undone_at: datetime | None


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What a line could be for: a payment that waits, an invoice that is due, or both. `due` is what is left to pay
    there. `because` is `reference` or `amount and name`."""

    patient_id: int
    payment_id: int | None
    invoice_id: int | None
    invoice_number: str | None
    due: int
    because: str


@dataclass(frozen=True, slots=True)
class LineFacts:
    """A line as it stands. `amount` and `balance` are signed; `left` is what is not matched of money that came in.
    `decided_by` is who of the staff has explained it, or said that it is not what it was taken for."""

    id: int
    statement_id: int
    provider: str
    line: int
    booked_on: date
    amount: int
    currency: str
    description: str
    reference: str
    payer: str
    balance: int | None
    account: str
    bank_id: str
    state: str
    why: str
    decided_by: str | None
    left: int
    matches: tuple[MatchFacts, ...] = ()
    suggestions: tuple[Suggestion, ...] = ()


@dataclass(frozen=True, slots=True)
class Allocation:
    """Staff's word: `amount` (major units of the line's currency) is for exactly one of these. A `patient_id` gets it
    as credit."""

    amount: Decimal
    payment_id: int | None = None
    invoice_id: int | None = None
    patient_id: int | None = None


RenderLine = Callable[[LineFacts], Answer]
