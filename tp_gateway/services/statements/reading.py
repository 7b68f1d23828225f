"""What staff see of statements: the files, and their lines with what they have paid and what they could be for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway.database import Database
from tp_gateway.errors import NotFound, ValidationError
from tp_gateway.models import Invoice, Payable, Payment, Statement, StatementLine, StatementMatch, table
from tp_gateway.models.states import LineState
from tp_gateway.services.statements.facts import LineFacts, MatchFacts, StatementFacts, Suggestion
from tp_gateway.services.statements.owed import Owed

S, L, M, P, Y, V = (table(model) for model in (Statement, StatementLine, StatementMatch, Payment, Payable, Invoice))

_TELLS = ("id", "statement_id", "line", "booked_on", "amount", "currency", "description", "reference", "payer")
_MORE = ("balance", "account", "bank_id", "state", "why", "payment_id", "fingerprint", "decided_by")
LINES = sa.select(*(L.c[name] for name in (*_TELLS, *_MORE)), S.c.provider).join(S, S.c.id == L.c.statement_id)
"""Every column of a line; add a WHERE."""
_MATCHES = sa.select(M, P.c.invoice_id, P.c.patient_id).join(P, P.c.id == M.c.payment_id).order_by(M.c.id)
_NAMED = (
    sa.select(
        *(P.c.id, P.c.patient_id, P.c.amount, P.c.captured),
        *(V.c.id.label("invoice_id"), V.c.number.label("invoice_number")),
    )
    .join(Y, Y.c.id == P.c.payable_id)
    .outerjoin(V, V.c.id == Y.c.invoice_id)
)
_FOR_A_PERSON = (LineState.SUGGESTED, LineState.UNMATCHED)


class StatementReading:
    def __init__(self, database: Database) -> None:
        self._database = database

    def statements(self, limit: int = 50, before_id: int | None = None) -> list[StatementFacts]:
        """Newest first."""
        query = sa.select(S).order_by(S.c.id.desc()).limit(limit)
        if before_id is not None:
            query = query.where(S.c.id < before_id)
        with self._database.read() as session:
            return _with_counts(session, session.execute(query).all())

    def statement(self, statement_id: int) -> StatementFacts:
        """NotFound."""
        with self._database.read() as session:
            rows = session.execute(sa.select(S).where(S.c.id == statement_id)).all()
            if not rows:
                raise NotFound
            return _with_counts(session, rows)[0]

    def lines(
        self,
        *,
        state: str | None = None,
        statement_id: int | None = None,
        limit: int = 50,
        before_id: int | None = None,
    ) -> list[LineFacts]:
        """Those of the newest day first, with matches, and with suggestions where a person has to decide. `before_id`:
        what comes after that line; ValidationError if there is none."""
        newest = (L.c.booked_on.desc(), L.c.id.desc())
        with self._database.read() as session:
            query = sa.select(L.c.id, L.c.booked_on)
            if statement_id is not None:
                query = query.where(L.c.statement_id == statement_id)
            if before_id is not None:
                day = session.execute(sa.select(L.c.booked_on).where(L.c.id == before_id)).scalar()
                if day is None:
                    raise ValidationError({"before_id": ["No such line"]})
                query = query.where(sa.or_(L.c.booked_on < day, sa.and_(L.c.booked_on == day, L.c.id < before_id)))
            # Of each state the newest, then the newest of these: there is an index for each state's, and none for all.
            of_states = [
                query.where(L.c.state == one).order_by(*newest).limit(limit).subquery()
                for one in ([state] if state else LineState)
            ]
            ids = sa.union_all(*(sa.select(one) for one in of_states)).subquery()
            page = LINES.where(L.c.id.in_(sa.select(ids.c.id))).order_by(*newest).limit(limit)
            return _to_lines(session, session.execute(page).all())


def line_facts(session: orm.Session, line_id: int) -> LineFacts:
    """One line as it stands in this transaction. NotFound."""
    rows = session.execute(LINES.where(L.c.id == line_id)).all()
    if not rows:
        raise NotFound
    return _to_lines(session, rows)[0]


def _with_counts(session: orm.Session, rows: Iterable[Any]) -> list[StatementFacts]:
    rows = list(rows)
    counts: defaultdict[int, dict[str, int]] = defaultdict(dict)
    query = sa.select(L.c.statement_id, L.c.state, sa.func.count().label("number"))
    for found in session.execute(
        query.where(L.c.statement_id.in_([row.id for row in rows])).group_by(L.c.statement_id, L.c.state)
    ):
        counts[found.statement_id][found.state] = found.number
    names = ("id", "provider", "name", "format", "sha256", "lines", "state", "imported_by", "imported_at")
    return [StatementFacts(**{name: getattr(row, name) for name in names}, counts=counts[row.id]) for row in rows]


def _to_lines(session: orm.Session, rows: Iterable[Any]) -> list[LineFacts]:
    rows = list(rows)
    matches = _matches(session, [row.id for row in rows])
    suggestions = _suggestions(session, [row for row in rows if row.state in _FOR_A_PERSON and row.amount > 0])
    return [
        LineFacts(
            **{
                name: row._mapping[name]
                for name in (*_TELLS, "balance", "account", "bank_id", "state", "why", "decided_by")
            },
            provider=row.provider,
            left=max(0, row.amount - sum(match.amount for match in matches[row.id] if match.undone_at is None)),
            matches=tuple(matches[row.id]),
            suggestions=tuple(suggestions[row.id]),
        )
        for row in rows
    ]


def _matches(session: orm.Session, line_ids: list[int]) -> defaultdict[int, list[MatchFacts]]:
    found: defaultdict[int, list[MatchFacts]] = defaultdict(list)
    for row in session.execute(_MATCHES.where(M.c.line_id.in_(line_ids))):
        values = dict(row._mapping)
        found[values.pop("line_id")].append(MatchFacts(**values))
    return found


def _suggestions(session: orm.Session, rows: list[Any]) -> defaultdict[int, list[Suggestion]]:
    """The payment that the line's reference names, then what fits by amount and name now."""
    found: defaultdict[int, list[Suggestion]] = defaultdict(list)
    if not rows:
        return found
    named = session.execute(_NAMED.where(P.c.id.in_([row.payment_id for row in rows if row.payment_id]))).all()
    by_id = {one.id: one for one in named}
    for row in rows:
        one = by_id.get(row.payment_id)
        if one is not None:
            due = max(0, one.amount - one.captured)
            named_here = (one.patient_id, one.id, one.invoice_id, one.invoice_number, due)
            found[row.id].append(Suggestion(*named_here, because="reference"))
    for provider in {row.provider for row in rows}:
        mine = [row for row in rows if row.provider == provider]
        owed = Owed(session, provider, {row.amount for row in mine})
        for row in mine:
            known = {suggestion.payment_id for suggestion in found[row.id]}
            fits = owed.suggestions(row.amount, row.currency, f"{row.payer} {row.description}")
            found[row.id] += [one for one in fits if one.payment_id is None or one.payment_id not in known]
    return found
