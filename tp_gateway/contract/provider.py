"""What a provider is: a manifest (`manifest.py`), and the members that its capabilities promise.

Rules for every member that takes a deadline: keep it (`order.seconds_left()`), and say `UNKNOWN` when you cannot tell
whether a request had its effect; never guess. Whatever else comes out (an exception, None, another type,
another currency) is read as `UNKNOWN`, logged with your name, and hurts only that payment.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, BinaryIO, ClassVar, Protocol, runtime_checkable

from tp_gateway.contract.disputes import DisputeFact
from tp_gateway.contract.manifest import Environment, Manifest
from tp_gateway.contract.orders import CaptureOrder, MethodOrder, Order, RefundOrder
from tp_gateway.contract.outcomes import Health, Observation, Outcome, Prepared, SavedMethod, Veto
from tp_gateway.contract.payment_files import PaymentFile, QueuedRefund
from tp_gateway.contract.rebates import PreparedRebate, RebateFact, RebateOrder
from tp_gateway.contract.remittances import Remittance
from tp_gateway.contract.statements import Recogniser, Statement


@runtime_checkable
class Provider(Protocol):
    """The members every provider has, and below them those that `Capabilities` promise. A `deadline` is seconds on
    `time.monotonic()`'s clock, moments are aware and UTC, amounts are minor units.

    `prepare(order: Order) -> Prepared | Outcome`
        Make the provider-side object that cannot move money yet; the same order again gives the same one. An `Outcome`
        means that it was not made, and the payment ends there: DECLINED with a `reason`, or NOT_SENT or UNKNOWN, after
        which it is tried up to three times within the request.
    `screen(order: Order) -> Veto | None`
        May it be paid like this? None: it may. Before anything is written; no I/O.
    `close(order: Order, reference: str) -> Outcome`
        Make sure that `reference` can never move money; afterwards the truth, with `closed` set (or SUCCEEDED if the
        customer was faster). UNKNOWN when nobody answered, and, for a `resumable` provider, for what cannot be taken
        back any more.
    `fetch(order: Order, reference: str | None) -> Outcome`
        The present truth with cumulative totals and every refund. Without a reference, look `order.id` up; say
        UNKNOWN with `Reason.NO_SUCH_OBJECT` if there is nothing, or make sure that there never will be: DECLINED and
        closed. UNKNOWN, too, when nobody answered: it was only a question, so never NOT_SENT.
    `refund(order: RefundOrder) -> Outcome`
        Give `order.amount` back. SUCCEEDED (on its way, with `settled`, `currency` and `evidence`) or PENDING, with the
        refund's own `reference`; DECLINED and closed when it cannot be; NOT_SENT and UNKNOWN as with `execute`. An
        UNKNOWN one is sent again with the same `id` and key, so the same order twice must give back once.
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
        Take a lodged claim back; DELETED also where it was before. LODGED: it cannot be, and `code` says why. UNKNOWN:
        it is asked again.
    `save_method(order: MethodOrder) -> SavedMethod | Outcome`
        Keep a payment method for the payer. An `Outcome` says why not (DECLINED with `Reason.INVALID_METHOD`), or that
        nobody knows.
    `list_methods(payer: str, deadline: float) -> list[SavedMethod]`
        What is kept for `payer` (the provider's customer): all of it, because what is not listed is forgotten here.
        Raise when you cannot tell.
    `drop_method(reference: str, deadline: float) -> None`
        Forget one; already forgotten is fine. Raise when you cannot tell.
    `parse_webhook(body: bytes, headers: Mapping[str, str]) -> list[Observation]`
        Verify first; pure (no I/O). Raises `InvalidSignature`, and nothing else: also for what was signed too long ago
        or ahead of now, and for what is no event. Two secrets are good while one is being replaced. Header names are
        lower case.
    `list_since(moment: datetime, until: datetime, deadline: float) -> Iterable[Observation]`
        For the reverse sweep: payments made from `moment` up to `until`, each with `evidence`, and what was heard of
        others in that time, without (a webhook that never arrived). The same event must have the same `event_id` as by
        webhook. Raise when you cannot tell: an empty list says that there was nothing. With `disputes`, also disputes
        opened in that time, each under an `event_id` that names the state seen.
    `list_remittances(since: datetime, until: datetime, deadline: float) -> Iterable[Remittance]`
        Remittances made in that time, oldest first, each as it stands now and with its items. Raise when you
        cannot tell. The same time is asked about again until they are over.
    """

    manifest: ClassVar[Manifest]

    @classmethod
    def build(cls, settings: Mapping[str, Any], environment: Environment) -> Provider:
        """Make the provider from settings that `settings_schema` accepted. Called once in each process; no I/O. Raise
        `ConfigurationError` when they cannot work: the service does not start, and shows its text, so no secret in
        it."""
        ...

    def check(self, deadline: float) -> Health:
        """Can it work now? Moves no money. Whatever is wrong is told by `Health(ok=False)`; it is read as not well,
        too, when it raises or answers too late."""
        ...

    def execute(self, order: Order, reference: str | None) -> Outcome:
        """The one call that may move money. `reference` is what `prepare` made, None for one-step providers. Every
        state of an outcome can be its answer; NOT_SENT only where the request certainly had no effect."""
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
