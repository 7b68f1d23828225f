"""A part of a line becomes the money of a payment: written down as a match, and settled like everything that is found
out, under the payable's lock. Used by the import and by staff alike."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway import money
from tp_gateway.contract import Outcome, OutcomeState
from tp_gateway.models import LedgerEntry, StatementMatch, table
from tp_gateway.models.states import MatchLayer
from tp_gateway.services import history
from tp_gateway.services.facts import PaymentFacts
from tp_gateway.services.settlement import Finding, Settlement

M, E = table(StatementMatch), table(LedgerEntry)

IMPORT = "import"
"""The history's actor for what an import settles by itself."""


class AlreadyBooked(Exception):
    """The books have this very line as the payment's money already."""


def next_evidence(session: orm.Session, line_id: int, fingerprint: str) -> str:
    """What keys the ledger for the line's next match: its fingerprint, numbered from the second match on. Called under
    the line's lock."""
    before = session.execute(sa.select(sa.func.count()).where(M.c.line_id == line_id)).scalar_one()
    return fingerprint if not before else f"{fingerprint}/{before + 1}"


def evidences(session: orm.Session, line_id: int, fingerprint: str) -> dict[int, str]:
    """Match id -> its evidence, in the order in which they were made."""
    ids = session.execute(sa.select(M.c.id).where(M.c.line_id == line_id).order_by(M.c.id)).scalars()
    return {one: fingerprint if not before else f"{fingerprint}/{before + 1}" for before, one in enumerate(ids)}


class StatementBooking:
    def __init__(self, settlement: Settlement) -> None:
        self._settlement = settlement

    def settle(
        self,
        session: orm.Session,
        payment: PaymentFacts,
        line_id: int,
        fingerprint: str,
        amount: int,
        layer: MatchLayer,
        actor: str,
        at: datetime,
    ) -> PaymentFacts:
        """`amount` minor units of the line are the payment's. Called with both locked; `payment` is as it stands.
        Returns it as it stands afterwards. AlreadyBooked."""
        evidence = next_evidence(session, line_id, fingerprint)
        booked = sa.select(E.c.id).where(E.c.payment_id == payment.id, E.c.evidence == evidence)
        if session.execute(booked.limit(1)).first() is not None:
            raise AlreadyBooked
        values = {"line_id": line_id, "payment_id": payment.id, "amount": amount, "layer": str(layer)}
        session.execute(sa.insert(M), values | {"made_by": actor, "made_at": at})
        captured = payment.captured + amount
        outcome = Outcome(
            OutcomeState.SUCCEEDED,
            payment.reference,
            settled=captured,
            currency=payment.currency,
            evidence=evidence,
            transaction=evidence,
        )
        # A line is not the look of somebody that another one can have overtaken, whatever the clock says.
        began = max(at, payment.observed_at or at)
        after = self._settlement.apply(session, payment, Finding(outcome, actor, began))
        if after.captured != captured:
            raise RuntimeError("a line was not settled as it was matched")
        received = money.to_decimal_text(amount, payment.currency)
        history.tell(session, "payment.received", after, at, amount_received=received, line_id=line_id)
        return after
