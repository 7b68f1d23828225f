"""The life of a bulk bill as it is kept with its payment (encrypted), and the part of it that people are shown. Values
only: nothing here asks anybody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from tp_gateway.contract import money
from tp_gateway.providers.medicare.identifiers import MedicareCard
from tp_gateway.providers.medicare.rendered import Rendered

CURRENCY = "AUD"


class State(StrEnum):
    DRAFT = "draft"
    """Complete; staff lodge it by hand."""
    AWAITING_CONSENT = "awaiting_consent"
    SUBMITTING = "submitting"
    """It may be with Medicare from here on."""
    UNKNOWN = "unknown"
    """Nobody knows whether Medicare has it. It is asked about, and never lodged under another correlation id."""
    WITH_MEDICARE = "with_medicare"
    ASSESSED = "assessed"
    PAID = "paid"
    PARTLY_PAID = "partly_paid"
    """Some of its services; the others need a person."""
    REJECTED = "rejected"
    REVERSED = "reversed"
    """Medicare took the benefit back."""
    WITHDRAWN = "withdrawn"
    """Cancelled before it was lodged."""


NOT_LODGED = (State.DRAFT, State.AWAITING_CONSENT)
IS_PAID = (State.PAID, State.PARTLY_PAID)
MAY_BE_THERE = (State.SUBMITTING, State.UNKNOWN, State.WITH_MEDICARE, State.ASSESSED)


@dataclass(frozen=True, slots=True, repr=False)
class BulkBillClaim:
    """`rendered` as in `Rendered.plain`. `made_at` and `lodged_at` are ISO moments. `benefit` is in cents, what
    Medicare has assessed or paid. `code` and `text` are Medicare's own. `consent` is as `AssignmentSchema` reads it.
    `asked_as` is the correlation id of an earlier claim that this one turned out to be.
    `unclear` are correlation ids of earlier claims for the same service of which nobody knows whether they arrived.
    `run` says with which of Medicare's deposits it was paid."""

    state: State
    rendered: Mapping[str, Any]
    made_at: str
    warnings: list[str] = field(default_factory=list)
    consent: Mapping[str, Any] | None = None
    retain_until: str | None = None
    claim_id: str | None = None
    lodged_at: str | None = None
    benefit: int | None = None
    code: str = ""
    text: str = ""
    asked_as: str | None = None
    unclear: list[str] = field(default_factory=list)
    run: Mapping[str, Any] | None = None

    @classmethod
    def read(cls, kept: Mapping[str, Any]) -> BulkBillClaim:
        """From a payment's state."""
        return cls(**{**kept["claim"], "state": State(kept["claim"]["state"]), "rendered": kept["rendered"]})

    def kept(self) -> dict[str, Any]:
        """As a payment's state."""
        claim = {name: value for name, value in asdict(self).items() if name != "rendered"}
        return {"claim": claim | {"state": str(self.state)}, "rendered": dict(self.rendered), **self._seen()}

    def what(self) -> Rendered:
        return Rendered.read(self.rendered)

    def _seen(self) -> dict[str, Any]:
        return {"shown": self._shown(), "shown_to_staff": {"warnings": list(self.warnings)}}

    def _shown(self) -> dict[str, Any]:
        what = self.what()
        card = MedicareCard(what.subject[:10], what.subject[10:])
        return {
            "claim": {
                "state": str(self.state),
                "claim_id": self.claim_id,
                "items": [number for number, _ in what.items],
                "service_date": what.day.isoformat(),
                "provider_number": what.provider_number,
                "card": card.masked(),
                "benefit": None if self.benefit is None else money.to_decimal_text(self.benefit, CURRENCY),
                "code": self.code,
                "text": self.text,
                "consent_kept_until": self.retain_until,
                "paid_with": dict(self.run) if self.run else None,
            }
        }
