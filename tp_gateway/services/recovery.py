"""Finds out what became of open payments, and finishes or closes them. It never starts a charge: a patient who saw an
error must not be charged minutes later.

`sweep` works off the rows that are due; `reverse_sweep` asks the provider for what it has and looks for it here.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway import observability
from tp_gateway.contract import Label, Observation, Outcome, OutcomeState, Reason
from tp_gateway.crypto import Vault
from tp_gateway.database import Database, insert, rows_changed
from tp_gateway.models import Cursor, Payment, table
from tp_gateway.models.states import PaymentState as S
from tp_gateway.registry import GuardedProvider, ProviderFailed, Registry
from tp_gateway.services.adoption import Adoption
from tp_gateway.services.charge import Charge, Drive
from tp_gateway.services.clock import Clock
from tp_gateway.services.facts import PaymentFacts
from tp_gateway.services.reading import PAYMENTS, Standing, standing, to_payment
from tp_gateway.timing import Timing

P, C = table(Payment), table(Cursor)
SWEEP = Drive("sweep")
_ORPHAN_AGE = timedelta(hours=1)
_OVERLAP = timedelta(minutes=15)
log = observability.logger(__name__)


class Recovery:
    def __init__(
        self,
        database: Database,
        registry: Registry,
        vault: Vault,
        timing: Timing,
        charge: Charge,
        adoption: Adoption,
        calls_per_second: float,
        clock: Clock,
    ) -> None:
        self._database, self._registry, self._vault, self._timing = database, registry, vault, timing
        self._charge, self._adoption, self._clock = charge, adoption, clock
        self._pause = 1 / calls_per_second

    # --- the sweep ------------------------------------------------------------------------------------------------

    def sweep(self, limit: int = 25) -> int:
        """Look at payments that are due, oldest first. Returns how many were looked at. Several sweeps at once are
        safe."""
        now = self._clock()
        with self._database.read() as session:
            due = sa.select(P.c.id).where(P.c.next_check_at <= now).order_by(P.c.next_check_at).limit(limit)
            ids = session.execute(due).scalars().all()
        looked = 0
        for payment_id in ids:
            payment = self._take(payment_id)
            if payment is not None:
                looked += 1
                self._find_out(payment, SWEEP)
                time.sleep(self._pause)
        return looked

    def resolve(self, payment: PaymentFacts, actor: str) -> PaymentFacts:
        """Look at one open payment now, if nobody else is at it. Returns it as it stands."""
        taken = self._take(payment.id)
        return self._find_out(taken, Drive(actor)) if taken is not None else self._present(payment)

    def look_now(self, payment: PaymentFacts, actor: str) -> PaymentFacts:
        """Ask the provider about an open payment and apply what it says, without taking it from whoever drives it.
        What has to be closed is closed by whoever may take it."""
        if not payment.is_open or payment.reference is None:
            return payment
        outcome, began = self._charge.look(payment)
        after = self.apply(payment, outcome, began, actor)
        needs_closing = after.is_open and outcome.state is OutcomeState.DECLINED and not outcome.closed
        if needs_closing and after.state != S.SUBMITTING:
            taken = self._take(payment.id, at_once=True)
            after = self._find_out(taken, Drive(actor)) if taken is not None else self._present(payment)
        return after

    def resume(self, payment: PaymentFacts, drive: Drive) -> PaymentFacts:
        """A live request with the same key finds its payment abandoned half-way: drive it on, or find out."""
        taken = self._take(payment.id)
        if taken is None:
            return self._present(payment)
        if taken.state == S.CREATED:
            return self._charge.drive(taken, self._charge.payer(taken), drive)
        return self._find_out(taken, drive)

    def close_waiting(self, payment: PaymentFacts, actor: str, reason: Reason) -> PaymentFacts:
        """Close a payment that waits for its customer. If the customer was faster, it comes back succeeded."""
        taken = self._take(payment.id, at_once=True)
        if taken is None or taken.state != S.AWAITING_CUSTOMER:
            return self._present(payment)
        return self._close(taken, Outcome(OutcomeState.DECLINED, reason=reason), Drive(actor))

    # --- one payment ----------------------------------------------------------------------------------------------

    def _take(self, payment_id: int, *, at_once: bool = False) -> PaymentFacts | None:
        """Become the only one who drives this payment: raise its epoch and push the others' turn away. `at_once`
        takes a payment that waits for its customer even before it is due; nobody is working on such a one."""
        now = self._clock()
        free = P.c.next_check_at <= now
        if at_once:
            free = sa.or_(free, P.c.state.in_((S.AWAITING_CUSTOMER, S.PROCESSING, S.UNKNOWN)))
        lease = {
            "epoch": P.c.epoch + 1,
            "checks": P.c.checks + 1,
            "next_check_at": now + timedelta(seconds=self._timing.lease),
        }
        with self._database.transaction() as session:
            if rows_changed(session, sa.update(P).where(P.c.id == payment_id, free).values(lease)) != 1:
                return None
            return standing(session, self._vault, payment_id).payment

    def _find_out(self, payment: PaymentFacts, drive: Drive) -> PaymentFacts:
        if payment.state == S.CREATED:
            # Nothing that can move money was sent, and nobody is working on it any more.
            abandoned = Outcome(OutcomeState.DECLINED, closed=True, reason=Reason.EXPIRED, provider_code="abandoned")
            return self._charge.settle(payment, abandoned, self._clock(), drive)
        outcome, began = self._charge.look(payment)
        if payment.is_open and self._must_close(payment, outcome):
            return self._close(payment, outcome, drive)
        return self._charge.settle(payment, outcome, began, drive)

    def _must_close(self, payment: PaymentFacts, outcome: Outcome) -> bool:
        if (
            outcome.state in (OutcomeState.DECLINED, OutcomeState.NOT_SENT)
            and not outcome.closed
            and outcome.reference is not None
        ):
            return True
        if payment.state != S.AWAITING_CUSTOMER or outcome.state is not OutcomeState.NEEDS_ACTION:
            return False
        expired = self._clock() - payment.created_at > timedelta(seconds=self._timing.browser_expiry)
        return expired or not self._standing(payment.id).payable_open

    def _close(self, payment: PaymentFacts, outcome: Outcome, drive: Drive) -> PaymentFacts:
        began = self._clock()
        reason = Reason.EXPIRED if outcome.state is OutcomeState.NEEDS_ACTION else outcome.reason or Reason.EXPIRED
        closed = self._charge.close(payment, replace(outcome, reason=reason))
        return self._charge.settle(payment, closed, began, drive)

    def _standing(self, payment_id: int) -> Standing:
        with self._database.read() as session:
            return standing(session, self._vault, payment_id)

    def _present(self, payment: PaymentFacts) -> PaymentFacts:
        return self._standing(payment.id).payment

    # --- the reverse sweep ----------------------------------------------------------------------------------------

    def reverse_sweep(self, *, since: datetime | None = None) -> int:
        """Ask each provider for what it has, once for all processes per interval (or at once, from `since`). Returns
        how many differences were worked on."""
        found = 0
        for provider in self._registry:
            if not provider.manifest.capabilities.list_since:
                continue
            start = since or self._due_from(provider.slug)
            if start is None:
                continue
            began = self._clock()
            try:
                seen = provider.list_since(start, time.monotonic() + max(60.0, self._timing.lease))
            except ProviderFailed:
                log.warning("reverse_sweep_failed", provider=provider.slug)
                if since is not None:
                    raise  # a person asked, and must not be told that there is nothing
                continue
            found += sum(self._compare(provider, observation) for observation in seen)
            self._advance(provider.slug, began)
        return found

    def _compare(self, provider: GuardedProvider, observation: Observation) -> bool:
        payment, evidence = self._match(provider.slug, observation.reference, observation.labels), observation.evidence
        if payment is None:
            return evidence is not None and self._adopt_or_close(provider, observation, evidence)
        if evidence is None:
            self.look_again(payment)
            return True
        moved = evidence.state is OutcomeState.SUCCEEDED and payment.state not in (S.SUCCEEDED, S.REFUNDED)
        refunded = sum(refund.amount for refund in evidence.refunds if refund.state == "succeeded") != payment.refunded
        loose = not payment.is_open and payment.state == S.FAILED and not evidence.closed
        if loose and evidence.state is not OutcomeState.SUCCEEDED and observation.reference is not None:
            # We said failed, and the object could still be charged: close it (an object whose reference we never
            # stored).
            self._charge.close(replace(payment, reference=observation.reference), evidence)
        elif moved or refunded:
            self.look_again(replace(payment, reference=payment.reference or observation.reference))
        return moved or refunded or loose

    def _adopt_or_close(self, provider: GuardedProvider, observation: Observation, evidence: Outcome) -> bool:
        """Nothing here knows this object, though it carries our label (a restored backup, or a crash before T2)."""
        if evidence.state is OutcomeState.SUCCEEDED:
            return self._adoption.adopt(provider, observation, evidence)
        age = self._clock() - (observation.occurred_at or self._clock())
        if evidence.closed or age < _ORPHAN_AGE or observation.reference is None:
            return False
        self._charge.close_orphan(provider, observation.reference)
        return True

    def look_again(self, payment: PaymentFacts) -> PaymentFacts:
        """Ask about a payment that may be final, because something says otherwise: refunds made outside, late
        success."""
        outcome, began = self._charge.look(payment)
        return self.apply(payment, outcome, began, f"provider:{payment.provider}")

    def apply(self, payment: PaymentFacts, outcome: Outcome, began: datetime, actor: str) -> PaymentFacts:
        """Settle what a look has shown, whoever drives the payment."""
        return self._charge.settle(payment, outcome, began, Drive(actor), fenced=False)

    def _match(self, slug: str, reference: str | None, labels: Mapping[str, str]) -> PaymentFacts | None:
        with self._database.read() as session:
            return match_payment(session, self._vault, slug, reference, labels)

    def _due_from(self, slug: str) -> datetime | None:
        """Where to start, if it is our turn: the cursor is pushed on before the work, so that one process does it."""
        now, name = self._clock(), f"reverse_sweep:{slug}"
        following = now + timedelta(seconds=self._timing.reverse_sweep_interval)
        with self._database.transaction() as session:
            first = {"name": name, "position": None, "next_run_at": datetime(2000, 1, 1, tzinfo=UTC)}
            session.execute(insert(session, C).on_conflict_do_nothing(index_elements=["name"]), first)
            mine = sa.update(C).where(C.c.name == name, C.c.next_run_at <= now).values(next_run_at=following)
            if rows_changed(session, mine) != 1:
                return None
            position = session.execute(sa.select(C.c.position).where(C.c.name == name)).scalar_one()
        return (position or now - timedelta(days=30)) - _OVERLAP

    def _advance(self, slug: str, began: datetime) -> None:
        # Objects that were open an hour ago may still have to be closed, so the next run starts early enough to see
        # them again.
        with self._database.transaction() as session:
            where = C.c.name == f"reverse_sweep:{slug}"
            session.execute(sa.update(C).where(where).values(position=began - 2 * _ORPHAN_AGE))


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
