"""Sends a refund that was ordered, once, and finds out what became of it.

Unlike a charge, a refund may be finished by the sweep: a person ordered it and it stays ordered.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway import observability
from tp_gateway.contract import Label, Outcome, OutcomeState, PayoutAccount, RefundFact, RefundOrder
from tp_gateway.crypto import Vault
from tp_gateway.database import Database, StoreUnavailable, rows_changed
from tp_gateway.models import Refund, table
from tp_gateway.models.states import RefundState as R
from tp_gateway.registry import Registry
from tp_gateway.services import history
from tp_gateway.services.charge import Charge
from tp_gateway.services.clock import Clock
from tp_gateway.services.facts import RefundFacts
from tp_gateway.services.one_by_one import one_by_one
from tp_gateway.services.reading import REFUNDS, present, standing, to_refund
from tp_gateway.services.recovery import Recovery
from tp_gateway.services.refund_settlement import RefundSettlement
from tp_gateway.timing import Timing

T = table(Refund)
_TARGETS = {OutcomeState.SUCCEEDED: R.SUCCEEDED, OutcomeState.PENDING: R.PENDING, OutcomeState.DECLINED: R.FAILED}
log = observability.logger(__name__)


class RefundSending:
    def __init__(
        self,
        database: Database,
        registry: Registry,
        vault: Vault,
        timing: Timing,
        settlement: RefundSettlement,
        recovery: Recovery,
        charge: Charge,
        clock: Clock,
    ) -> None:
        self._database, self._registry, self._vault, self._timing = database, registry, vault, timing
        self._settlement, self._recovery, self._charge, self._clock = settlement, recovery, charge, clock

    def send(self, refund: RefundFacts, actor: str) -> RefundFacts:
        """Send one that was just ordered. Returns it as it stands. StoreUnavailable does not say that nothing was
        sent."""
        return self._send(refund, actor, R.CREATED) or self.present(refund.id)

    def present(self, refund_id: int) -> RefundFacts:
        with self._database.read() as session:
            return _one(session, refund_id)

    def sweep(self, limit: int = 50) -> int:
        """Finish refunds that are due. Several sweeps at once are safe."""
        with self._database.read() as session:
            due = sa.select(T.c.id).where(T.c.next_check_at <= self._clock()).order_by(T.c.next_check_at).limit(limit)
            ids = session.execute(due).scalars().all()
        return one_by_one("refunds", ids, self._sweep_one).done

    def _send(self, refund: RefundFacts, actor: str, expected: R) -> RefundFacts | None:
        """Commit that it is being sent, send it, settle. None: somebody else has it."""
        now = self._clock()
        values: dict[str, Any] = {
            "first_sent_at": refund.first_sent_at or now,
            "updated_at": now,
            "next_check_at": now + timedelta(seconds=self._timing.lease),
        }
        if expected is not R.SUBMITTING:
            values |= history.refund_move(refund.provider, expected, R.SUBMITTING, actor=actor)
        ours = (T.c.id == refund.id, T.c.epoch == refund.epoch, T.c.state == expected)
        with self._database.transaction() as session:
            if rows_changed(session, sa.update(T).where(*ours).values(values)) != 1:
                return None
            payment = standing(session, self._vault, refund.payment_id).payment
            sealed = session.execute(sa.select(T.c.account_sealed).where(T.c.id == refund.id)).scalar_one()
        account = PayoutAccount(**self._vault.open_json(sealed)) if sealed else None
        order = RefundOrder(
            id=refund.uuid,
            payment_reference=payment.reference or "",
            amount=refund.amount,
            currency=refund.currency,
            idempotency_key=refund.uuid,
            deadline=time.monotonic() + self._timing.execute,
            labels={Label.REFUND: refund.uuid, Label.PAYMENT: payment.uuid},
            state=payment.provider_state,
            account=account,
        )
        outcome = self._registry.by_slug(refund.provider).refund(order)
        return self._settle(refund, outcome, actor)

    def _settle(self, refund: RefundFacts, outcome: Outcome, actor: str) -> RefundFacts:
        target = _TARGETS.get(outcome.state, R.UNKNOWN)
        if outcome.state is OutcomeState.SUCCEEDED and (outcome.settled, outcome.currency) != (
            refund.amount,
            refund.currency,
        ):
            log.error("refund_settled_otherwise", refund_id=refund.id, settled=outcome.settled)
            target = R.UNKNOWN
        try:
            with self._database.transaction() as session:
                before = standing(session, self._vault, refund.payment_id, lock=True)
                now = _one(session, refund.id)
                reference = outcome.reference if target is not R.UNKNOWN else None
                return self._settlement.settle(session, before, now, target, reference, actor, outcome.provider_code)
        except StoreUnavailable:
            log.warning("refund_not_written", refund_id=refund.id)
            return refund  # it stands as `submitting`; the sweep finds out

    def _take(self, refund_id: int) -> RefundFacts | None:
        now = self._clock()
        lease = {
            "epoch": T.c.epoch + 1,
            "checks": T.c.checks + 1,
            "next_check_at": now + timedelta(seconds=self._timing.lease),
        }
        with self._database.transaction() as session:
            mine = sa.update(T).where(T.c.id == refund_id, T.c.next_check_at <= now).values(lease)
            if rows_changed(session, mine) != 1:
                return None
            return _one(session, refund_id)

    def _sweep_one(self, refund_id: int) -> int:
        refund = self._take(refund_id)
        if refund is not None and self._registry.find(refund.provider) is not None:
            self._find_out(refund)
        return refund is not None

    def _find_out(self, refund: RefundFacts) -> None:
        if refund.state == R.CREATED:
            self._send(refund, "sweep", R.CREATED)
            return
        if self._registry.by_slug(refund.provider).manifest.capabilities.local:
            if refund.state != R.PENDING:  # nobody but us has been told of it, so it is simply done again
                self._send(refund, "sweep", R(refund.state))
            else:
                self._wait_to_be_told(refund)
            return
        payment = present(self._database, self._vault, refund.payment_id)
        outcome, began = self._charge.look(payment)
        if outcome.state is not OutcomeState.SUCCEEDED:
            return  # the provider is silent; asked again after the lease
        self._recovery.apply(payment, outcome, began, "sweep")
        fact = next((fact for fact in outcome.refunds if _is_ours(fact, refund)), None)
        if fact is not None:
            self._settle_fact(refund, fact)
        elif refund.state != R.PENDING and self._may_send_again(refund):
            self._send(refund, "sweep", R(refund.state))
        elif refund.state != R.PENDING:
            self._settle(refund, Outcome(OutcomeState.DECLINED, provider_code="absent"), "sweep")

    def _wait_to_be_told(self, refund: RefundFacts) -> None:
        """There is nobody to ask: staff, or a bank's statement, will say."""
        with self._database.transaction() as session:
            session.execute(sa.update(T).where(T.c.id == refund.id, T.c.state == R.PENDING).values(next_check_at=None))

    def _settle_fact(self, refund: RefundFacts, fact: RefundFact) -> None:
        with self._database.transaction() as session:
            before = standing(session, self._vault, refund.payment_id, lock=True)
            now, target = _one(session, refund.id), R(str(fact.state))
            self._settlement.settle(session, before, now, target, fact.reference, "sweep", fact.provider_code)

    def _may_send_again(self, refund: RefundFacts) -> bool:
        """The provider lists the refunds and ours is not among them: the same key is safe while the provider remembers
        it."""
        horizon = self._registry.by_slug(refund.provider).manifest.capabilities.repeat_horizon
        sent: datetime | None = refund.first_sent_at
        return sent is None or self._clock() - sent < timedelta(seconds=horizon)


def _is_ours(fact: RefundFact, refund: RefundFacts) -> bool:
    return fact.our_id == refund.uuid or (refund.reference is not None and fact.reference == refund.reference)


def _one(session: orm.Session, refund_id: int) -> RefundFacts:
    return to_refund(session.execute(REFUNDS.where(T.c.id == refund_id)).one())
