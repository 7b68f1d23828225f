"""What a provider is: a manifest, and the members its capabilities promise.

Rules for every member that takes a deadline: keep it (`order.seconds_left()`), and say `UNKNOWN` when you cannot tell
whether a request had its effect; never guess. Whatever else comes out (an exception, None, another type,
another currency) is read as `UNKNOWN`, logged with your name, and hurts only that payment.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, BinaryIO, ClassVar, Protocol, runtime_checkable
from zoneinfo import ZoneInfo

import colander

from tp_gateway.contract.disputes import DisputeFact
from tp_gateway.contract.payment_files import PaymentFile, QueuedRefund
from tp_gateway.contract.rebates import PreparedRebate, RebateFact, RebateOrder
from tp_gateway.contract.remittances import Remittance
from tp_gateway.contract.statements import Recogniser, Statement
from tp_gateway.contract.types import (
    CaptureOrder,
    Health,
    MethodOrder,
    Observation,
    Order,
    Outcome,
    Prepared,
    RefundOrder,
    SavedMethod,
    Veto,
)

CONTRACT_VERSION = 1
_UTC = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What this provider can do. Each true flag promises the member of that name; nothing undeclared is ever called.

    `two_step` promises `prepare` and `close`: money can then move only through a reference that the core has stored
    first. Without it, `execute` is called once per payment, and again only inside `repeat_horizon` seconds (how long
    the provider answers the same idempotency key with the same result). `browser` promises that `prepare` serves
    `Flow.BROWSER`. `off_session` that saved methods can be charged by staff. `capture` promises that
    `Order.manual_capture` only holds the amount, and `capture` and `void`. `disputes` promises `fetch_dispute`.
    `refund_files` promises that `refund` only accepts (PENDING) what then waits in a queue, and `write_refunds`.
    `remittances` promises `list_remittances`.

    `local` promises that nobody is called: every member is a pure function of what it is told (and of the provider's
    settings), so that its answer is the truth and the core may ask for it again at any time. For what is only written
    down (cash at the desk), and for what only promises (transfer instructions): such a payment says NEEDS_ACTION with
    `waits_until`, ends by itself after that day, and is settled by evidence from elsewhere (a bank statement).

    `statements` promises `read_statement` and `recogniser`: payments by this provider are settled by lines of the
    bank's statements, which staff import.

    `screens` promises `screen`. Such a provider, and no other, is told what is paid for (`Order.service`) and what else
    the same patient has with it (`Order.earlier`).

    `resumable` promises that `execute` may be repeated under one reference at any time, because at most one of the
    calls ever has an effect. `fetch` says UNKNOWN with `Reason.NO_SUCH_OBJECT` while nothing is there, and the sweep
    then executes again what was cut off.

    `evidence` promises `read_evidence`, for what only people can find out (a letter, a portal). `rebates` promises
    `prepare_rebate`, `lodge_rebate` and `delete_rebate` (see `rebates.py`).

    `keeps_deadline` promises that every call is over by its deadline whatever the other side does: name look-up,
    connecting, TLS and each read are bounded together. Such calls run on the request's own thread, which is cheaper.
    Without it a call runs on a thread of the provider's, and nobody waits for it beyond its deadline.
    """

    two_step: bool = False
    fetch: bool = False
    browser: bool = False
    off_session: bool = False
    refund: bool = False
    partial_refund: bool = False
    save_method: bool = False
    webhooks: bool = False
    list_since: bool = False
    capture: bool = False
    disputes: bool = False
    refund_files: bool = False
    remittances: bool = False
    local: bool = False
    statements: bool = False
    screens: bool = False
    resumable: bool = False
    evidence: bool = False
    rebates: bool = False
    keeps_deadline: bool = False
    repeat_horizon: int = 0

    def members(self) -> list[str]:
        """Names of the members that the declared capabilities promise."""
        promised = {
            "prepare": self.two_step,
            "close": self.two_step,
            "fetch": self.fetch,
            "refund": self.refund,
            "save_method": self.save_method,
            "list_methods": self.save_method,
            "drop_method": self.save_method,
            "parse_webhook": self.webhooks,
            "list_since": self.list_since,
            "capture": self.capture,
            "void": self.capture,
            "fetch_dispute": self.disputes,
            "write_refunds": self.refund_files,
            "list_remittances": self.remittances,
            "read_statement": self.statements,
            "recogniser": self.statements,
            "screen": self.screens,
            "read_evidence": self.evidence,
            "prepare_rebate": self.rebates,
            "lodge_rebate": self.rebates,
            "delete_rebate": self.rebates,
        }
        return [name for name, declared in promised.items() if declared]


