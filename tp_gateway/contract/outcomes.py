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
    """None was given. One that is needed all the same is told as `card_declined`."""
    INSUFFICIENT_FUNDS = "insufficient_funds"
    """There is not enough money (400 `payment_failed`)."""
    CARD_DECLINED = "card_declined"
    """The payer's bank refused, and another way to pay may work (402 `card_declined`)."""
    AUTHENTICATION_FAILED = "authentication_failed"
    """The bank asked the payer, and he did not pass (402)."""
    AUTHENTICATION_REQUIRED = "authentication_required"
    """The bank wants to ask a payer who is not there (`Flow.OFF_SESSION`; 402)."""
    INVALID_METHOD = "invalid_method"
    """The payment method does not exist, cannot be used again, or belongs to another customer (400, by the field that
    named it)."""
    NO_SUCH_PAYER = "no_such_payer"
    """The provider's customer is gone: the core forgets it, and the next payment makes a new one."""
    REJECTED = "rejected"
    """The provider refused our request itself (key revoked, parameter refused): an operator must look."""
    BUSY = "provider_busy"
    """The provider refused for load (503)."""
    UNREACHABLE = "not_sent"
    """There was no connection, or no time left (503)."""
    CLAIM_REJECTED = "claim_rejected"
    """Whoever was to pay instead of the patient (Medicare) has refused the claim."""
    CANCELED = "canceled"
    """The payer, staff or the provider took it back (409 `not_payable`)."""
    EXPIRED = "expired"
    """It was not finished in time (409 `not_payable`)."""
    NO_SUCH_OBJECT = "no_such_object"
    """With UNKNOWN, from `fetch`: the provider has nothing under this order or reference."""
    UNCLEAR = "unclear"
    """There was no answer, or one that makes no sense."""


@dataclass(frozen=True, slots=True)
class SavedMethod:
    """A method kept by the provider. `kind` is `card` or `bank_account`; `details` may be shown to the patient (a card:
    brand, last4, exp_month, exp_year). Never a full number. `reference` is the provider's id of it, `payer` the
    provider's customer, `fingerprint` the same for the same card or account, where the provider tells."""

    reference: str
    kind: str
    details: Mapping[str, Any]
    payer: str | None = None
    fingerprint: str | None = None


class RefundState(StrEnum):
    """How one refund stands."""

    PENDING = "pending"
    """Accepted, and not yet sent."""
    SUCCEEDED = "succeeded"
    """On its way to the customer."""
    FAILED = "failed"
    """The money stayed here, or came back."""


@dataclass(frozen=True, slots=True)
class RefundFact:
    """One refund as the provider has it now: its own `reference`, the `amount` in minor units of the payment's
    currency, its `state`, and the provider's code for one that failed (`provider_code`). `our_id` is `RefundOrder.id`
    where the provider was told it. `reopen`: what was paid for becomes due again, for one that was not ordered here."""

    reference: str
    amount: int
    state: RefundState
    our_id: str | None = None
    provider_code: str = ""
    reopen: bool = False


@dataclass(frozen=True, slots=True)
class Prepared:
    """An object at the provider that cannot move money by itself.

    `reference` is its id, unique at the provider. `action` is for the customer's browser: a `client_secret`, or a page
    to visit, `{"type": "redirect", "redirect_url": "https://…"}`; the core encrypts it at rest. `state`, if not None,
    is kept and comes back as `Order.state`. `payer` is the provider's customer reference, if one was made or found."""

    reference: str
    action: Mapping[str, Any] = field(default_factory=nothing)
    payer: str | None = None
    state: Mapping[str, Any] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A provider's present truth about one payment (or one refund).

    `state` decides what else is needed (docs/providers.md, "What an outcome says"). `reference` is the provider's id of
    the payment; of a refund, the refund's. `reason` says in the core's words why it is no success, `provider_code` in
    the provider's. `action` (JSON) is what the customer's browser needs, with NEEDS_ACTION; a `message` in it is told
    as the payment's. `receipt_url` is a page for the customer. `saved_method` is the method that was kept because
    `Order.save_method` asked for it, `payer` the provider's customer, if one was made.

    `settled` is the cumulative amount captured so far, in minor units of `currency`; both are needed with SUCCEEDED.
    `closed` says: this reference can never move money again (canceled, or it never existed). `refunds` lists every
    refund of the payment, also those made outside. `message` is for people, in words that a patient may read; what the
    API says of a failure follows from `reason` alone. `evidence` is the provider's id of the movement (a charge),
    unique for ever; it keys the ledger. `transaction` is its id in the provider's accounts and `fee` what it cost, in
    minor units, both None until known. `authorized` is the amount that is held, in minor units of `currency`, needed
    with AUTHORIZED; `capture_before` is until when (UTC). `provider_state`, if not None, replaces the provider's
    durable facts; what stands in it under `shown` (a mapping) is a part of the payment as patient and staff see it, and
    under `shown_to_staff` as staff do."""

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
    """`reference` is the payment's; a hint to `fetch`."""
    METHODS = "methods"
    """The saved methods of `payer` changed."""
    DISPUTE = "dispute"
    """`reference` is the dispute's own; a hint to `fetch_dispute`."""
    NOTHING = "nothing"
    """Not ours, or of no interest: kept in the inbox, otherwise ignored. `note` says why."""


@dataclass(frozen=True, slots=True)
class Observation:
    """Something that happened at the provider: a hint to `fetch`, or, where `evidence` is given by a provider that
    cannot be asked, the truth with cumulative totals. `event_id` is unique at the provider, `kind` the provider's word
    for what happened, `occurred_at` when (UTC). `subject` says what it is about, `reference` which one, in the
    provider's words; `labels` are those that it found on the object, `payer` the provider's customer. `note` is for an
    operator."""

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
    """A committed fact of `occurred_at` (UTC), told at least once: `id` is stable over repeats. `topic` is like
    `payment.succeeded`; `data` (JSON) names what it is about: `payment_id` and, with money in it, `amount` as decimal
    text beside `currency`."""

    id: str
    topic: str
    occurred_at: datetime
    data: Mapping[str, Any] = field(default_factory=dict)
