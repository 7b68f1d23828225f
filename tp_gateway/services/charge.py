"""One charge after it was opened: prepare, store the reference (T2), execute, make sure, settle (T3).

Commit, call, commit: no transaction is open while the provider is called. A time-out is not a failure: what is
unclear is looked up, and `failed` is said only when the provider's object is closed.
"""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import orm
from sqlalchemy.exc import IntegrityError

from tp_gateway import observability
from tp_gateway.contract import Earlier, Flow, Label, Order, Outcome, OutcomeState, Payer, Prepared, Reason
from tp_gateway.crypto import Vault
from tp_gateway.database import Database, StoreUnavailable
from tp_gateway.models import Payment, table
from tp_gateway.models.states import PaymentState as S
from tp_gateway.registry import GuardedProvider, Registry
from tp_gateway.services import history
from tp_gateway.services.background import Background
from tp_gateway.services.clock import Clock, next_look
from tp_gateway.services.facts import Key, PaymentFacts, RenderPayment
from tp_gateway.services.idempotency import Idempotency
from tp_gateway.services.payers import find_payer, forget_payer, remember_payer
from tp_gateway.services.payment_methods import keep_method
from tp_gateway.services.practice_settings import PracticeSettingsStore
from tp_gateway.services.reading import CHANGE_PAYMENT, present
from tp_gateway.services.settlement import Finding, Settlement
from tp_gateway.timing import Timing

P = table(Payment)
_CLEAR = (OutcomeState.SUCCEEDED, OutcomeState.AUTHORIZED, OutcomeState.PENDING, OutcomeState.NEEDS_ACTION)
_NOTHING_HAPPENED = (Reason.BUSY, Reason.UNREACHABLE, Reason.UNCLEAR, Reason.NO_SUCH_PAYER)
_NOT_PREPARED = Outcome(OutcomeState.DECLINED, closed=True, reason=Reason.UNCLEAR, provider_code="name_of_another")
log = observability.logger(__name__)


@dataclass(frozen=True, slots=True)
class Drive:
    """For whom a payment is driven: the history's `actor`, and how the caller is answered, if there is one."""

    actor: str
    key: Key | None = None
    render: RenderPayment | None = None