@dataclass(frozen=True, slots=True)
class Manifest:
    """A provider's description of itself.

    `slug` is its name in the ini, in URLs and in the ledger (lower-case letters, digits, underscore). `method` is
    what the frontend sends as `payment_method`. `settings_schema` reads `tp_gateway.<slug>.*` of the ini (and the
    environment: `<SLUG>_<NAME>`); nodes with `secret=True` are never shown, nodes with `public=True` are told to
    frontends. `parameters_schema` reads the fields of a payment request that are this provider's own; it must not
    reuse the core's names (`amount`, `currency`, …), and must give values that JSON can hold. With a node that is
    `secret=True` in it, a payment's parameters are encrypted at rest. `evidence_schema` and `rebate_schema` do the same
    for the capabilities of these names.
    `method_required`: a payment must name a payment method (`payment_method_id`). `single_flight`: at most one open
    payment of such methods per payable (true unless the method is a mere promise).
    `staff_only`: only staff may take such payments (cash at the desk).
    `totals_by`: the parameter by which a day's takings are told apart.
    `sole_payer`: nothing else may pay the same service, and what settles pays it in full (a bulk bill): the rest is
    given up. `settles_exactly`: what settles is what was asked. `examples` are parameter objects for the documentation.
    """

    slug: str
    method: str
    display_name: str
    currencies: frozenset[str]
    capabilities: Capabilities
    settings_schema: colander.SchemaNode
    parameters_schema: colander.SchemaNode
    contract_version: int = CONTRACT_VERSION
    method_required: bool = False
    single_flight: bool = True
    staff_only: bool = False
    totals_by: str | None = None
    sole_payer: bool = False
    settles_exactly: bool = True
    evidence_schema: colander.SchemaNode | None = None
    rebate_schema: colander.SchemaNode | None = None
    examples: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Environment:
    """Where the provider runs. `id` names this installation; label your objects with it, and ignore events of another.
    In `production`, refuse test keys and stand-ins. `time_zone` is the clinic's calendar."""

    id: str
    production: bool
    time_zone: ZoneInfo = _UTC


@runtime_checkable
class Provider(Protocol):
    """The members every provider has. The rest is promised by `Capabilities`:

    `prepare(order: Order) -> Prepared | Outcome`
        Make the provider-side object that cannot move money yet. An `Outcome` means that it was not made.
    `screen(order: Order) -> Veto | None`
        May it be paid like this? Before anything is written; no I/O.
    `close(order: Order, reference: str) -> Outcome`
        Make sure that `reference` can never move money; afterwards the truth, with `closed` set (or SUCCEEDED if the
        customer was faster). UNKNOWN when nobody answered, and, for a `resumable` provider, for what cannot be taken
        back any more.
    `fetch(order: Order, reference: str | None) -> Outcome`
        The present truth with cumulative totals and every refund. Without a reference, look `order.id` up; say
        UNKNOWN with `Reason.NO_SUCH_OBJECT` if there is nothing, or make sure that there never will be: DECLINED and
        closed. UNKNOWN, too, when nobody answered: it was only a question, so never NOT_SENT.
    `refund(order: RefundOrder) -> Outcome`
        Give money back. `reference` is the refund's own.
    `capture(order: CaptureOrder) -> Outcome`
        Take what is held, at most once for each payment: a second capture of the same reference must have no effect,
        under whatever key. SUCCEEDED with `settled`; or the present truth where it could not be captured (let go,
        expired, captured before). DECLINED without `closed`: it is still held.
    `void(reference: str, deadline: float) -> Outcome`
        Let the hold of `reference` go for ever; afterwards the truth, with `closed` set (or SUCCEEDED if a capture was
        faster).
    `fetch_dispute(reference: str, deadline: float) -> DisputeFact | None`
        One dispute as it stands, by its own reference. None if there is no such dispute. Raise when you cannot tell.
    `write_refunds(refunds: Sequence[QueuedRefund], title: str, made_on: date) -> PaymentFile`
        A file by which the clinic's bank pays refunds that wait. Pure (no I/O). `title` (10 characters, letters and
        digits) is what tells the file from every other; put it where the bank's statement will show it. Raises
        `CannotWrite`.
    `read_statement(stream: BinaryIO, name: str) -> Statement`
        What a file is, and its lines, read while they are asked for: a file can have a million. `MalformedStatement`
        for one that cannot be read, here or from the lines. Contents decide what it is; `name` is the file's, for what
        they leave open. No I/O but the stream's, which is read once and cannot be wound back, and nothing is kept.
    `recogniser(references: Collection[str]) -> Recogniser`
        Finds in a line which payment it is for; `references` are those of all payments that it can be for.
    `read_evidence(order: Order, reference: str, parameters: Mapping) -> Outcome | Prepared | Veto`
        What staff have found out, in the words of the manifest's `evidence_schema`: how the payment stands now, with
        cumulative totals. `Prepared` (with the same reference): what it waited for is there, execute it. `Veto`: that
        cannot be. No I/O.
    `prepare_rebate(order: RebateOrder) -> PreparedRebate | Veto`
        Name the claim, before anything is sent; no I/O. The same order gives the same reference.
    `lodge_rebate(order: RebateOrder, reference: str) -> RebateFact`
        Lodge the claim. Repeated under one reference, at most one call has an effect.
    `delete_rebate(order: RebateOrder, reference: str) -> RebateFact`
        Take a lodged claim back. Any other state than DELETED: it could not be, and `code` says why.
    `save_method(order: MethodOrder) -> SavedMethod | Outcome`
        Keep a payment method for the payer.
    `list_methods(payer: str, deadline: float) -> list[SavedMethod]`
        What is kept for a payer.
    `drop_method(reference: str, deadline: float) -> None`
        Forget one; already forgotten is fine.
    `parse_webhook(body: bytes, headers: Mapping[str, str]) -> list[Observation]`
        Verify first; pure (no I/O). Raises `InvalidSignature`, and nothing else: also for what was signed too long ago
        or ahead of now, and for what is no event. Two secrets are good while one is being replaced. Header names are
        lower case.
    `list_since(moment: datetime, until: datetime, deadline: float) -> Iterable[Observation]`
        For the reverse sweep: payments made in that time, each with `evidence`, and what was heard of others in that
        time, without (a webhook that never arrived). The same event must have the same `event_id` as by webhook. Raise
        when you cannot tell: an empty list says that there was nothing.
        With `disputes`, also disputes opened in that time, each under an `event_id` that names the state seen.
    `list_remittances(since: datetime, until: datetime, deadline: float) -> Iterable[Remittance]`
        Remittances made in that time, oldest first, each as it stands now and with its items. Raise when you
        cannot tell. The same time is asked about again until they are over.
    """

    manifest: ClassVar[Manifest]

    @classmethod
    def build(cls, settings: Mapping[str, Any], environment: Environment) -> Provider:
        """Make the provider from settings that `settings_schema` accepted. No I/O. `ConfigurationError` when they
        cannot work."""
        ...

    def check(self, deadline: float) -> Health:
        """Can it work now? Moves no money."""
        ...

    def execute(self, order: Order, reference: str | None) -> Outcome:
        """The one call that may move money. `reference` is what `prepare` made, None for one-step providers."""
        ...


