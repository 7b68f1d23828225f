"""Payments as callers see them: pay, start in the browser, confirm, cancel, look up. Decides what another open
payment means; the steps of a charge are in `charge`."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from tp_gateway.contract import Outcome, OutcomeState, Reason
from tp_gateway.crypto import Vault
from tp_gateway.database import Database
from tp_gateway.errors import GatewayError, NotFound
from tp_gateway.identity import Identity
from tp_gateway.models import Payment, table
from tp_gateway.models.states import OPEN_STATES
from tp_gateway.models.states import PaymentState as S
from tp_gateway.registry import GuardedProvider, Registry, refusal
from tp_gateway.services.charge import Charge, Drive
from tp_gateway.services.clock import Clock
from tp_gateway.services.facts import Answer, Key, PaymentFacts, RenderPayment, Wanted
from tp_gateway.services.idempotency import Idempotency, in_progress
from tp_gateway.services.opening import Blocked, Joined, Opened, Opening, Repeated
from tp_gateway.services.reading import PAYMENTS, present, to_payment
from tp_gateway.services.recovery import Recovery

P = table(Payment)
_STATES = {"pending": OPEN_STATES, "succeeded": (S.SUCCEEDED,), "failed": (S.FAILED,), "refunded": (S.REFUNDED,)}
_NO_PLACE = Outcome(OutcomeState.DECLINED, closed=True, reason=Reason.BUSY, provider_code="lanes_full")
_MOST_IN_THE_WAY = 10
_REPEATABLE = ("service_unavailable", "not_payable", "already_paid")


class Payments:
    def __init__(
        self,
        database: Database,
        registry: Registry,
        vault: Vault,
        opening: Opening,
        charge: Charge,
        recovery: Recovery,
        idempotency: Idempotency,
        clock: Clock,
    ) -> None:
        self._database, self._registry, self._vault = database, registry, vault
        self._opening, self._charge, self._recovery = opening, charge, recovery
        self._idempotency, self._clock = idempotency, clock

    def pay(self, who: Identity, wanted: Wanted, render: RenderPayment, key: Key | None) -> Answer:
        """Take a payment. The answer is `render(payment)` for whatever became of it, or the stored answer of a
        repeat.

        GatewayError: everything that refuses before money could move (see `opening`), `payment_in_progress`,
        `already_paid`.
        """
        provider = self._registry.for_method(wanted.method)
        parameters = provider.parameters(wanted.parameters or {})
        try:
            provider.require_available()
            opened = self._open(who, wanted, provider, parameters, key)
            closed = set[int]()
            while isinstance(opened, Blocked) and opened.payment.id not in closed and len(closed) < _MOST_IN_THE_WAY:
                # An abandoned attempt that stands in the way is closed, which makes room for this one.
                self._make_way(opened.payment, who)
                closed.add(opened.payment.id)
                opened = self._open(who, wanted, provider, parameters, key)
        except GatewayError as error:
            # A repeat of what is finished needs no provider, nor that the same could still be paid today.
            stored = self.stored(key) if error.code in _REPEATABLE else None
            if stored is None:
                raise
            return stored
        if isinstance(opened, Repeated):
            return self._repeat(opened, who, render, key)
        if isinstance(opened, Opened):
            return render(self._drive(provider, opened, Drive(who.actor, key, render)))
        if isinstance(opened, Joined):
            return render(opened.payment)
        raise self._blocked(opened.payment)

    def stored(self, key: Key | None) -> Answer | None:
        """The answer to a repeat of what is finished: it needs no provider, and is no new payment."""
        if key is None:
            return None
        with self._database.read() as session:
            return self._idempotency.stored(session, key)

    def confirm(
        self, who: Identity, slug: str, reference: str, appointment_id: int | None, render: RenderPayment
    ) -> Answer:
        """The browser says it is done; the provider is asked. NotFound unless it is the caller's; `payment_mismatch`
        if it is for another appointment."""
        with self._database.read() as session:
            row = session.execute(PAYMENTS.where(P.c.provider == slug, P.c.reference == reference)).first()
            payment = to_payment(row, self._vault) if row else None
        if payment is None or payment.patient_id != who.user_id:
            raise NotFound
        if appointment_id is not None and payment.appointment_id != appointment_id:
            raise GatewayError("payment_mismatch", "This payment is for another appointment")
        if payment.is_open:
            with self._place(payment) as taken:
                payment = self._recovery.look(payment, who.actor) if taken else payment
        return render(payment)

    def cancel(self, who: Identity, payment_id: int) -> PaymentFacts:
        """Close a payment that waits for its customer. `payment_in_progress` while money may be moving, `not_payable`
        once it is over."""
        payment = self._visible(who, payment_id)
        if payment.state != S.AWAITING_CUSTOMER:
            raise self._blocked(payment) if payment.is_open else GatewayError("not_payable", "This payment is finished")
        return self._close(payment, who, "The payment went through before it could be cancelled")

    def get(self, who: Identity, payment_id: int) -> PaymentFacts:
        """The payment; an open one that is due for a look is looked at first, unless its provider hangs or is down.
        NotFound unless the caller may see it."""
        payment = self._visible(who, payment_id)
        if self._is_due(payment):
            with self._place(payment) as taken:
                payment = self._recovery.resolve(payment, Drive(who.actor)) if taken else payment
        return payment

    def list(
        self,
        who: Identity,
        *,
        patient_id: int | None = None,
        invoice_id: int | None = None,
        appointment_id: int | None = None,
        status: str | None = None,
        method: str | None = None,
        limit: int = 50,
        before_id: int | None = None,
    ) -> list[PaymentFacts]:
        """Newest first; patients see their own. `status` is one of the four public words."""
        wanted: Mapping[Any, Any] = {
            P.c.patient_id: patient_id if who.is_staff else who.user_id,
            P.c.invoice_id: invoice_id,
            P.c.appointment_id: appointment_id,
            P.c.method: method,
        }
        query = PAYMENTS.where(*(column == value for column, value in wanted.items() if value is not None))
        if not who.is_staff and patient_id not in (None, who.user_id):
            return []
        if status is not None:
            query = query.where(P.c.state.in_(_STATES[status]))
        if before_id is not None:
            query = query.where(P.c.id < before_id)
        with self._database.read() as session:
            return [to_payment(row, self._vault) for row in session.execute(query.order_by(P.c.id.desc()).limit(limit))]

    def _open(
        self, who: Identity, wanted: Wanted, provider: GuardedProvider, parameters: Mapping[str, Any], key: Key | None
    ) -> Opened | Joined | Repeated | Blocked:
        if self._registry.has_policies() or provider.manifest.capabilities.screens:
            self._ask_policies(who, wanted, provider, parameters, key)
        with self._database.transaction() as session:
            return self._opening.open(session, who, wanted, provider.manifest, parameters, key)

    def _ask_policies(
        self, who: Identity, wanted: Wanted, provider: GuardedProvider, parameters: Mapping[str, Any], key: Key | None
    ) -> None:
        """Show the policies, and a provider that screens, the payment that would be opened, with no transaction open.
        What may not be paid anyway is refused first."""
        try:
            with self._database.transaction() as session:
                raise _Rehearsal(self._opening.open(session, who, wanted, provider.manifest, parameters, key))
        except _Rehearsal as rehearsal:
            draft = rehearsal.result
        if not isinstance(draft, Opened):
            return
        order = self._charge.order(draft.payment, None, 0)
        self._registry.before_submit(order, wanted.method)
        if provider.manifest.capabilities.screens:
            veto = provider.screen(order)
            if veto is not None:
                raise refusal(veto)

    def _repeat(self, repeated: Repeated, who: Identity, render: RenderPayment, key: Key | None) -> Answer:
        """The same key again: the stored answer, or what the payment that it started has come to."""
        if repeated.answer is not None:
            return repeated.answer
        payment = repeated.payment
        if payment is None:
            raise in_progress()
        if self._is_due(payment):
            payment = self._recovery.resolve(payment, Drive(who.actor, key, render))
        elif payment.state in (S.CREATED, S.SUBMITTING):
            raise in_progress()
        answer = render(payment)
        if not payment.is_open:
            # It was settled by somebody else (a webhook, the sweep); from now on this is the answer.
            with self._database.transaction() as session:
                self._idempotency.finish(session, key, payment.id, answer, self._clock())
        return Answer(answer.status, answer.text, replayed=True)

    def _is_due(self, payment: PaymentFacts) -> bool:
        """Is it open, with nobody working on it?"""
        due = payment.next_check_at is not None and payment.next_check_at <= self._clock()
        return payment.is_open and due

    def _drive(self, provider: GuardedProvider, opened: Opened, drive: Drive) -> PaymentFacts:
        """Where others were faster since the provider had room, the payment ends before anything was sent."""
        with provider.place(wait=True) as taken:
            if taken:
                return self._charge.drive(opened.payment, opened.payer, drive)
            return self._charge.settle(opened.payment, _NO_PLACE, self._clock(), drive)

    def _place(self, payment: PaymentFacts) -> AbstractContextManager[bool]:
        """At the payment's provider, for asking about it; False where it was switched off."""
        provider = self._registry.find(payment.provider)
        return nullcontext(False) if provider is None else provider.place()

    def _make_way(self, payment: PaymentFacts, who: Identity) -> None:
        """An attempt that waits for its customer gives way to a new one, once it can never be charged. Anything else
        is in progress."""
        if payment.state != S.AWAITING_CUSTOMER:
            raise self._blocked(payment)
        self._close(payment, who, "This was paid a moment ago")

    def _close(self, payment: PaymentFacts, who: Identity, went_through: str) -> PaymentFacts:
        """Close what waits for its customer. `payment_in_progress` if it cannot be closed just now, `already_paid` if
        the customer was faster."""
        if self._registry.find(payment.provider) is None:
            raise self._blocked(payment)  # its provider was switched off
        with self._place(payment) as taken:
            if not taken:
                raise GatewayError("service_unavailable", payment_id=payment.id)
            closed = self._recovery.close_waiting(payment, who.actor, Reason.CANCELED)
        if closed.is_open:
            raise self._blocked(closed)
        if closed.state != S.FAILED:
            raise GatewayError("already_paid", went_through, payment_id=closed.id)
        return closed

    def _blocked(self, payment: PaymentFacts) -> GatewayError:
        text = f"Payment {payment.id} for this is still in progress. Please do not pay again"
        provider = self._registry.find(payment.provider)
        if provider is not None and provider.manifest.sole_payer:
            text += f": {provider.manifest.display_name} must be the only payment for a service"
        return GatewayError("payment_in_progress", text, payment_id=payment.id, retry_after=5)

    def _visible(self, who: Identity, payment_id: int) -> PaymentFacts:
        payment = present(self._database, self._vault, payment_id)
        if not who.is_staff and payment.patient_id != who.user_id:
            raise NotFound
        return payment


class _Rehearsal(Exception):
    """Carries what opening would have done out of its transaction, which is thereby rolled back."""

    def __init__(self, result: Opened | Joined | Repeated | Blocked) -> None:
        super().__init__()
        self.result = result
