"""What a provider is told: frozen values that carry no behaviour of either side.

Amounts are integers of minor units (cents for AUD) beside an upper-case ISO 4217 currency. A deadline is seconds on
`time.monotonic()`'s clock.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from tp_gateway.contract.nothing import nothing
from tp_gateway.contract.payment_files import PayoutAccount

if TYPE_CHECKING:
    from tp_gateway.contract.service import Earlier, Service

UTC = ZoneInfo("UTC")


class Label(StrEnum):
    """Names of the opaque ids that the core gives with an order, and reads back from the provider's objects."""

    ENVIRONMENT = "tp_gateway_environment"
    """This installation; an object with another one, or none, is not ours."""
    PAYMENT = "tp_gateway_payment"
    """`Order.id`."""
    PAYABLE = "tp_gateway_payable"
    """What is paid for, as an opaque id: several payments of one invoice have the same."""
    REFUND = "tp_gateway_refund"
    """`RefundOrder.id`."""


class Flow(StrEnum):
    """Who finishes the payment."""

    DIRECT = "direct"
    """The patient is here and the core calls `execute`."""
    BROWSER = "browser"
    """The patient's browser finishes it with what `Prepared.action` gave it; the core never calls `execute`."""
    OFF_SESSION = "off_session"
    """Staff charge a saved method; nobody is there to answer a bank's question."""


@dataclass(frozen=True, slots=True)
class Payer:
    """A patient as a provider may know him: `key` is our opaque id, stable for ever and usable as the idempotency key
    of creating a customer; `reference` is the provider's customer, once there is one."""

    key: str
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """One payment, as a provider is told about it.

    `amount` minor units of `currency` are asked for, of `payer`, until `deadline`; `flow` says who finishes it. `id` is
    ours (a UUID), and `number` is the payment's number in this installation (after a restored backup it can be
    given out a second time, an `id` never). `made_on` is the day it was made and `due_on` the day by which it is due
    (an invoice's), in the clinic's calendar; `time_zone` is that calendar, as the clinic has it now.
    `idempotency_key` is stable for this payment: derive one key per call from it
    (`f"{order.idempotency_key}:prepare"`). `labels` are opaque ids of ours; store them on the provider's object
    and hand them back in `Observation.labels`. `parameters` were validated by the manifest's `parameters_schema`.
    `state` is what this provider last returned as `state` for this payment. `service` and `earlier` (newest first) are
    told to a provider that `screens`. `repeated`: `execute` may have been called for this reference before
    (`Capabilities.resumable`). `method_reference` is the provider's
    reference of the payment method to charge (a token from its browser form, or a saved one, which then belongs
    to `payer.reference`). `save_method` asks to keep the method for later. `manual_capture` asks to hold the amount
    only (`Capabilities.capture`): say AUTHORIZED instead of SUCCEEDED.
    """

    id: str
    flow: Flow
    amount: int
    currency: str
    idempotency_key: str
    deadline: float
    parameters: Mapping[str, Any] = field(default_factory=nothing, repr=False)
    payer: Payer | None = None
    method_reference: str | None = None
    save_method: bool = False
    manual_capture: bool = False
    labels: Mapping[str, str] = field(default_factory=nothing)
    state: Mapping[str, Any] = field(default_factory=nothing, repr=False)
    number: int = 0
    made_on: date = date.min
    due_on: date | None = None
    time_zone: ZoneInfo = UTC
    service: Service | None = None
    earlier: tuple[Earlier, ...] = ()
    repeated: bool = False

    def seconds_left(self) -> float:
        return max(0.0, self.deadline - time.monotonic())


@dataclass(frozen=True, slots=True)
class CaptureOrder:
    """Take `amount` of the held payment `reference`, all of it or a part; the rest is let go. `id` is `Order.id`.
    `idempotency_key` is of this one order: another try by staff has another one. `amount` minor units of `currency`,
    until `deadline`; `state` is the payment's."""

    id: str
    reference: str
    amount: int
    currency: str
    idempotency_key: str
    deadline: float
    state: Mapping[str, Any] = field(default_factory=nothing)

    def seconds_left(self) -> float:
        return max(0.0, self.deadline - time.monotonic())


@dataclass(frozen=True, slots=True)
class RefundOrder:
    """One refund of a payment: `payment_reference` is the provider's own reference of the payment. Give `amount` minor
    units of `currency` back, until `deadline`. `id` is ours (a UUID), and `idempotency_key` stays the same when the
    same refund is sent again. `labels` are opaque ids for the refund's object. `state` is the payment's. `account` is
    where it goes, for a provider with `Capabilities.refund_files`."""

    id: str
    payment_reference: str
    amount: int
    currency: str
    idempotency_key: str
    deadline: float
    labels: Mapping[str, str] = field(default_factory=nothing)
    state: Mapping[str, Any] = field(default_factory=nothing)
    account: PayoutAccount | None = None

    def seconds_left(self) -> float:
        return max(0.0, self.deadline - time.monotonic())


@dataclass(frozen=True, slots=True)
class MethodOrder:
    """Keep the payment method `method_reference` for `payer`, until `deadline`."""

    payer: Payer
    method_reference: str
    deadline: float

    def seconds_left(self) -> float:
        return max(0.0, self.deadline - time.monotonic())