class TwoStep(Protocol):
    """`Capabilities.two_step`."""

    def prepare(self, order: Order) -> Prepared | Outcome: ...

    def close(self, order: Order, reference: str) -> Outcome: ...


class Fetches(Protocol):
    """`Capabilities.fetch`."""

    def fetch(self, order: Order, reference: str | None) -> Outcome: ...


class Refunds(Protocol):
    """`Capabilities.refund`."""

    def refund(self, order: RefundOrder) -> Outcome: ...


class WritesRefunds(Protocol):
    """`Capabilities.refund_files`."""

    def write_refunds(self, refunds: Sequence[QueuedRefund], title: str, made_on: date) -> PaymentFile: ...


class Captures(Protocol):
    """`Capabilities.capture`."""

    def capture(self, order: CaptureOrder) -> Outcome: ...

    def void(self, reference: str, deadline: float) -> Outcome: ...


class TellsDisputes(Protocol):
    """`Capabilities.disputes`."""

    def fetch_dispute(self, reference: str, deadline: float) -> DisputeFact | None: ...


class ReadsStatements(Protocol):
    """`Capabilities.statements`."""

    def read_statement(self, stream: BinaryIO, name: str) -> Statement: ...

    def recogniser(self, references: Collection[str]) -> Recogniser: ...


class SavesMethods(Protocol):
    """`Capabilities.save_method`."""

    def save_method(self, order: MethodOrder) -> SavedMethod | Outcome: ...

    def list_methods(self, payer: str, deadline: float) -> list[SavedMethod]: ...

    def drop_method(self, reference: str, deadline: float) -> None: ...


class HearsWebhooks(Protocol):
    """`Capabilities.webhooks`."""

    def parse_webhook(self, body: bytes, headers: Mapping[str, str]) -> list[Observation]: ...


class ListsPayments(Protocol):
    """`Capabilities.list_since`."""

    def list_since(self, moment: datetime, until: datetime, deadline: float) -> Iterable[Observation]: ...


class TellsRemittances(Protocol):
    """`Capabilities.remittances`."""

    def list_remittances(self, since: datetime, until: datetime, deadline: float) -> Iterable[Remittance]: ...


class Screens(Protocol):
    """`Capabilities.screens`."""

    def screen(self, order: Order) -> Veto | None: ...


class ReadsEvidence(Protocol):
    """`Capabilities.evidence`."""

    def read_evidence(
        self, order: Order, reference: str, parameters: Mapping[str, Any]
    ) -> Outcome | Prepared | Veto: ...


class LodgesRebates(Protocol):
    """`Capabilities.rebates`."""

    def prepare_rebate(self, order: RebateOrder) -> PreparedRebate | Veto: ...

    def lodge_rebate(self, order: RebateOrder, reference: str) -> RebateFact: ...

    def delete_rebate(self, order: RebateOrder, reference: str) -> RebateFact: ...
