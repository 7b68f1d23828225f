"""The only writer of what a provider says about a dispute: under the payable's lock, as often as it is told, in any
order. It never calls a provider."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway import money, observability
from tp_gateway.contract import DisputeFact, Label
from tp_gateway.contract import DisputeStatus as Status
from tp_gateway.crypto import Vault
from tp_gateway.database import InsertOnce
from tp_gateway.models import Dispute, Payment, table
from tp_gateway.services import bookkeeping, history
from tp_gateway.services.clock import Clock
from tp_gateway.services.dispute_books import DisputeBooking
from tp_gateway.services.dispute_reading import one_dispute
from tp_gateway.services.facts import DisputeFacts, PaymentFacts
from tp_gateway.services.reading import Standing, standing
from tp_gateway.services.recovery import match_payment
from tp_gateway.timing import Timing

D, P = table(Dispute), table(Payment)
_DISPUTE = InsertOnce(D, ["provider", "reference"])
CLOSED = (Status.WON, Status.LOST, Status.WARNING_CLOSED, Status.PREVENTED)
_TOPICS = {Status.WON: "dispute.won", Status.LOST: "dispute.lost"}
_EVERY = timedelta(hours=6)
"""How often an open dispute is looked at without having heard of it."""
log = observability.logger(__name__)


class DisputeSettlement:
    def __init__(self, vault: Vault, timing: Timing, environment: str, clock: Clock) -> None:
        self._vault, self._timing, self._environment, self._clock = vault, timing, environment, clock

    def apply(self, session: orm.Session, slug: str, fact: DisputeFact, began: datetime) -> DisputeFacts | None:
        """Bring the dispute to what the provider says. Returns it as it stands; None for one of another
        installation. A look that `began` before the one that was applied last changes nothing."""
        found = match_payment(session, self._vault, slug, fact.payment_reference, fact.labels)
        if found is None and fact.labels.get(Label.ENVIRONMENT, self._environment) != self._environment:
            return None
        # Locks are taken in the same order everywhere: payable and payment, then what belongs to them.
        known = _known_payment(session, slug, fact.reference)
        payment_id = known or (found.id if found else None)
        before = standing(session, self._vault, payment_id, lock=True) if payment_id is not None else None
        now = self._clock()
        row, new = self._row(session, slug, fact, before, began, now)
        if not new and row.observed_at > began:
            return one_dispute(session, row.id)
        actor = f"provider:{slug}"
        values: dict[str, Any] = {
            "status": str(fact.status),
            "amount": fact.amount,
            "reason": fact.reason,
            "refundable": fact.refundable,
            "evidence_due_by": fact.evidence_due_by,
            "payment_reference": fact.payment_reference or row.payment_reference,
            "observed_at": began,
            "updated_at": now,
            "closed_at": (row.closed_at or now) if fact.status in CLOSED else None,
        }
        problem = _problem(before, found, fact)
        if before is not None:
            values["payment_id"] = before.payment.id
            session.execute(sa.update(P).where(P.c.id == before.payment.id, ~P.c.disputed).values(disputed=True))
            if not problem:
                values |= self._book(session, before, row.id, fact, actor, now)
        values |= {"needs_review": bool(problem), "review_note": problem}
        values["next_check_at"] = self._next_check(before, fact, values, now)
        session.execute(sa.update(D).where(D.c.id == row.id).values(values))
        after = one_dispute(session, row.id)
        self._tell(session, after, None if new else row.status, now)
        if problem and (new or not row.needs_review):
            observability.REVIEWS.labels(slug).inc()
            log.error("dispute_needs_review", dispute_id=after.id, provider=slug, problem=problem)
        return after

    def _row(
        self,
        session: orm.Session,
        slug: str,
        fact: DisputeFact,
        before: Standing | None,
        began: datetime,
        now: datetime,
    ) -> tuple[Any, bool]:
        """The row, locked, and whether it is new: two that hear of it at once make one."""
        values = {
            "provider": slug,
            "reference": fact.reference,
            "payment_id": before.payment.id if before else None,
            "amount": fact.amount,
            "currency": fact.currency,
            "status": str(fact.status),
            "needs_review": before is None,
            "observed_at": began,
            "opened_at": fact.opened_at,
            "created_at": now,
            "updated_at": now,
        }
        new = bool(_DISPUTE.new(session, values))
        same = sa.select(D).where(D.c.provider == slug, D.c.reference == fact.reference).with_for_update()
        return session.execute(same).one(), new

    def _book(
        self, session: orm.Session, before: Standing, dispute_id: int, fact: DisputeFact, actor: str, now: datetime
    ) -> Mapping[str, int]:
        booking = DisputeBooking(session, before, actor, now, dispute_id, fact.reference)
        paid = booking.take_back_loss() if fact.status is not Status.LOST and booking.balance().written_off else 0
        for movement in fact.movements:
            booking.moved(movement)
        if fact.status is Status.LOST:
            booking.lose()
        if paid:
            bookkeeping.update_invoice_status(session, before, paid, now)
        balance = booking.balance()
        return {"withdrawn": balance.withdrawn, "fee": balance.fee, "reopened": balance.reopened}

    def _next_check(
        self, before: Standing | None, fact: DisputeFact, values: Mapping[str, Any], now: datetime
    ) -> datetime | None:
        """Until it is decided and its money is where it belongs."""
        if before is None and Label.ENVIRONMENT in fact.labels:
            return now + timedelta(seconds=self._timing.reverse_sweep_interval)  # which may yet adopt the payment
        withdrawn = values.get("withdrawn", 0)
        settled = fact.status in CLOSED and (fact.status is Status.LOST or withdrawn == 0)
        return None if settled else now + _EVERY

    def _tell(self, session: orm.Session, after: DisputeFacts, status_before: str | None, now: datetime) -> None:
        """`dispute.opened` once, then each change; opened and decided before we heard of it is both."""
        if status_before is None:
            tell(session, "dispute.opened", after, now)
        if status_before == after.status or (status_before is None and after.status not in CLOSED):
            return
        closed = "dispute.closed" if after.status in CLOSED else "dispute.updated"
        tell(session, _TOPICS.get(Status(after.status), closed), after, now)


def tell(session: orm.Session, topic: str, dispute: DisputeFacts, at: datetime) -> None:
    """Queue a fact for staff: opaque ids and amounts."""
    shown = asdict(dispute)
    data = {name: shown[name] for name in ("payment_id", "appointment_id", "invoice_id", "patient_id", "reason")}
    due = dispute.evidence_due_by
    data |= {
        "dispute_id": dispute.id,
        "status": dispute.status,
        "amount": money.to_decimal_text(dispute.amount, dispute.currency),
        "currency": dispute.currency,
        "evidence_due_by": due.strftime("%Y-%m-%dT%H:%M:%SZ") if due else None,
        "needs_review": dispute.needs_review,
    }
    history.queue(session, topic, dispute.payment_id, data, at)
    log.warning(topic.replace(".", "_"), dispute_id=dispute.id, payment_id=dispute.payment_id, status=dispute.status)


def _known_payment(session: orm.Session, slug: str, reference: str) -> int | None:
    """The payment that the dispute was found to be about before."""
    query = sa.select(D.c.payment_id).where(D.c.provider == slug, D.c.reference == reference)
    known: int | None = session.execute(query).scalar()
    return known


def _problem(before: Standing | None, found: PaymentFacts | None, fact: DisputeFact) -> str:
    """Why a person must look: nothing is booked then."""
    if before is None:
        return "no payment here is known to be the one that is disputed"
    if fact.currency != before.payment.currency:
        return f"disputed in {fact.currency}, paid in {before.payment.currency}"
    if found is not None and found.id != before.payment.id:
        return f"said to be about payment {found.id} now: a dispute is about one payment for ever"
    withdrawn = -sum(movement.amount for movement in fact.movements)
    if not 0 <= withdrawn <= before.payment.captured:
        return f"{withdrawn} minor units were taken back in all, {before.payment.captured} were paid"
    return ""
