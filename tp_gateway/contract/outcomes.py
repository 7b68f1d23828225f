"""What a provider answers, and what is told to plugins: frozen values that carry no behaviour of either side.

Amounts are integers of minor units (cents for AUD) beside an upper-case ISO 4217 currency. Moments are aware UTC
datetimes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from tp_gateway.contract.nothing import nothing
from tp_gateway.contract.remittances import Remittance


class OutcomeState(StrEnum):
    """What a provider knows about one payment or refund."""

    SUCCEEDED = "succeeded"
    """Money has moved, for good as far as the provider can say. For a refund: it is on its way to the customer."""
    AUTHORIZED = "authorized"
    """The amount is held with the customer's bank, and nothing has moved: `capture` takes it, `void` lets it go. Only
    with `Capabilities.capture`, for an order with `manual_capture`."""
    PENDING = "pending"
    """Accepted; the result comes later (bank debits, Medicare claims, refunds in a queue)."""
    NEEDS_ACTION = "needs_action"
    """The customer must do something first; `action` says what."""
    DECLINED = "declined"
    """Definite: no money moved by this attempt. Whether the reference can still be charged is `closed`."""
    NOT_SENT = "not_sent"
    """The request certainly had no effect (never sent, or refused for load): safe to send again."""
    UNKNOWN = "unknown"
    """It may have happened. The core looks it up; nobody guesses."""


class Reason(StrEnum):
    """Why an outcome is not a success, in the core's words. The provider's own code goes to `provider_code`."""

    NONE = ""
    INSUFFICIENT_FUNDS = "insufficient_funds"
    CARD_DECLINED = "card_declined"
    AUTHENTICATION_FAILED = "authentication_failed"
    AUTHENTICATION_REQUIRED = "authentication_required"
    INVALID_METHOD = "invalid_method"
    """The payment method does not exist, cannot be used again, or belongs to another customer."""
    NO_SUCH_PAYER = "no_such_payer"
    """The provider's customer is gone: the core forgets it, and the next payment makes a new one."""
    REJECTED = "rejected"
    """The provider refused our request itself (key revoked, parameter refused): an operator must look."""
    BUSY = "provider_busy"
    UNREACHABLE = "not_sent"
    CLAIM_REJECTED = "claim_rejected"
    """Whoever was to pay instead of the patient (Medicare) has refused the claim."""
    CANCELED = "canceled"
    EXPIRED = "expired"
    NO_SUCH_OBJECT = "no_such_object"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class SavedMethod:
    """A method kept by the provider. `kind` is `card` or `bank_account`; `details` may be shown to the patient
    (a card: brand, last4, exp_month, exp_year). Never a full number."""

    reference: str
    kind: str
    details: Mapping[str, Any]
    payer: str | None = None
    fingerprint: str | None = None


class RefundState(StrEnum):
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class RefundFact:
    """One refund as the provider has it now; `our_id` is `RefundOrder.id` where the provider was told it. `reopen`:
    what was paid for becomes due again, for one that was not ordered here."""

    reference: str
    amount: int
    state: RefundState
    our_id: str | None = None
    provider_code: str = ""
    reopen: bool = False


@dataclass(frozen=True, slots=True)
class Prepared:
    """An object at the provider that cannot move money by itself.

    `action` is for the customer's browser (a `client_secret`, a page to visit); the core encrypts it at rest.
    `payer` is the provider's customer reference, if one was made or found.
    """

    reference: str
    action: Mapping[str, Any] = field(default_factory=nothing)
    payer: str | None = None
    state: Mapping[str, Any] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A provider's present truth about one payment (or one refund).

    `settled` is the cumulative amount captured so far, in minor units of `currency`; both are needed with SUCCEEDED.
    `closed` says: this reference can never move money again (canceled, or it never existed). `refunds` lists every
    refund of the payment, also those made outside. `message` may be shown to a patient. `evidence` is the provider's
    id of the movement (a charge), unique for ever; it keys the ledger. `transaction` is its id in the provider's
    accounts and `fee` what it cost, in minor units, both None until known. `authorized` is the amount that is held, in
    minor units of `currency`, needed with AUTHORIZED; `capture_before` is until when (UTC). `provider_state`, if not
    None, replaces the provider's durable facts; what stands in it under `shown` (a mapping) is a part of the payment as
    patient and staff see it, and under `shown_to_staff` as staff do.
    """

    state: OutcomeState
    reference: str | None = None
    settled: int | None = None
    currency: str | None = None
    closed: bool = False
    reason: Reason = Reason.NONE
    provider_code: str = ""
    message: str = ""
    action: Mapping[str, Any] = field(default_factory=nothing)
    evidence: str | None = None
    transaction: str | None = None
    fee: int | None = None
    receipt_url: str | None = None
    refunds: tuple[RefundFact, ...] = ()
    authorized: int | None = None
    capture_before: datetime | None = None
    saved_method: SavedMethod | None = None
    payer: str | None = None
    check_after: float | None = None
    """Seconds until it is worth asking again; None leaves it to the core."""
    waits_until: date | None = None
    """With NEEDS_ACTION: the last day, in the clinic's calendar, on which the customer can still do it. None leaves it
    to the core."""
    remittance: Remittance | None = None
    """With SUCCEEDED: the sum that this money came with, where whoever pays says so together with the payment. An item
    of it is this payment's, and has this outcome's reference."""
    provider_state: Mapping[str, Any] | None = field(default=None, repr=False)


class Subject(StrEnum):
    """What an observation is about."""

    PAYMENT = "payment"
    METHODS = "methods"
    """The saved methods of `payer` changed."""
    DISPUTE = "dispute"
    """`reference` is the dispute's own; a hint to `fetch_dispute`."""
    NOTHING = "nothing"
    """Not ours, or of no interest: kept in the inbox, otherwise ignored. `note` says why."""


@dataclass(frozen=True, slots=True)
class Observation:
    """Something that happened at the provider: a hint to `fetch`, or, where `evidence` is given by a provider that
    cannot be asked, the truth with cumulative totals. `event_id` is unique at the provider."""

    event_id: str
    kind: str
    subject: Subject
    reference: str | None = None
    labels: Mapping[str, str] = field(default_factory=nothing)
    payer: str | None = None
    occurred_at: datetime | None = None
    evidence: Outcome | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Health:
    """`ok` is False when a payment made now would fail; `message` is for an operator."""

    ok: bool
    message: str = ""


@dataclass(frozen=True, slots=True)
class Veto:
    """A refusal: `code` is one of `tp_gateway.errors.VETOES` (any other is told as `not_payable`), `message` may be
    shown to the patient. `field` names the field of the request that is at fault; then the code is
    `validation_error`."""

    code: str
    message: str
    field: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """A committed fact, told at least once: `id` is stable over repeats. `topic` is like `payment.succeeded`."""

    id: str
    topic: str
    occurred_at: datetime
    data: Mapping[str, Any] = field(default_factory=dict)
