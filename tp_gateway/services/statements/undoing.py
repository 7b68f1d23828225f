"""Staff take a match back: the line was for something else. Nothing is deleted: the ledger gets the entries the other
way round, and the match says who undid it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway import money
from tp_gateway.contract import Outcome, OutcomeState, Reason
from tp_gateway.crypto import Vault
from tp_gateway.database import Database, rows_changed
from tp_gateway.errors import GatewayError
from tp_gateway.identity import Identity
from tp_gateway.models import Refund, StatementLine, StatementMatch, table
from tp_gateway.models.states import LineState, PaymentState
from tp_gateway.models.states import RefundState as R
from tp_gateway.services import bookkeeping, history
from tp_gateway.services.clock import Clock
from tp_gateway.services.reading import CHANGE_PAYMENT, Standing, standing
from tp_gateway.services.settlement import Finding, Settlement
from tp_gateway.services.statements.booking import evidences
from tp_gateway.services.statements.explaining import take_back
from tp_gateway.services.statements.facts import LineFacts
from tp_gateway.services.statements.locking import live_matches, lock_line
from tp_gateway.services.statements.made_here import MADE_HERE
from tp_gateway.services.statements.reading import line_facts

L, M, T = table(StatementLine), table(StatementMatch), table(Refund)


class Undoing:
    def __init__(self, database: Database, vault: Vault, settlement: Settlement, clock: Clock) -> None:
        self._database, self._vault, self._settlement, self._clock = database, vault, settlement, clock

    def unmatch(self, who: Identity, line_id: int) -> LineFacts:
        """Take back what was said of the line, or all that it has paid. A payment that has no other money waits for it
        again, or ends, as its next look finds (`processing` until then); one with money of other lines stays succeeded,
        with less.

        GatewayError: NotFound; `not_payable` if nothing of the line is matched or explained, a payment was refunded
        meanwhile, or refunds were settled by it.
        """
        with self._database.transaction() as session:
            line, now = lock_line(session, line_id), self._clock()
            if line.state == LineState.EXPLAINED:
                take_back(session, line, who)
                return line_facts(session, line.id)
            matches = live_matches(session, line.id)
            if not matches:
                raise GatewayError("not_payable", "Nothing of this line is matched")
            evidence = evidences(session, line.id, line.fingerprint)
            payables = {match.id: standing(session, self._vault, match.payment_id) for match in matches}
            for match in sorted(matches, key=lambda one: (payables[one.id].payment.payable_id, one.payment_id, one.id)):
                self._undo(session, match, evidence[match.id], who.actor, now)
            values = {"state": str(LineState.UNMATCHED), "why": "Un-matched by staff"}
            session.execute(sa.update(L).where(L.c.id == line.id).values(values))
            return line_facts(session, line.id)

    def _undo(self, session: orm.Session, match: Any, evidence: str, actor: str, now: datetime) -> None:
        before = standing(session, self._vault, match.payment_id, lock=True)
        payment = before.payment
        given_back = sa.select(T.c.id).where(T.c.payment_id == payment.id, T.c.state != R.FAILED)
        if session.execute(given_back.limit(1)).first() is not None:
            text = f"Money of payment {payment.id} was given back meanwhile"
            raise GatewayError("not_payable", text, payment_id=payment.id)
        session.execute(sa.update(M).where(M.c.id == match.id).values(undone_by=actor, undone_at=now))
        booking = bookkeeping.Booking(session, before, actor, now)
        delta = booking.take_back(match.amount, evidence)
        bookkeeping.update_invoice_status(session, before, delta, now)
        self._take_from_payment(session, before, match, actor, now)
        after = standing(session, self._vault, payment.id).payment
        taken = money.to_decimal_text(match.amount, payment.currency)
        history.tell(session, "payment.unmatched", after, now, amount_unmatched=taken, line_id=match.line_id)
        if not after.captured and (after.reference or "").startswith(MADE_HERE):
            # Nobody was ever told to transfer this, so there is nothing to wait for.
            ended = Outcome(OutcomeState.DECLINED, after.reference, closed=True, reason=Reason.CANCELED)
            self._settlement.apply(session, after, Finding(ended, actor, now))

    def _take_from_payment(self, session: orm.Session, before: Standing, match: Any, actor: str, now: datetime) -> None:
        payment, captured = before.payment, before.payment.captured - match.amount
        values: dict[str, Any] = {"captured": captured, "updated_at": now}
        if captured:
            values |= dict.fromkeys(("evidence", "transaction_id"), _newest_evidence(session, payment.id))
        else:
            reason = f"line {match.line_id} un-matched"
            values |= {"evidence": None, "transaction_id": None, "settled_at": None, "late_success": False}
            values |= {"observed_at": None, "next_check_at": now, "checks": 0}
            values |= history.payment_move(
                payment.provider, payment.state, PaymentState.PROCESSING, actor=actor, reason=reason
            )
        unchanged = {"payment": payment.id, "held": payment.epoch, "was": payment.state}
        if rows_changed(session, CHANGE_PAYMENT, values | unchanged) != 1:
            raise RuntimeError("a locked payment changed under its lock")


def _newest_evidence(session: orm.Session, payment_id: int) -> str:
    """That of the last match of the payment which still counts."""
    live = sa.select(M.c.id, M.c.line_id, L.c.fingerprint).join(L, L.c.id == M.c.line_id)
    live = live.where(M.c.payment_id == payment_id, M.c.undone_at.is_(None)).order_by(M.c.id.desc()).limit(1)
    newest = session.execute(live).one()
    return evidences(session, newest.line_id, newest.fingerprint)[newest.id]
