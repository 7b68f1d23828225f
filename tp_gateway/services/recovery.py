"""Finds out what became of open payments, and finishes or closes them. It never starts a charge: a patient who saw an
error must not be charged minutes later. Where a repeat can have no second effect (`Capabilities.resumable`) it
finishes what was cut off, and carries out what the customer has approved meanwhile.

Two questions decide which entrance is right: may I take the payment over (`sweep`, `resolve`, `close_waiting` do, and
nobody else drives it then), or do I only bring news while somebody else may be driving it (`look`)?
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway.contract import Flow, Label, Outcome, OutcomeState, Reason
from tp_gateway.crypto import Vault
from tp_gateway.database import Database, rows_changed
from tp_gateway.models import Payment, table
from tp_gateway.models.states import PaymentState as S
from tp_gateway.registry import Registry
from tp_gateway.services.charge import Charge, Drive
from tp_gateway.services.clock import Clock
from tp_gateway.services.facts import PaymentFacts
from tp_gateway.services.one_by_one import one_by_one
from tp_gateway.services.reading import PAYMENTS, present, standing, to_payment
from tp_gateway.timing import Timing

P = table(Payment)
_NOBODY_DRIVES = (S.AWAITING_CUSTOMER, S.PROCESSING, S.UNKNOWN, S.AUTHORIZED)


class Recovery:
    def __init__(
        self,
        database: Database,
        registry: Registry,
        vault: Vault,
        timing: Timing,
        charge: Charge,
        calls_per_second: float,
        clock: Clock,
    ) -> None:
        self._database, self._registry, self._vault, self._timing = database, registry, vault, timing
        self._charge, self._clock = charge, clock
        self._pause = 1 / calls_per_second

    def sweep(self, limit: int = 25) -> int:
        """Look at payments that are due, oldest first. Returns how many were looked at. Several sweeps at once are
        safe."""
        now = self._clock()
        due = sa.select(P.c.id).where(P.c.next_check_at <= now, self._is_enabled())
        with self._database.read() as session:
            ids = session.execute(due.order_by(P.c.next_check_at).limit(limit)).scalars().all()
        return one_by_one("sweep", ids, self._sweep_one).done

    def resolve(self, payment: PaymentFacts, drive: Drive) -> PaymentFacts:
        """Take one open payment over, if nobody else is at it, and find out. With somebody waiting for the answer
        (`drive.render`) one that was abandoned before anything was sent is driven on. Returns it as it stands."""
        taken = self._take(payment.id)
        if taken is None:
            return present(self._database, self._vault, payment.id)
        if taken.state == S.CREATED and drive.render is not None:
            return self._charge.drive(taken, self._charge.payer(taken), drive)
        return self._find_out(taken, drive)

    def look(self, payment: PaymentFacts, actor: str) -> PaymentFacts:
        """Ask the provider and apply what it says, without taking the payment from whoever drives it. Also for one that
        is final: refunds made outside, late success. What has to be closed, and what was
        approved, is for whoever may take it."""
        if self._registry.find(payment.provider) is None or (payment.is_open and payment.reference is None):
            return payment
        outcome, began = self._charge.look(payment)
        after = self.apply(payment, outcome, began, actor)
        if after.state in _NOBODY_DRIVES and (self._must_close(after, outcome) or self._is_approved(after, outcome)):
            taken = self._take(payment.id, at_once=True)
            after = (
                self._find_out(taken, Drive(actor))
                if taken is not None
                else present(self._database, self._vault, payment.id)
            )
        return after

    def apply(self, payment: PaymentFacts, outcome: Outcome, began: datetime, actor: str) -> PaymentFacts:
        """Settle what a look has shown, whoever drives the payment."""
        return self._charge.settle(payment, outcome, began, Drive(actor), fenced=False)

    def close_waiting(self, payment: PaymentFacts, actor: str, reason: Reason) -> PaymentFacts:
        """Close a payment that waits for its customer. If the customer was faster, it comes back succeeded; if it
        cannot be closed, open."""
        taken = self._take(payment.id, at_once=True)
        if taken is None or taken.state != S.AWAITING_CUSTOMER:
            return present(self._database, self._vault, payment.id)
        return self._close(taken, Outcome(OutcomeState.DECLINED, reason=reason), Drive(actor))

    def _sweep_one(self, payment_id: int) -> int:
        taken = self._take(payment_id)
        if taken is None:
            return 0
        self._find_out(taken, Drive("sweep"))
        time.sleep(self._pause)
        return 1

    def _take(self, payment_id: int, *, at_once: bool = False) -> PaymentFacts | None:
        """Become the only one who drives this payment: raise its epoch and push the others' turn away. `at_once` takes
        one that nobody drives even before it is due. One whose provider was switched off stays as it is."""
        now = self._clock()
        free = P.c.next_check_at <= now
        if at_once:
            free = sa.or_(free, P.c.state.in_(_NOBODY_DRIVES))
        lease = {
            "epoch": P.c.epoch + 1,
            "checks": P.c.checks + 1,
            "next_check_at": now + timedelta(seconds=self._timing.lease),
        }
        with self._database.transaction() as session:
            if (
                rows_changed(session, sa.update(P).where(P.c.id == payment_id, free, self._is_enabled()).values(lease))
                != 1
            ):
                return None
            return standing(session, self._vault, payment_id).payment

    def _is_enabled(self) -> sa.ColumnElement[bool]:
        return P.c.provider.in_([provider.slug for provider in self._registry])

    def _find_out(self, payment: PaymentFacts, drive: Drive) -> PaymentFacts:
        if payment.state == S.CREATED:
            # Nothing that can move money was sent, and nobody is working on it any more.
            return self._charge.settle(payment, _nothing_there("abandoned"), self._clock(), drive)
        outcome, began = self._charge.look(payment)
        if payment.is_open and self._must_close(payment, outcome):
            return self._close(payment, outcome, drive)
        if self._may_resume(payment, outcome):
            return self._charge.carry_out(payment, self._charge.payer(payment), drive, repeated=True)
        if self._certainly_absent(payment, outcome):
            outcome = _nothing_there("absent")
        return self._charge.settle(payment, outcome, began, drive)

    def _must_close(self, payment: PaymentFacts, outcome: Outcome) -> bool:
        chargeable = outcome.state in (OutcomeState.DECLINED, OutcomeState.NOT_SENT) and not outcome.closed
        if chargeable and outcome.reference is not None:
            return True
        approved, is_late = self._is_approved(payment, outcome), payment.expires_at <= self._clock()
        if approved and payment.payable_due == 0:
            return True  # paid another way meanwhile: nothing is taken for it that was not taken yet
        waits = payment.state == S.AWAITING_CUSTOMER and outcome.state is OutcomeState.NEEDS_ACTION
        return (waits or approved) and is_late

    def _may_resume(self, payment: PaymentFacts, outcome: Outcome) -> bool:
        """What was cut off before it was there, and what its customer has approved."""
        cut_off = payment.state in (S.SUBMITTING, S.UNKNOWN) and self._is_not_there(payment, outcome)
        return cut_off or self._is_approved(payment, outcome)

    def _is_approved(self, payment: PaymentFacts, outcome: Outcome) -> bool:
        """It waited for its customer before it could be carried out, and waits no longer. In the flow of a browser it
        is the browser that finishes it."""
        waits = payment.state == S.AWAITING_CUSTOMER and payment.flow != Flow.BROWSER
        return waits and self._is_not_there(payment, outcome)

    def _is_not_there(self, payment: PaymentFacts, outcome: Outcome) -> bool:
        resumable = self._registry.by_slug(payment.provider).manifest.capabilities.resumable
        return resumable and payment.reference is not None and outcome.reason is Reason.NO_SUCH_OBJECT

    def _certainly_absent(self, payment: PaymentFacts, outcome: Outcome) -> bool:
        """A one-step payment that the provider does not know, after the time in which a late request could still reach
        it: nothing was sent, and nothing is sent any more."""
        if payment.reference is not None or outcome.reason is not Reason.NO_SUCH_OBJECT:
            return False
        horizon = self._registry.by_slug(payment.provider).manifest.capabilities.repeat_horizon
        return self._clock() - payment.created_at > timedelta(seconds=max(horizon, self._timing.lease))

    def _close(self, payment: PaymentFacts, outcome: Outcome, drive: Drive) -> PaymentFacts:
        began = self._clock()
        waits = outcome.state is OutcomeState.NEEDS_ACTION or self._is_approved(payment, outcome)
        reason = Reason.EXPIRED if waits else outcome.reason or Reason.EXPIRED
        closed = self._charge.close(payment, replace(outcome, reason=reason))
        return self._charge.settle(payment, closed, began, drive)


def _nothing_there(why: str) -> Outcome:
    return Outcome(OutcomeState.DECLINED, closed=True, reason=Reason.EXPIRED, provider_code=why)


def match_payment(
    session: orm.Session, vault: Vault, slug: str, reference: str | None, labels: Mapping[str, str]
) -> PaymentFacts | None:
    """The payment that a provider's object belongs to: by its reference, else by our own id on it."""
    by_reference = sa.and_(P.c.provider == slug, P.c.reference == reference) if reference else sa.false()
    row = session.execute(PAYMENTS.where(by_reference)).first()
    uuid = labels.get(Label.PAYMENT)
    if row is None and uuid:
        row = session.execute(PAYMENTS.where(P.c.provider == slug, P.c.uuid == uuid)).first()
    return to_payment(row, vault) if row else None
