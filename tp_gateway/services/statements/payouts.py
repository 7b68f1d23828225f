"""Lines that are no patient's payment: what a provider paid out in one sum, the files of refunds that the bank has
paid, and refunds that it sent back. Looked for from the side of those, which are few, and never from that of a million
lines."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway import observability
from tp_gateway.contract import RemittanceState
from tp_gateway.database import Database
from tp_gateway.errors import GatewayError
from tp_gateway.models import Refund, RefundFile, RefundFileItem, Remittance, StatementMatch, table
from tp_gateway.models import StatementLine as Line
from tp_gateway.models.states import LineState, RefundState
from tp_gateway.services.clock import Clock
from tp_gateway.services.refund_files import RefundFiles
from tp_gateway.services.remittance_matching import match_line
from tp_gateway.services.statements.booking import IMPORT
from tp_gateway.services.statements.locking import lock_line

R, F, ITEMS, T, L, M = (table(one) for one in (Remittance, RefundFile, RefundFileItem, Refund, Line, StatementMatch))
_LOOKED_FOR = timedelta(days=60)
"""So long a line is waited for."""
_BANK_TAKES = timedelta(days=10)
"""How long after its day a line can be dated."""
_MATCHED = sa.exists().where(M.c.line_id == L.c.id, M.c.undone_at.is_(None))
_UNDECIDED = (
    L.c.state.in_((LineState.UNMATCHED, LineState.SUGGESTED, LineState.IGNORED)),
    L.c.decided_by.is_(None),
    ~_MATCHED,
)
"""Nobody has said anything of it, and no part of it has paid anything."""
_NOT_ALPHANUMERIC = re.compile(r"[^A-Z0-9]")
log = observability.logger(__name__)


class Payouts:
    def __init__(self, database: Database, refund_files: RefundFiles, clock: Clock) -> None:
        self._database, self._refund_files, self._clock = database, refund_files, clock

    def work(self) -> int:
        """The worker's round, and the end of an import. Returns how many lines were explained."""
        return self._remittances() + self._files() + self._returned()

    def _remittances(self) -> int:
        """One line for each remittance that has none. Two lines that fit equally well are left to a person, and so is
        one that seems to be a patient's money, unless it says what the provider has the bank write."""
        waits = (R.c.statement_line_id.is_(None), R.c.state.in_((RemittanceState.IN_TRANSIT, RemittanceState.PAID)))
        query = sa.select(R).where(*waits, R.c.arrives_on >= self._clock().date() - _LOOKED_FOR)
        with self._database.read() as session:
            waiting = session.execute(query.order_by(R.c.arrives_on, R.c.id)).all()
        done = 0
        for one in waiting:
            days = (one.arrives_on - timedelta(days=1), one.arrives_on + _BANK_TAKES)
            line = _only(self._lines(days, one.amount, one.currency), one.statement_text)
            done += line is not None and self._is_remittance(one, line)
        return done

    def _is_remittance(self, remittance: Any, line: Any) -> bool:
        with self._database.transaction() as session:
            if not _is_undecided(session, line.id):
                return False
            what = {"amount": line.amount, "currency": line.currency, "booked_on": line.booked_on}
            found = match_line(session, line.id, **what, description=line.description)
            why = f"{remittance.provider} paid out {remittance.reference}"
            return found == remittance.id and self._explain(session, line.id, why)

    def _files(self) -> int:
        """The bank's line for a file of refunds shows its title: so its refunds are paid. Staff may have said so
        before."""
        for file_id in self._refund_files.half_confirmed():
            self._refund_files.confirm_file(IMPORT, file_id)
        now = self._clock()
        lately = sa.or_(F.c.confirmed_at.is_(None), F.c.confirmed_at >= now - _BANK_TAKES)
        query = sa.select(F).where(lately, F.c.made_at >= now - _LOOKED_FOR)
        with self._database.read() as session:
            waiting = session.execute(query.order_by(F.c.id)).all()
        done = 0
        for file in waiting:
            days = (file.made_at.date() - timedelta(days=1), file.made_at.date() + _BANK_TAKES)
            for line in self._lines(days, -file.total, file.currency):
                if file.title in _compact(line.description):
                    done += self._is_file(file, line)
                    break
        return done

    def _is_file(self, file: Any, line: Any) -> bool:
        """The bank has paid the file by this line."""
        if file.voided_at is None:
            self._refund_files.confirm_file(IMPORT, file.id)
            with self._database.transaction() as session:
                return self._explain(session, line.id, f"Paid the refunds of file {file.title}")
        log.error("voided_refund_file_paid", refund_file_id=file.id, line_id=line.id)
        why = f"The bank has paid file {file.title}, which was voided here: its refunds must not be paid again"
        with self._database.transaction() as session:
            for_a_person = {"state": str(LineState.UNMATCHED), "why": why}
            session.execute(sa.update(L).where(L.c.id == line.id, *_UNDECIDED).values(for_a_person))
        return False

    def _returned(self) -> int:
        """A refund that was paid by a file came back: its own reference is in the line, and the amount is its own.
        Staff may have said so before."""
        recent = sa.select(T.c.id, T.c.reference, T.c.amount, T.c.currency, T.c.state, F.c.made_at).where(
            T.c.state.in_((RefundState.SUCCEEDED, RefundState.FAILED)), F.c.made_at >= self._clock() - _LOOKED_FOR
        )
        joined = recent.join(ITEMS, ITEMS.c.refund_id == T.c.id).join(F, F.c.id == ITEMS.c.refund_file_id)
        with self._database.read() as session:
            paid = session.execute(joined.order_by(T.c.id)).all()
        done = 0
        for refund in paid:
            days = (refund.made_at.date(), refund.made_at.date() + _LOOKED_FOR)
            for line in self._lines(days, refund.amount, refund.currency):
                if refund.reference in _compact(line.description + line.reference):
                    if refund.state != RefundState.FAILED and not self._send_back(refund.id):
                        break
                    with self._database.transaction() as session:
                        done += self._explain(session, line.id, f"Refund {refund.id} was sent back by the bank")
                    break
        return done

    def _send_back(self, refund_id: int) -> bool:
        try:
            self._refund_files.confirm(IMPORT, refund_id, paid=False, note="sent back by the bank")
        except GatewayError as error:
            log.error("refund_settled_otherwise", refund_id=refund_id, error=error.code)
            return False
        return True

    def _lines(self, days: tuple[date, date], amount: int, currency: str) -> list[Any]:
        """Lines of that amount in those days for which nobody has decided anything, oldest first."""
        fits = (L.c.booked_on.between(*days), L.c.amount == amount, L.c.currency == currency)
        query = sa.select(L).where(*fits, *_UNDECIDED)
        with self._database.read() as session:
            return list(session.execute(query.order_by(L.c.booked_on, L.c.id)).all())

    def _explain(self, session: orm.Session, line_id: int, why: str) -> bool:
        """False: somebody has decided about it meanwhile."""
        if not _is_undecided(session, line_id):
            return False
        session.execute(sa.update(L).where(L.c.id == line_id).values(state=str(LineState.EXPLAINED), why=why))
        return True


def _is_undecided(session: orm.Session, line_id: int) -> bool:
    """Locks the line."""
    lock_line(session, line_id)
    return session.execute(sa.select(L.c.id).where(L.c.id == line_id, *_UNDECIDED)).first() is not None


def _only(lines: list[Any], text: str) -> Any:
    """The one line that it can be: the only one that says what the provider has the bank write, or else the only one
    that seems to be nobody's."""
    named = [line for line in lines if text and _compact(text) in _compact(line.description)]
    possible = named or [line for line in lines if line.state == LineState.UNMATCHED or line.amount < 0]
    return possible[0] if len(possible) == 1 else None


def _compact(text: str) -> str:
    return _NOT_ALPHANUMERIC.sub("", text.upper())
