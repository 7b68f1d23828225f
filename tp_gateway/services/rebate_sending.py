"""Sends a rebate claim under its reference, as often as it takes to know, and writes down what became of it. Commit,
call, commit: the reference is durable before anything is sent, and of all repeats under it at most one has an effect.

What is known to be pendable is not sent again without a person's decision; time lets it go. A lodged one that is due is
being taken back: that was asked for, and how it ended is not known.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway import observability
from tp_gateway.contract import RebateFact, RebateOrder, RebateState
from tp_gateway.crypto import Vault
from tp_gateway.database import Database, StoreUnavailable, rows_changed
from tp_gateway.models import RebateClaim, table
from tp_gateway.registry import Registry
from tp_gateway.services import history
from tp_gateway.services.background import Background
from tp_gateway.services.clock import Clock, next_look
from tp_gateway.services.facts import PaymentFacts, RebateFacts
from tp_gateway.services.one_by_one import one_by_one
from tp_gateway.services.practice_settings import PracticeSettingsStore
from tp_gateway.services.reading import present
from tp_gateway.services.rebate_reading import one
from tp_gateway.timing import Timing

R = table(RebateClaim)
_UNDECIDED = (RebateState.SUBMITTING, RebateState.UNKNOWN)
log = observability.logger(__name__)


class RebateSending:
    def __init__(
        self,
        database: Database,
        registry: Registry,
        vault: Vault,
        timing: Timing,
        background: Background,
        settings: PracticeSettingsStore,
        clock: Clock,
    ) -> None:
        self._database, self._registry, self._vault, self._timing = database, registry, vault, timing
        self._background, self._settings, self._clock = background, settings, clock

    def order(self, claim: RebateFacts, payment: PaymentFacts, **more: Any) -> RebateOrder:
        paid_at, zone = payment.settled_at or payment.created_at, self._settings.zone(payment.zone_name)
        return RebateOrder(
            id=claim.uuid,
            amount=claim.amount,
            currency=claim.currency,
            paid_on=paid_at.astimezone(zone).date(),
            time_zone=zone,
            deadline=time.monotonic() + self._timing.execute,
            parameters=claim.parameters,
            state=claim.provider_state,
            service=self._background.service(payment.appointment_id),
            **more,
        )

    def send(self, claim: RebateFacts, actor: str, *, repeated: bool = False) -> RebateFacts:
        """Send one that is ours (its epoch says so). Returns it as it stands. StoreUnavailable never: it is then
        told as `unknown`, and the sweep finishes."""
        payment = present(self._database, self._vault, claim.payment_id)
        order = self.order(claim, payment, repeated=repeated)
        fact = self._registry.by_slug(claim.provider).lodge_rebate(order, claim.reference)
        return self.settle(claim, fact, actor)

    def take_back(self, claim: RebateFacts, actor: str) -> tuple[RebateFacts, RebateFact]:
        """Have one deleted that is ours and lodged. Returns it as it stands, and what the provider said; where that is
        unclear it stays lodged and due, and the sweep asks again."""
        order = self.order(claim, present(self._database, self._vault, claim.payment_id), repeated=True)
        fact = self._registry.by_slug(claim.provider).delete_rebate(order, claim.reference)
        return self.settle(claim, fact, actor), fact

    def settle(self, claim: RebateFacts, fact: RebateFact, actor: str) -> RebateFacts:
        """Write down what came out, if the claim is still ours."""
        try:
            with self._database.transaction() as session:
                self.apply(session, claim, fact, actor)
                return one(session, self._vault, claim.id)
        except StoreUnavailable:
            log.warning("rebate_not_written", rebate_id=claim.id)
            return claim

    def apply(self, session: orm.Session, claim: RebateFacts, fact: RebateFact, actor: str) -> bool:
        """False if somebody else has taken it over."""
        now = self._clock()
        unclear = claim.state == RebateState.LODGED and fact.state is RebateState.UNKNOWN
        values: dict[str, Any] = {
            "state": claim.state if unclear else str(fact.state),
            "code": fact.code[:200],
            "decide_before": fact.decide_before,
            "next_check_at": self._next_check(claim, fact, now),
            "updated_at": now,
        }
        if fact.state is RebateState.LODGED and claim.lodged_at is None:
            values["lodged_at"] = now
        if fact.provider_state is not None:
            values["provider_state_sealed"] = self._vault.seal_json(dict(fact.provider_state))
        ours = (R.c.id == claim.id, R.c.epoch == claim.epoch, R.c.state == claim.state)
        if rows_changed(session, sa.update(R).where(*ours).values(values)) != 1:
            return False
        if fact.state not in (claim.state, RebateState.UNKNOWN):
            log.info("rebate_moved", rebate_id=claim.id, was=claim.state, state=str(fact.state), actor=actor)
            data = {"rebate_id": claim.id, "payment_id": claim.payment_id, "patient_id": claim.patient_id}
            history.queue(session, f"claim.{fact.state}", claim.payment_id, data, now)
        return True

    def take(self, rebate_id: int, *conditions: Any, **values: Any) -> RebateFacts | None:
        """Become the only one who works on it: raise its epoch, and set `values`. None: somebody else has it, or it is
        not as the `conditions` want it."""
        now = self._clock()
        lease = {
            "epoch": R.c.epoch + 1,
            "checks": R.c.checks + 1,
            "next_check_at": now + timedelta(seconds=self._timing.lease),
            **values,
        }
        with self._database.transaction() as session:
            if rows_changed(session, sa.update(R).where(R.c.id == rebate_id, *conditions).values(lease)) != 1:
                return None
            return one(session, self._vault, rebate_id)

    def sweep(self, limit: int = 25) -> int:
        """Finish what is due: ask again what is undecided, let go what was pendable for too long. Several sweeps at
        once are safe."""
        slugs = [provider.slug for provider in self._registry if provider.manifest.capabilities.rebates]
        due = sa.select(R.c.id).where(R.c.next_check_at <= self._clock(), R.c.provider.in_(slugs))
        with self._database.read() as session:
            ids = session.execute(due.order_by(R.c.next_check_at).limit(limit)).scalars().all()
        return one_by_one("rebates", ids, self._sweep_one).done

    def _sweep_one(self, rebate_id: int) -> int:
        claim = self.take(rebate_id, R.c.next_check_at <= self._clock())
        if claim is None:
            return 0
        if claim.state in _UNDECIDED:
            self.send(claim, "sweep", repeated=True)
        elif claim.state == RebateState.LODGED:
            self.take_back(claim, "sweep")
        else:
            self.settle(claim, RebateFact(RebateState.REJECTED, code="expired"), "sweep")
        return 1

    def _next_check(self, claim: RebateFacts, fact: RebateFact, now: datetime) -> datetime | None:
        if fact.state is RebateState.PENDABLE:
            return fact.decide_before
        if fact.state in _UNDECIDED and not fact.final:
            return next_look(self._timing, now, claim.checks)
        return None
