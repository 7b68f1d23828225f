"""Applies lines that name a payment. By its reference alone, never by amount or name: what is only likely is suggested
to a person. A line is applied by one process, once, by whichever comes first; the worker does it where an import died.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway import money, observability
from tp_gateway.contract import Recognised, Recogniser, StatementLine
from tp_gateway.crypto import Vault
from tp_gateway.database import Database
from tp_gateway.models import Payment, Statement, table
from tp_gateway.models import StatementLine as Line
from tp_gateway.models.states import OPEN_STATES, LineState, MatchLayer, PaymentState, StatementState
from tp_gateway.registry import GuardedProvider, Registry
from tp_gateway.services.clock import Clock
from tp_gateway.services.exclusivity import sole_payment
from tp_gateway.services.facts import PaymentFacts
from tp_gateway.services.one_by_one import one_by_one
from tp_gateway.services.reading import Standing, standing
from tp_gateway.services.statements.booking import IMPORT, AlreadyBooked, StatementBooking
from tp_gateway.services.statements.made_here import MADE_HERE
from tp_gateway.services.statements.reading import LINES
from tp_gateway.services.statements.twins import twin_of
from tp_gateway.timing import Timing

P, L, S = table(Payment), table(Line), table(Statement)

REMEMBERED = timedelta(days=400)
"""So long after it was made a transfer is recognised, whatever became of it: patients pay last year's invoices, and
some invoices twice."""
_PAGE = 200
_IN_WORDS = {
    MatchLayer.REFERENCE: "Its reference {}",
    MatchLayer.TEXT: "The reference {} in its text",
    MatchLayer.REPAIRED: "The reference {}, written with one mistake, and the very amount that is due",
}
log = observability.logger(__name__)


class Matching:
    def __init__(
        self,
        database: Database,
        registry: Registry,
        vault: Vault,
        timing: Timing,
        booking: StatementBooking,
        clock: Clock,
    ) -> None:
        self._database, self._registry, self._vault, self._timing = database, registry, vault, timing
        self._booking, self._clock = booking, clock

    def recogniser(self, provider: GuardedProvider) -> Recogniser:
        """For all payments that money can still come for: open ones, and whatever was made not too long ago."""
        recent = sa.or_(P.c.created_at >= self._clock() - REMEMBERED, P.c.state.in_(OPEN_STATES))
        query = sa.select(P.c.reference).where(P.c.provider == provider.slug, P.c.reference.is_not(None), recent)
        with self._database.read() as session:
            references = session.execute(query.where(P.c.reference.not_like(f"{MADE_HERE}%"))).scalars().all()
        return provider.statements.recogniser(references)

    def work(self) -> int:
        """The worker's round: what imports that died have left. Returns how many lines were applied."""
        still = sa.and_(
            S.c.state == StatementState.IMPORTING,
            S.c.touched_at < self._clock() - timedelta(seconds=self._timing.lease),
        )
        with self._database.read() as session:
            died = session.execute(sa.select(S.c.id).where(still)).scalars().all()
        for statement_id in died:
            with self._database.transaction() as session:
                interrupted = sa.update(S).where(S.c.id == statement_id, still)
                session.execute(interrupted.values(state=str(StatementState.INTERRUPTED)))
        return one_by_one("statements", self._able(), self.apply_new).done

    def apply_new(self, slug: str) -> int:
        """Every line of this provider's statements that is `new`. Returns how many of them are not any more."""
        done, after, recognise = 0, 0, None
        new = LINES.where(L.c.state == LineState.NEW, S.c.provider == slug).order_by(L.c.id).limit(_PAGE)
        while True:
            with self._database.read() as session:
                rows = session.execute(new.where(L.c.id > after)).all()
            if not rows:
                return done
            recognise = recognise or self.recogniser(self._registry.by_slug(slug))
            for row in rows:
                done += self._apply(row, recognise)
            after = rows[-1].id

    def _able(self) -> Collection[str]:
        return [one.slug for one in self._registry if one.manifest.capabilities.statements]

    def _apply(self, row: Any, recognise: Recogniser) -> int:
        """One that cannot be applied is logged and left for the worker's next round."""
        return one_by_one("statements", [row.id], lambda _: self._apply_one(row, recognise(_said(row)))).done

    def _apply_one(self, row: Any, found: Recognised | None) -> bool:
        with self._database.transaction() as session:
            locked = sa.select(L.c.id).where(L.c.id == row.id, L.c.state == LineState.NEW).with_for_update()
            if session.execute(locked).first() is None:
                return False  # another process was faster
            payment_id = self._payment_of(session, row.provider, found)
            if found is None or payment_id is None:
                verdict: dict[str, Any] = {"state": str(LineState.UNMATCHED)}
            else:
                before = standing(session, self._vault, payment_id, lock=True)
                verdict = {**self._decide(session, row, found, before), "payment_id": payment_id}
            session.execute(sa.update(L).where(L.c.id == row.id).values(verdict))
        return True

    def _payment_of(self, session: orm.Session, provider: str, found: Recognised | None) -> int | None:
        reference = found.reference if found else None
        query = sa.select(P.c.id).where(P.c.provider == provider, P.c.reference == reference)
        return session.execute(query).scalar() if found else None

    def _decide(self, session: orm.Session, row: Any, found: Recognised, before: Standing) -> dict[str, Any]:
        """Settle it, or say why not."""
        payment = before.payment
        if payment.currency != row.currency:
            text = f"It came in {row.currency}, and payment {payment.id} is in {payment.currency}"
            return {"state": str(LineState.UNMATCHED), "why": text}
        reason = _why_not(row.amount, found, before)
        if reason:
            return {"state": str(LineState.SUGGESTED), "why": reason}
        sole = sole_payment(session, self._registry, payment.payable_id)
        if sole is not None:
            text = f"It names payment {payment.id}, and payment {sole} is the only one that may be taken for the same"
            return {
                "state": str(LineState.SUGGESTED),
                "why": f"{text}: cancel that one, or match this to the patient's credit",
            }
        twin = twin_of(session, row, payment.id)
        if twin is not None:
            text = f"It may be line {twin} again, in other words: match it if payment {payment.id} was paid twice"
            return {"state": str(LineState.SUGGESTED), "why": text}
        layer = _layer(found)
        try:
            after = self._booking.settle(
                session, payment, row.id, row.fingerprint, row.amount, layer, IMPORT, self._clock()
            )
        except AlreadyBooked:
            return {"state": str(LineState.SUGGESTED), "why": f"The books have it for payment {payment.id} already"}
        why = _IN_WORDS[layer].format(found.repaired or found.reference)
        return {"state": str(LineState.MATCHED), "why": f"{why}{_remarks(before, after)}"}


