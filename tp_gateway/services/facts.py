"""The values that services pass on and give to views: frozen copies of rows, never rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from tp_gateway.contract import Flow
from tp_gateway.models.states import OPEN_STATES, public_status


@dataclass(frozen=True, slots=True)
class InvoiceFacts:
    """An invoice as it stands. Amounts in minor units of `currency`."""

    id: int
    number: str
    patient_id: int
    appointment_id: int | None
    amount: int
    amount_paid: int
    currency: str
    status: str
    description: str
    due_date: date
    created_at: datetime

    @property
    def amount_due(self) -> int:
        return 0 if self.status == "void" else max(0, self.amount - self.amount_paid)


@dataclass(frozen=True, slots=True)
class PaymentFacts:
    """A payment as it stands. Amounts in minor units of `currency`; moments aware UTC. `action` is what the customer
    must do (it can hold a client secret: never log it). `invoice` is filled where the payment is for an invoice.
    `disputed`: it is, or was once. `payable_due` is what is still to be paid of what it is for; None where it was not
    read. `zone_name`: the clinic's time zone, where an admin has chosen one."""

    id: int
    uuid: str
    payable_id: int
    payable_uuid: str
    patient_id: int
    appointment_id: int | None
    invoice_id: int | None
    provider: str
    method: str
    flow: str
    amount: int
    currency: str
    state: str
    next_check_at: datetime | None
    expires_at: datetime
    method_reference: str | None
    save_method: bool
    description: str
    created_by: str
    created_at: datetime
    parameters: Mapping[str, Any] | None = field(repr=False)
    client_metadata: Mapping[str, Any] | None
    # What a payment is that was just made, here as in the table's defaults:
    epoch: int = 1
    checks: int = 0
    observed_at: datetime | None = None
    reference: str | None = None
    captured: int = 0
    refunded: int = 0
    evidence: str | None = None
    transaction_id: str | None = None
    receipt_url: str | None = None
    reason: str = ""
    provider_code: str = ""
    needs_review: bool = False
    late_success: bool = False
    settled_at: datetime | None = None
    action: Mapping[str, Any] = field(default_factory=dict, repr=False)
    provider_state: Mapping[str, Any] = field(default_factory=dict, repr=False)
    invoice: InvoiceFacts | None = None
    manual_capture: bool = False
    authorized_at: datetime | None = None
    capture_before: datetime | None = None
    disputed: bool = False
    payable_due: int | None = None
    zone_name: str | None = None

    @property
    def status(self) -> str:
        """The frontend's word: pending, succeeded, failed, refunded."""
        return public_status(self.state)

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_STATES


@dataclass(frozen=True, slots=True)
class RefundFacts:
    """A refund as it stands; amounts in minor units. `payment` is the payment after it."""

    id: int
    uuid: str
    payment_id: int
    provider: str
    reference: str | None
    amount: int
    currency: str
    state: str
    epoch: int
    checks: int
    first_sent_at: datetime | None
    reopen: bool
    reason: str
    provider_code: str
    created_by: str
    created_at: datetime

    @property
    def status(self) -> str:
        """pending, succeeded or failed."""
        return self.state if self.state in ("succeeded", "failed") else "pending"


@dataclass(frozen=True, slots=True)
class DisputeFacts:
    """A dispute as it stands; amounts in minor units, moments aware UTC. `payment_id`, and what is the payment's, is
    None while no payment here is known to be the one that is disputed."""

    id: int
    provider: str
    reference: str
    payment_id: int | None
    payment_reference: str | None
    amount: int
    currency: str
    status: str
    reason: str
    refundable: bool
    evidence_due_by: datetime | None
    withdrawn: int
    fee: int
    reopened: int
    needs_review: bool
    review_note: str
    opened_at: datetime
    closed_at: datetime | None
    patient_id: int | None
    appointment_id: int | None
    invoice_id: int | None


@dataclass(frozen=True, slots=True)
class RebateFacts:
    """A rebate claim as it stands; `amount` minor units were paid for the service. `decide_before`: until when a
    pendable one can be accepted."""

    id: int
    uuid: str
    payment_id: int
    payable_id: int
    patient_id: int
    provider: str
    reference: str
    amount: int
    currency: str
    state: str
    code: str
    epoch: int
    checks: int
    next_check_at: datetime | None
    decide_before: datetime | None
    created_by: str
    created_at: datetime
    lodged_at: datetime | None
    parameters: Mapping[str, Any] = field(default_factory=dict, repr=False)
    provider_state: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class MethodFacts:
    """A saved payment method. `details` may be shown: a card's brand, last4, exp_month, exp_year; a bank account's
    bank_name, account_name, bsb, masked account_number."""

    id: int
    kind: str
    provider: str | None
    reference: str | None
    details: Mapping[str, Any]
    is_default: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Answer:
    """What a caller is told, as it is stored for a repeat: a status of the caller's own and the exact text."""

    status: int
    text: str
    replayed: bool = False


RenderPayment = Callable[[PaymentFacts], Answer]
RenderRefund = Callable[[RefundFacts, PaymentFacts], Answer]


@dataclass(frozen=True, slots=True)
class Key:
    """An `Idempotency-Key`, scoped to user and route. `body_hash` tells a repeat from another request."""

    user_id: int
    route: str
    key: str
    body_hash: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a caller asks to pay: for an appointment, an invoice, or both if they belong together.

    `amount` is Decimal in major units or int in minor units, None for "all that is due". `currency`, if given, must
    be the payable's. `manual_capture` only holds the amount. `method_id` is our saved method's id (int) or the
    provider's reference (str). `parameters` are the provider's own fields, not yet validated.
    """

    permission: str
    method: str
    flow: Flow
    appointment_id: int | None = None
    invoice_id: int | None = None
    amount: Decimal | int | None = None
    currency: str | None = None
    method_id: int | str | None = None
    save_method: bool = False
    manual_capture: bool = False
    description: str = ""
    metadata: Mapping[str, str] | None = None
    parameters: Mapping[str, Any] | None = field(default=None, repr=False)