class Charge:
    def __init__(
        self,
        database: Database,
        registry: Registry,
        vault: Vault,
        timing: Timing,
        settlement: Settlement,
        idempotency: Idempotency,
        background: Background,
        environment: str,
        settings: PracticeSettingsStore,
        clock: Clock,
    ) -> None:
        self._database, self._registry, self._vault, self._timing = database, registry, vault, timing
        self._settlement, self._idempotency, self._background = settlement, idempotency, background
        self._environment, self._settings, self._clock = environment, settings, clock

    # --- the live request -----------------------------------------------------------------------------------------

    def drive(self, payment: PaymentFacts, payer: Payer | None, drive: Drive) -> PaymentFacts:
        """From `created` to as far as it gets within the request's time. Returns the payment as it stands."""
        provider = self._registry.by_slug(payment.provider)
        began = self._clock()
        prepared = self._prepare(provider, payment, payer)
        if isinstance(prepared, Outcome):
            # Preparing moves no money, so whatever went wrong the payment can end here. A forgotten object is closed
            # by the reverse sweep.
            never_existed = replace(
                prepared, state=OutcomeState.DECLINED, closed=True, reason=prepared.reason or Reason.UNCLEAR
            )
            return self.settle(payment, never_existed, began, drive)
        if prepared is not None and prepared.payer and (payer is None or payer.reference is None):
            with self._database.transaction() as session:
                remember_payer(session, payment.provider, payment.patient_id, prepared.payer)
        try:
            ours = self._store_reference(payment, prepared, drive)
        except IntegrityError:  # the name of another payment's object: nothing of this payment's is behind it
            log.error("prepared_for_another_payment", payment_id=payment.id, provider=payment.provider)
            return self.settle(payment, _NOT_PREPARED, began, drive)
        if ours is None:
            return present(self._database, self._vault, payment.id)
        if payment.flow == Flow.BROWSER:
            return ours
        return self.carry_out(ours, payer, drive)

    def carry_out(
        self, payment: PaymentFacts, payer: Payer | None, drive: Drive, *, repeated: bool = False
    ) -> PaymentFacts:
        """Execute what is `submitting`, make sure, settle. `repeated`: it may have been executed before, by a process
        that died; only for a provider that is `resumable`."""
        provider, began = self._registry.by_slug(payment.provider), self._clock()
        order = self.order(payment, payer, self._timing.execute, repeated=repeated)
        outcome = self._make_sure(provider, payment, order, self._execute(provider, payment, order))
        return self.settle(payment, outcome, began, drive)

    def _prepare(
        self, provider: GuardedProvider, payment: PaymentFacts, payer: Payer | None
    ) -> Prepared | Outcome | None:
        """Up to three tries with the same key: the provider makes one object however often it is asked."""
        if not provider.manifest.capabilities.two_step:
            return None
        order = self.order(payment, payer, self._timing.prepare)
        for attempt in range(3):
            answer = provider.prepare(order)
            if isinstance(answer, Prepared) or answer.state not in (OutcomeState.NOT_SENT, OutcomeState.UNKNOWN):
                return answer
            if attempt == 2 or order.seconds_left() < 1 or answer.provider_code in ("circuit_open", "lanes_full"):
                return answer
            time.sleep(random.uniform(0.05, 0.25))  # noqa: S311 - spreads retries
        return answer

    def _store_reference(self, payment: PaymentFacts, prepared: Prepared | None, drive: Drive) -> PaymentFacts | None:
        """T2. From here on money may move. None: somebody else took the payment over, so nothing may be sent."""
        waits = payment.flow == Flow.BROWSER
        target, now = (S.AWAITING_CUSTOMER if waits else S.SUBMITTING), self._clock()
        due = next_look(self._timing, now, 0) if waits else now + timedelta(seconds=self._timing.lease)
        values: dict[str, Any] = {"updated_at": now, "next_check_at": due}
        values |= history.payment_move(payment.provider, S.CREATED, target, actor=drive.actor)
        after: dict[str, Any] = {"state": str(target), "next_check_at": due}
        if prepared is not None:
            action = dict(prepared.action) if waits else {}
            values |= {"reference": prepared.reference, "action_sealed": self._vault.seal_json(action)}
            after |= {"reference": prepared.reference, "action": action}
            if prepared.state is not None:
                values["provider_state_sealed"] = self._vault.seal_json(dict(prepared.state))
                after["provider_state"] = dict(prepared.state)
        ours = {"payment": payment.id, "held": payment.epoch, "was": str(S.CREATED)}
        return replace(payment, **after) if self._database.change(CHANGE_PAYMENT, values | ours) == 1 else None

    def _execute(self, provider: GuardedProvider, payment: PaymentFacts, order: Order) -> Outcome:
        outcome = provider.execute(order, payment.reference)
        if outcome.state is OutcomeState.NOT_SENT and outcome.reason is Reason.BUSY and order.seconds_left() > 2:
            # Certainly without effect, so one more try with the same key is safe.
            time.sleep(random.uniform(0.1, 0.5))  # noqa: S311 - spreads retries
            outcome = provider.execute(order, payment.reference)
        return outcome

    def _make_sure(self, provider: GuardedProvider, payment: PaymentFacts, order: Order, outcome: Outcome) -> Outcome:
        """P2': an unclear answer is looked up, and what cannot be charged any more is closed before it may be called
        failed."""
        capabilities = provider.manifest.capabilities
        if outcome.state in _CLEAR or outcome.closed:
            return outcome
        if outcome.state is OutcomeState.NOT_SENT and not capabilities.two_step:
            return replace(outcome, state=OutcomeState.DECLINED, closed=True)  # nothing was sent, so nothing exists
        fresh = replace(order, deadline=time.monotonic() + self._timing.fetch)
        if outcome.state is OutcomeState.UNKNOWN and capabilities.fetch:
            found = provider.fetch(fresh, payment.reference)
            if found.state in _CLEAR or found.closed or found.state is OutcomeState.UNKNOWN:
                return found
            outcome = replace(found, reason=found.reason or outcome.reason)
        if outcome.state is OutcomeState.UNKNOWN or not capabilities.two_step or payment.reference is None:
            return outcome
        return close(provider, fresh, payment.reference, outcome)

    # --- shared with recovery, confirm and the inbox --------------------------------------------------------------

    def order(self, payment: PaymentFacts, payer: Payer | None, seconds: float, *, repeated: bool = False) -> Order:
        """What the provider is told about the payment: opaque ids, amount, currency; the service only if it screens."""
        service, earlier = None, tuple[Earlier, ...]()
        zone = self._settings.zone(payment.zone_name)
        if self._registry.by_slug(payment.provider).manifest.capabilities.screens:
            service = self._background.service(payment.appointment_id)
            earlier = self._background.earlier(payment.provider, payment.patient_id, payment.uuid)
        labels: Mapping[str, str] = {
            Label.ENVIRONMENT: self._environment,
            Label.PAYMENT: payment.uuid,
            Label.PAYABLE: payment.payable_uuid,
        }
        return Order(
            id=payment.uuid,
            flow=Flow(payment.flow),
            amount=payment.amount,
            currency=payment.currency,
            idempotency_key=payment.uuid,
            deadline=time.monotonic() + seconds,
            parameters=payment.parameters or {},
            payer=payer,
            method_reference=payment.method_reference,
            save_method=payment.save_method,
            manual_capture=payment.manual_capture,
            labels=labels,
            state=payment.provider_state,
            number=payment.id,
            made_on=payment.created_at.astimezone(zone).date(),
            time_zone=zone,
            due_on=payment.invoice.due_date if payment.invoice else None,
            service=service,
            earlier=earlier,
            repeated=repeated,
        )

    def look(self, payment: PaymentFacts) -> tuple[Outcome, datetime]:
        """Ask the provider for the truth. Returns it with the moment at which the look began."""
        provider, began = self._registry.by_slug(payment.provider), self._clock()
        if provider.manifest.capabilities.local:
            return provider.execute(self.order(payment, None, self._timing.fetch), payment.reference), began
        if not provider.manifest.capabilities.fetch:
            return Outcome(OutcomeState.UNKNOWN, reason=Reason.UNCLEAR), began
        return provider.fetch(self.order(payment, None, self._timing.fetch), payment.reference), began

    def close(self, payment: PaymentFacts, declined: Outcome) -> Outcome:
        """Make sure that the payment's reference can never move money. Keeps why it was declined. What a one-step
        provider has once accepted cannot be closed by us: it stays open until the provider says how it ended."""
        provider = self._registry.by_slug(payment.provider)
        if provider.manifest.capabilities.local:
            return replace(declined, state=OutcomeState.DECLINED, closed=True)  # a promise: nobody has to be told
        if not provider.manifest.capabilities.two_step or payment.reference is None:
            return Outcome(OutcomeState.UNKNOWN, reason=Reason.UNCLEAR)
        return close(provider, self.order(payment, None, self._timing.fetch), payment.reference, declined)

    def settle(
        self, payment: PaymentFacts, outcome: Outcome, began: datetime, drive: Drive, *, fenced: bool = True
    ) -> PaymentFacts:
        """T3. If the store does not answer, money may have moved and nothing is known to be written: the caller is
        told `pending`, and the sweep finishes."""
        finding = Finding(outcome, drive.actor, began, payment.epoch if fenced else None)
        for attempt in (1, 2):
            try:
                with self._database.transaction() as session:
                    after = self._settlement.apply(session, payment, finding)
                    # Only news: a later look must not bring back what was removed or forgotten since.
                    if payment.is_open:
                        remember_payer(session, payment.provider, payment.patient_id, outcome.payer)
                    if outcome.saved_method is not None and payment.is_open and after.state == S.SUCCEEDED:
                        keep_method(session, payment.provider, payment.patient_id, outcome.saved_method, self._clock())
                    if outcome.reason is Reason.NO_SUCH_PAYER:
                        forget_payer(session, payment.provider, payment.patient_id)
                    self._keep_answer(session, after, drive)
                return after
            except IntegrityError:  # another payment took the same name just now: seen by a second look
                if attempt == 2:
                    raise
            except StoreUnavailable:
                log.warning("settlement_not_written", payment_id=payment.id, attempt=attempt)
        return replace(payment, state=str(S.UNKNOWN))

    def close_orphan(self, provider: GuardedProvider, reference: str) -> None:
        """Close an object of ours at the provider that no payment here knows."""
        no_payment = Order("", Flow.DIRECT, 0, "", "", deadline=time.monotonic() + self._timing.fetch)
        outcome = provider.close(no_payment, reference)
        log.warning("orphan_closed", provider=provider.slug, reference=reference, closed=outcome.closed)

    def _keep_answer(self, session: orm.Session, payment: PaymentFacts, drive: Drive) -> None:
        """Store the final answer of a request with a key; where nothing happened the key is free for another try."""
        if drive.key is None or drive.render is None or payment.is_open:
            return
        if payment.state == S.FAILED and payment.reason in _NOTHING_HAPPENED:
            self._idempotency.release(session, drive.key, payment.id)
        else:
            self._idempotency.finish(session, drive.key, payment.id, drive.render(payment), self._clock())

    def payer(self, payment: PaymentFacts) -> Payer | None:
        with self._database.read() as session:
            return find_payer(session, payment.provider, payment.patient_id)


def close(provider: GuardedProvider, order: Order, reference: str, declined: Outcome) -> Outcome:
    closed = provider.close(order, reference)
    if closed.state is OutcomeState.DECLINED and closed.closed:
        return replace(
            closed,
            reason=declined.reason or closed.reason,
            provider_code=declined.provider_code or closed.provider_code,
        )
    return closed
