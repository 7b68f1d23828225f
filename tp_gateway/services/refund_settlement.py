"""The only writer of refunds: orders one, and brings one to what the provider says. Runs under the payable's lock,
calls no provider."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway import observability
from tp_gateway.contract import RefundFact
from tp_gateway.contract import RefundState as FactState
from tp_gateway.crypto import Vault
from tp_gateway.models import Payment, Refund, Transition, table
from tp_gateway.models.states import OPEN_REFUND_STATES, REFUND_TRANSITIONS, PaymentState
from tp_gateway.models.states import RefundState as R
from tp_gateway.services import bookkeeping, history
from tp_gateway.services.clock import Clock, next_look
from tp_gateway.services.facts import PaymentFacts, RefundFacts
from tp_gateway.services.one_name import is_of_another_refund, is_refund_of_another_payment
from tp_gateway.services.reading import REFUNDS, Standing, standing, to_refund
from tp_gateway.timing import Timing

T, P, H = table(Refund), table(Payment), table(Transition)
log = observability.logger(__name__)


class RefundSettlement:
    def __init__(self, vault: Vault, timing: Timing, clock: Clock) -> None:
        self._vault, self._timing, self._clock = vault, timing, clock

    def order(
        self,
        session: orm.Session,
        payment: PaymentFacts,
        amount: int,
        *,
        actor: str,
        reason: str,
        at: datetime,
        reopen: bool = False,
        wait: float = 0,
        account: Mapping[str, str] | None = None,
    ) -> RefundFacts:
        """Reserve a refund of `amount` minor units, to the customer's bank `account` (the fields of `PayoutAccount`)
        where its provider needs one. The sweep sends it after `wait` seconds unless the caller has done so."""
        sealed = self._vault.seal_json(dict(account)) if account else None
        due = at + timedelta(seconds=wait)
        return self._insert(session, payment, amount, R.CREATED, actor, reason, at, reopen, due, sealed)

    def sync(self, session: orm.Session, payment_id: int, facts: Sequence[RefundFact], actor: str) -> PaymentFacts:
        """Bring every refund of the payment to what the provider lists, also those made in its dashboard. Returns the
        payment after it."""
        # What failed first: a refund that was made again would otherwise be counted beside the one that it replaces.
        for fact in sorted(facts, key=lambda fact: fact.state is not FactState.FAILED):
            now_standing = standing(session, self._vault, payment_id, lock=True)
            if is_refund_of_another_payment(session, now_standing.payment, fact.reference):
                log.error("refund_listed_for_another_payment", payment_id=payment_id, reference=fact.reference)
                continue
            refund = self._find(session, now_standing.payment, fact)
            payment = now_standing.payment
            gives = fact.amount if refund is None else refund.amount
            settles = fact.state is not FactState.FAILED and (refund is None or refund.state != R.SUCCEEDED)
            if settles and payment.refunded + gives > payment.captured:
                # Nobody can give back more than came: the rest of what was said is true all the same.
                names = {"payment_id": payment_id, "reference": fact.reference, "amount": gives}
                log.error("refund_listed_beyond_what_was_paid", **names)
                continue
            if refund is None:
                refund = self._adopt(session, now_standing.payment, fact, actor)
            self.settle(session, now_standing, refund, R(str(fact.state)), fact.reference, actor, fact.provider_code)
        return standing(session, self._vault, payment_id).payment

    def settle(
        self,
        session: orm.Session,
        before: Standing,
        refund: RefundFacts,
        target: R,
        reference: str | None,
        actor: str,
        provider_code: str = "",
    ) -> RefundFacts:
        """Move one refund and book it: when it succeeded, and the other way round when it failed afterwards."""
        now = self._clock()
        if is_of_another_refund(session, refund, reference):
            log.error("refund_named_as_another", refund_id=refund.id, reference=reference)
            target, reference = R.UNKNOWN, None
        same = refund.state == target
        if not same and (R(refund.state), target) not in REFUND_TRANSITIONS:
            return refund
        after = replace(refund, state=str(target), reference=reference or refund.reference, provider_code=provider_code)
        look_again = next_look(self._timing, now, refund.checks if same else 0)
        values: dict[str, Any] = {
            "reference": after.reference,
            "provider_code": provider_code[:200],
            "updated_at": now,
            "next_check_at": look_again if target in OPEN_REFUND_STATES else None,
        }
        if not same:
            reason = provider_code or refund.reason
            values |= history.refund_move(refund.provider, refund.state, target, actor=actor, reason=reason)
        session.execute(sa.update(T).where(T.c.id == refund.id).values(values))
        if same:
            return after
        evidence = self._evidence(session, after)
        booking = bookkeeping.Booking(session, before, actor, now)
        if target is R.SUCCEEDED:
            self._money_moved(session, before, after, booking.refund(after, evidence), after.amount, actor, now)
        elif target is R.FAILED and refund.state == R.SUCCEEDED:
            self._money_moved(
                session, before, after, booking.refund_reversal(after, evidence), -after.amount, actor, now
            )
        if target in (R.SUCCEEDED, R.FAILED):
            payment = standing(session, self._vault, before.payment.id).payment
            history.tell(session, f"refund.{target}", payment, now, refund_id=after.id, refund_amount=after.amount)
        return after

    def _evidence(self, session: orm.Session, refund: RefundFacts) -> str:
        """What keys the ledger: the provider's id of the refund, numbered should it succeed a second time."""
        times = sa.select(sa.func.count()).where(H.c.refund_id == refund.id, H.c.to_state == R.SUCCEEDED)
        succeeded = session.execute(times).scalar_one()
        reference = refund.reference or refund.uuid
        return reference if succeeded < 2 else f"{reference}#{succeeded}"

    def _money_moved(
        self,
        session: orm.Session,
        before: Standing,
        refund: RefundFacts,
        paid_delta: int,
        amount: int,
        actor: str,
        now: datetime,
    ) -> None:
        payment = before.payment
        refunded = payment.refunded + amount
        state = PaymentState.REFUNDED if refunded == payment.captured else PaymentState.SUCCEEDED
        values: dict[str, Any] = {"refunded": refunded, "updated_at": now}
        if state != payment.state:
            reason = f"refund {refund.id}"
            values |= history.payment_move(payment.provider, payment.state, state, actor=actor, reason=reason)
        session.execute(sa.update(P).where(P.c.id == payment.id).values(values))
        nothing_due = before.payable_paid + paid_delta >= before.payable_amount
        all_back = nothing_due and bookkeeping.everything_went_back(session, payment.payable_id)
        bookkeeping.update_invoice_status(session, before, paid_delta, now, refunded_all=all_back)

    def _find(self, session: orm.Session, payment: PaymentFacts, fact: RefundFact) -> RefundFacts | None:
        ours = T.c.reference == fact.reference
        if fact.our_id:
            ours = sa.or_(ours, T.c.uuid == fact.our_id)
        row = session.execute(REFUNDS.where(T.c.payment_id == payment.id, ours)).first()
        return to_refund(row) if row else None

    def _adopt(self, session: orm.Session, payment: PaymentFacts, fact: RefundFact, actor: str) -> RefundFacts:
        """A refund that we did not order: made at the provider by somebody."""
        made = "made at the provider"
        return self._insert(session, payment, fact.amount, R.PENDING, actor, made, self._clock(), fact.reopen, None)

    def _insert(
        self,
        session: orm.Session,
        payment: PaymentFacts,
        amount: int,
        state: R,
        actor: str,
        reason: str,
        at: datetime,
        reopen: bool,
        next_check_at: datetime | None,
        account_sealed: str | None = None,
    ) -> RefundFacts:
        values = {
            "uuid": str(uuid4()),
            "payment_id": payment.id,
            "provider": payment.provider,
            "reference": None,
            "amount": amount,
            "currency": payment.currency,
            "state": str(state),
            "epoch": 1,
            "checks": 0,
            "first_sent_at": None,
            "reopen": reopen,
            "reason": reason,
            "provider_code": "",
            "created_by": actor,
            "created_at": at,
        }
        more: dict[str, Any] = {"updated_at": at, "next_check_at": next_check_at, "account_sealed": account_sealed}
        more |= history.refund_move(payment.provider, None, state, actor=actor, reason=reason)
        new_id = session.execute(sa.insert(T).returning(T.c.id), values | more).scalar_one()
        return RefundFacts(id=new_id, **values)  # type: ignore[arg-type]
