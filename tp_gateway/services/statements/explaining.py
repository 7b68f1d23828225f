"""Staff say in their own words what a line is that is nobody's payment (interest, a loan, a transfer between accounts),
and take back what was said of a line."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway.database import Database
from tp_gateway.errors import GatewayError
from tp_gateway.identity import Identity
from tp_gateway.models import StatementLine, table
from tp_gateway.models.states import LineState
from tp_gateway.services.remittance_matching import release_line
from tp_gateway.services.statements.facts import LineFacts
from tp_gateway.services.statements.locking import live_matches, lock_line
from tp_gateway.services.statements.reading import line_facts

L = table(StatementLine)


class Explaining:
    def __init__(self, database: Database) -> None:
        self._database = database

    def explain(self, who: Identity, line_id: int, why: str) -> LineFacts:
        """Set the line aside with these words; said again, with the new ones.

        GatewayError: NotFound; `not_payable` if the line has paid something, is about to, or is explained by what the
        books know (a provider's payout, refunds).
        """
        with self._database.transaction() as session:
            line = lock_line(session, line_id)
            if line.state == LineState.NEW or live_matches(session, line.id):
                raise GatewayError("not_payable", "The line is for a payment. Un-match it first")
            if line.state == LineState.EXPLAINED and line.decided_by is None:
                raise GatewayError("not_payable", f"The line is explained: {line.why}")
            _decide(session, line.id, who, LineState.EXPLAINED, why)
            return line_facts(session, line.id)


def take_back(session: orm.Session, line: Any, who: Identity) -> None:
    """The explanation of a locked line: what staff said, or that it is a provider's payout, which then waits for
    another line. GatewayError `not_payable` if refunds were settled by it: those are corrected themselves."""
    released = release_line(session, line.id)
    if not released and line.decided_by is None:
        raise GatewayError("not_payable", "Refunds were settled by this line. Correct the refunds instead")
    _decide(session, line.id, who, LineState.undecided(line.amount), "Un-matched by staff")


def _decide(session: orm.Session, line_id: int, who: Identity, state: LineState, why: str) -> None:
    values = {"state": str(state), "why": why, "decided_by": who.actor}
    session.execute(sa.update(L).where(L.c.id == line_id).values(values))
