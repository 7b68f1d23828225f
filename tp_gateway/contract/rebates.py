"""Rebate claims: somebody else (Medicare) pays the patient a part of what he has paid the clinic. The clinic only
lodges the claim, so it is no payment and no revenue."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from tp_gateway.contract.nothing import nothing
from tp_gateway.contract.orders import UTC
from tp_gateway.contract.service import Earlier, Service


class RebateState(StrEnum):
    """How one claim stands."""

    SUBMITTING = "submitting"
    """Its reference is durable; it may be with the payer of rebates from here on."""
    UNKNOWN = "unknown"
    """Asked, and not known."""
    PENDABLE = "pendable"
    """Not lodged: somebody must accept it as it is, until `decide_before`, or let it go."""
    PENDED = "pended"
    """With a person there; nothing more will be heard of it."""
    LODGED = "lodged"
    """Accepted: the patient is paid, or was."""
    REJECTED = "rejected"
    """Refused; nothing was lodged."""
    DELETED = "deleted"
    """Taken back after it was lodged."""


@dataclass(frozen=True, slots=True)
class RebateOrder:
    """One claim, as a provider is told about it, to be over by `deadline`. `id` is ours (a UUID). `amount` minor units
    of `currency` were paid for the service, the last of it on `paid_on`, in the clinic's calendar; `time_zone` is that
    calendar. `parameters` were validated by the manifest's `rebate_schema`. `repeated`: it may have been sent under
    this reference before. Sending again what is PENDABLE accepts it. `state` is what this provider last returned as its
    state for the claim; `service` is what was paid for, `earlier` (newest first) what else the patient has with this
    provider."""

    id: str
    amount: int
    currency: str
    paid_on: date
    deadline: float
    parameters: Mapping[str, Any] = field(default_factory=nothing, repr=False)
    state: Mapping[str, Any] = field(default_factory=nothing, repr=False)
    service: Service | None = None
    time_zone: ZoneInfo = UTC
    earlier: tuple[Earlier, ...] = ()
    repeated: bool = False

    def seconds_left(self) -> float:
        return max(0.0, self.deadline - time.monotonic())


@dataclass(frozen=True, slots=True)
class PreparedRebate:
    """Ready to be lodged under `reference`; nothing was sent. `subject` says who it is about, in the provider's own
    unmistakable words (a card number): the core keeps it encrypted, and finds other claims about the same one. `state`
    is kept with the claim and comes back as `RebateOrder.state`."""

    reference: str
    subject: str = field(repr=False)
    state: Mapping[str, Any] = field(default_factory=nothing, repr=False)


@dataclass(frozen=True, slots=True)
class RebateFact:
    """What became of a claim: its `state`. `decide_before` (UTC) with PENDABLE. `final`: asking again would tell no
    more, even where the state is UNKNOWN (a person has to find out). `code` is the provider's own. `provider_state`, if
    not None, replaces the provider's durable facts; `shown` and `shown_to_staff` as with `Outcome`."""

    state: RebateState
    code: str = ""
    decide_before: datetime | None = None
    final: bool = False
    provider_state: Mapping[str, Any] | None = field(default=None, repr=False)