def _said(row: Any) -> StatementLine:
    names = ("line", "booked_on", "amount", "currency", "description", "account", "balance", "reference", "payer")
    return StatementLine(**{name: getattr(row, name) for name in names}, bank_id=row.bank_id)


def _layer(found: Recognised) -> MatchLayer:
    if found.repaired:
        return MatchLayer.REPAIRED
    return MatchLayer.REFERENCE if found.structured else MatchLayer.TEXT


def _why_not(amount: int, found: Recognised, before: Standing) -> str:
    """Why a person has to decide; "" if nobody has to."""
    payment = before.payment
    if payment.refunded or payment.state == PaymentState.REFUNDED:
        return f"It names payment {payment.id}, of which money was given back"
    if payment.needs_review:
        return f"It names payment {payment.id}, which waits for a decision of its own"
    if found.repaired:
        fits = payment.is_open and amount == payment.amount - payment.captured and amount <= before.due
        if not fits:
            return f"It says {found.repaired}, perhaps {found.reference} of payment {payment.id}, and not what is due"
    return ""


def _remarks(before: Standing, after: PaymentFacts) -> str:
    """What staff may want to know of money that is not just what was asked for."""
    payment, received = before.payment, after.captured - before.payment.captured
    remarks = []
    if payment.state == PaymentState.FAILED:
        remarks.append(f"it came after payment {payment.id} had ended")
    if received > before.due:
        credit = money.to_decimal_text(received - before.due, payment.currency)
        remarks.append(f"{credit} more than was due is the patient's credit")
    elif after.captured < payment.amount:
        remarks.append(f"{money.to_decimal_text(payment.amount - after.captured, payment.currency)} is still to come")
    return "".join(f"; {remark}" for remark in remarks)
