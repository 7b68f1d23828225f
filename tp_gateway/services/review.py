"""What only a person can find out, or decide: evidence for a payment whose provider reads it (a portal, a letter, a
signed consent), and the end of a payment that needs review. What it means is settled like everything else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import orm

from tp_gateway.contract import Outcome, OutcomeState, Prepared, Reason, Veto
from tp_gateway.crypto import Vault
from tp_gateway.database import Database, rows_changed
from tp_gateway.errors import GatewayError
from tp_gateway.identity import Identity
from tp_gateway.models.states import PaymentState as S
from tp_gateway.registry import GuardedProvider, Registry, refusal
from tp_gateway.services import bookkeeping, history
from tp_gateway.services.charge import Charge, Drive
from tp_gateway.services.clock import Clock
from tp_gateway.services.facts import Answer, Key, PaymentFacts, RenderPayment
from tp_gateway.services.idempotency import Idempotency, Repeat, in_progress
from tp_gateway.services.reading import CHANGE_PAYMENT, Standing, present, standing
from tp_gateway.services.settlement import Finding, Settlement
from tp_gateway.timing import Timing


class Review:
    def __init__(
        self,
        database: Database,
        registry: Registry,
        vault: Vault,
        timing: Timing,
        charge: Charge,
        settlement: Settlement,
        idempotency: Idempotency,
        clock: Clock,
    ) -> None:
        self._database, self._registry, self._vault, self._timing = database, registry, vault, timing
        self._charge, self._settlement, self._idempotency = charge, settlement, idempotency
        self._clock = clock

    def record(
        self, who: Identity, payment_id: int, evidence: Mapping[str, Any], render: RenderPayment, key: Key | None
    ) -> Answer:
        """Staff say what they found out, in the words of the provider's `evidence_schema`. Where it is what the payment
        waited for, the payment is now carried out.

        GatewayError: NotFound, ValidationError, `not_payable` (this provider reads no evidence, or it cannot be),
        `payment_in_progress` (it is being worked on just now).
        """
        payment = present(self._database, self._vault, payment_id)
        if key is not None:
            with self._database.transaction() as session:
                repeat = self._idempotency.begun(session, key)
                if repeat is not None:
                    return self._repeat(session, repeat, payment, render, key)
        provider = self._provider(payment)
        schema = provider.manifest.evidence_schema
        if schema is None or payment.reference is None:
            raise GatewayError("not_payable", "Nothing can be recorded for this payment", payment_id=payment_id)
        said, began = provider.validated("evidence_schema", schema, evidence), self._clock()
        if payment.state == S.SUBMITTING:
            raise _busy(payment)
        order = self._charge.order(payment, None, self._timing.fetch)
        meaning = provider.read_evidence(order, payment.reference, said)
        if isinstance(meaning, Veto):
            raise refusal(meaning)
        drive = Drive(who.actor, key, render)
        with self._database.transaction() as session:
            before = standing(session, self._vault, payment_id, lock=True)
            repeat = self._idempotency.claim(session, key, began)
            if repeat is not None:
                return self._repeat(session, repeat, before.payment, render, key)
            if (before.payment.epoch, before.payment.state) != (payment.epoch, payment.state):
                raise _busy(payment)
            self._idempotency.attach(session, key, payment_id=payment_id)
            if isinstance(meaning, Prepared):
                payment = self._submit(session, before.payment, meaning, who)
            else:
                finding = Finding(meaning, who.actor, began)
                answer = render(self._settlement.apply(session, before.payment, finding))
                self._idempotency.finish(session, key, payment_id, answer, self._clock())
        if isinstance(meaning, Outcome):
            return answer
        with provider.place(wait=True):
            return render(self._charge.carry_out(payment, None, drive))

    def decide(
        self, who: Identity, payment_id: int, accept: bool, note: str, render: RenderPayment, key: Key | None
    ) -> Answer:
        """End the review of a payment. Accepted: what waits in suspense is the payment's own. Not accepted: the payment
        has failed, and what waits stays in suspense, to be given back at the provider.

        GatewayError: NotFound; `not_payable` unless it needs review, or where the decision is not possible;
        `payment_in_progress` where the provider could still take the money.
        """
        if not accept:
            self._make_sure_it_is_over(present(self._database, self._vault, payment_id))
        with self._database.transaction() as session:
            before = standing(session, self._vault, payment_id, lock=True)
            repeat = self._idempotency.claim(session, key, self._clock())
            if repeat is not None:
                return self._repeat(session, repeat, before.payment, render, key)
            if not before.payment.needs_review:
                raise GatewayError("not_payable", "This payment needs no review", payment_id=payment_id)
            self._idempotency.attach(session, key, payment_id=payment_id)
            booking = bookkeeping.Booking(session, before, who.actor, self._clock())
            after = self._accept(booking, before, note) if accept else self._fail(booking, before.payment, note)
            answer = render(after)
            self._idempotency.finish(session, key, payment_id, answer, self._clock())
        return answer

    def _accept(self, booking: bookkeeping.Booking, before: Standing, note: str) -> PaymentFacts:
        payment = before.payment
        if payment.captured:  # the money is booked as it was asked; only the flag was left
            return self._change(booking, payment, S(payment.state), note)
        amount, evidence = booking.suspended()
        if not amount:
            text = f"Nothing in {payment.currency} waits in suspense for this payment"
            raise GatewayError("not_payable", text, payment_id=payment.id)
        booking.release_suspense()
        sole = self._provider(payment).manifest.sole_payer
        paid, _ = (booking.sole_charge if sole else booking.charge)(amount, evidence)
        bookkeeping.update_invoice_status(booking.session, before, paid, booking.at)
        settled = {"captured": amount, "evidence": evidence, "settled_at": booking.at}
        return self._change(booking, payment, S.SUCCEEDED, note, settled)

    def _fail(self, booking: bookkeeping.Booking, payment: PaymentFacts, note: str) -> PaymentFacts:
        if payment.captured:
            raise GatewayError("not_payable", "The money of this payment is booked: refund it", payment_id=payment.id)
        return self._change(booking, payment, S.FAILED, note, {"reason": "rejected"})

    def _change(
        self,
        booking: bookkeeping.Booking,
        payment: PaymentFacts,
        target: S,
        note: str,
        facts: Mapping[str, Any] | None = None,
    ) -> PaymentFacts:
        """A person has the last word: the epoch is raised, so that no look that is on its way undoes it."""
        changes: dict[str, Any] = {**(facts or {}), "needs_review": False, "next_check_at": None}
        changes |= {"epoch": payment.epoch + 1, "observed_at": booking.at}
        move = {"review_note": note, "updated_at": booking.at, "action_sealed": None}
        if target != payment.state:
            why = f"review: {note}" if note else "review"
            move |= history.payment_move(payment.provider, payment.state, target, actor=booking.actor, reason=why)
        unchanged = {"payment": payment.id, "held": payment.epoch, "was": payment.state}
        if rows_changed(booking.session, CHANGE_PAYMENT, {**changes, **move, **unchanged}) != 1:
            raise RuntimeError("a locked payment changed under its lock")
        after = replace(payment, **changes, state=str(target), action={})
        if target != payment.state:
            history.tell(booking.session, f"payment.{target}", after, booking.at)
        return standing(booking.session, self._vault, payment.id).payment

    def _submit(self, session: orm.Session, payment: PaymentFacts, ready: Prepared, who: Identity) -> PaymentFacts:
        """As T2: from here on it may be carried out, by us alone."""
        if payment.state != S.AWAITING_CUSTOMER:
            raise GatewayError("not_payable", "This payment does not wait for anything", payment_id=payment.id)
        now = self._clock()
        lease = now + timedelta(seconds=self._timing.lease)
        state = dict(ready.state or payment.provider_state)
        values: dict[str, Any] = {"epoch": payment.epoch + 1, "next_check_at": lease, "updated_at": now}
        values |= {"action_sealed": None, "provider_state_sealed": self._vault.seal_json(state)}
        values |= history.payment_move(
            payment.provider, payment.state, S.SUBMITTING, actor=who.actor, reason="what it waited for is there"
        )
        unchanged = {"payment": payment.id, "held": payment.epoch, "was": payment.state}
        if rows_changed(session, CHANGE_PAYMENT, values | unchanged) != 1:
            raise RuntimeError("a locked payment changed under its lock")
        after: dict[str, Any] = {"epoch": payment.epoch + 1, "next_check_at": lease, "state": str(S.SUBMITTING)}
        return replace(payment, **after, action={}, provider_state=state)

    def _make_sure_it_is_over(self, payment: PaymentFacts) -> None:
        """Nobody may say failed of what can still be charged."""
        if not (payment.needs_review and payment.is_open and payment.reference):
            return
        capabilities = self._provider(payment).manifest.capabilities
        if capabilities.local or not capabilities.two_step:
            return
        outcome = self._charge.close(payment, Outcome(OutcomeState.DECLINED, reason=Reason.REJECTED))
        gone = outcome.closed or outcome.reason is Reason.NO_SUCH_OBJECT
        if not gone and outcome.state is not OutcomeState.SUCCEEDED:
            raise _busy(payment)

    def _provider(self, payment: PaymentFacts) -> GuardedProvider:
        provider = self._registry.find(payment.provider)
        if provider is None:
            raise GatewayError("not_payable", "The provider of this payment is switched off", payment_id=payment.id)
        return provider

    def _repeat(
        self, session: orm.Session, repeat: Repeat, payment: PaymentFacts, render: RenderPayment, key: Key | None
    ) -> Answer:
        """The same key again: the stored answer, or what it has come to."""
        if repeat.answer is not None:
            return repeat.answer
        if payment.state == S.SUBMITTING:
            raise in_progress()
        answer = render(payment)
        if not payment.is_open:
            self._idempotency.finish(session, key, payment.id, answer, self._clock())
        return Answer(answer.status, answer.text, replayed=True)


def _busy(payment: PaymentFacts) -> GatewayError:
    text = f"Payment {payment.id} is being worked on. Please look again in a moment"
    return GatewayError("payment_in_progress", text, payment_id=payment.id, retry_after=5)
