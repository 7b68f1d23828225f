"""What a provider can make of a call, and of a payment whose process died in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

TAKEN, NOT_TAKEN = ("succeeded",), ("failed",)
LATE, HANGS = 0.2, 2.0


@dataclass(frozen=True)
class Outcome:
    """What the provider makes of the call that decides. `ends`: the states in which a payment may end whose process
    was killed when that call had been sent."""

    name: str
    ends: tuple[str, ...] = TAKEN
    card: str = "pm_card_visa"
    fault: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)


OUTCOMES = (
    Outcome("success"),
    Outcome("declined", NOT_TAKEN, card="pm_card_chargeDeclined"),
    Outcome("insufficient funds", NOT_TAKEN, card="pm_card_chargeDeclinedInsufficientFunds"),
    Outcome("3-D Secure", ("awaiting_customer",), card="pm_card_authenticationRequired"),
    Outcome("processing", settings={"processing_seconds": 0.5}),
    Outcome("500 before the effect", NOT_TAKEN, fault={"kind": "error_before"}),
    Outcome("500 after the effect", fault={"kind": "error_after"}),
    Outcome("request dropped", NOT_TAKEN, fault={"kind": "refuse"}),
    Outcome("answer dropped", fault={"kind": "lost"}),
    Outcome("executed late", TAKEN + NOT_TAKEN, fault={"kind": "late", "seconds": LATE}),
    Outcome("429", NOT_TAKEN, fault={"kind": "rate_limit"}),
    Outcome("lock time-out", NOT_TAKEN, fault={"kind": "lock_timeout"}),
    Outcome("404 page", NOT_TAKEN, fault={"kind": "html", "status": 404}),
    Outcome("page instead of the answer", fault={"kind": "html", "done": True}),
    Outcome("nothing instead of the answer", fault={"kind": "empty", "done": True}),
    Outcome("nothing", NOT_TAKEN, fault={"kind": "empty"}),
    Outcome("answers slowly", fault={"kind": "slow", "seconds": 0.1}),
    Outcome("hangs beyond the deadline", TAKEN + NOT_TAKEN, fault={"kind": "hang", "seconds": HANGS}),
)
REPRESENTATIVE = ("success", "answer dropped")
CARDS_ONLY = ("success", "declined", "insufficient funds", "3-D Secure", "processing")
REFUNDS = (
    Outcome("success"),
    Outcome("pending", card="pm_card_pendingRefund", settings={"refund_seconds": 0.3}),
    Outcome("fails later", card="pm_card_refundFail", settings={"refund_seconds": 0.3}),
    *(outcome for outcome in OUTCOMES if outcome.fault),
)
CARDS = tuple(outcome for outcome in OUTCOMES if outcome.name in CARDS_ONLY)
FAULTS = (OUTCOMES[0], *(outcome for outcome in OUTCOMES if outcome.fault))
