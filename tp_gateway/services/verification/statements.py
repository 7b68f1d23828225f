"""Bank statements, and what providers paid out: a line is what it brought, and pays that once."""

from __future__ import annotations

import sqlalchemy as sa

from tp_gateway.models import (
    LedgerEntry,
    Payment,
    Remittance,
    RemittanceItem,
    Statement,
    StatementLine,
    StatementMatch,
    table,
)
from tp_gateway.models.states import LineState
from tp_gateway.services.verification.balances import BROUGHT, CAPTURED, TAKEN_BACK
from tp_gateway.services.verification.check import check, finds, or_zero, total

L, P, S, N, M = (table(model) for model in (LedgerEntry, Payment, Statement, StatementLine, StatementMatch))
R, ITEMS = table(Remittance), table(RemittanceItem)
_COUNTS = sa.case((M.c.undone_at.is_(None), M.c.amount), else_=0)

_TURN = sa.func.row_number().over(partition_by=M.c.line_id, order_by=M.c.id)
_MATCHES = sa.select(M.c.id, M.c.line_id, M.c.payment_id, _COUNTS.label("counts"), _TURN.label("turn")).subquery()
_EVIDENCE = sa.case(
    (_MATCHES.c.turn == 1, N.c.fingerprint),
    else_=N.c.fingerprint + "/" + sa.cast(_MATCHES.c.turn, sa.Text),
)
_BOOKED = (
    sa.select(total(CAPTURED))
    .where(L.c.payment_id == _MATCHES.c.payment_id, L.c.evidence == _EVIDENCE, L.c.kind.in_(BROUGHT + TAKEN_BACK))
    .correlate(_MATCHES, N)
    .scalar_subquery()
)
_MATCHED = (
    sa.select(_MATCHES.c.id, _MATCHES.c.line_id, _MATCHES.c.payment_id, _MATCHES.c.counts, _BOOKED.label("booked"))
    .join(N, N.c.id == _MATCHES.c.line_id)
    .subquery()
)
_LIVE_BY_LINE = sa.select(M.c.line_id, total(_COUNTS).label("live")).group_by(M.c.line_id).subquery()
_LIVE_BY_PAYMENT = sa.select(M.c.payment_id, total(_COUNTS).label("live")).group_by(M.c.payment_id).subquery()
_LIVE = or_zero(_LIVE_BY_LINE.c.live)
_LINES = sa.select(N.c.statement_id, sa.func.count().label("count")).group_by(N.c.statement_id).subquery()
_BY_STATEMENTS = sa.select(S.c.provider)
_ITEM_SUMS = (
    sa.select(ITEMS.c.remittance_id, total(ITEMS.c.net).label("net")).group_by(ITEMS.c.remittance_id).subquery()
)

CHECKS = (
    check(
        "matches-booked",
        "Each match of a line is booked for its payment under the line's evidence, and nothing of one that was undone.",
        StatementMatch,
        finds(
            sa.select(_MATCHED).where(_MATCHED.c.counts != _MATCHED.c.booked),
            "match {id} of line {line_id} with payment {payment_id} is {counts}, {booked} booked",
        ),
    ),
    check(
        "lines-matched",
        "A line pays no more than it brought, and is called matched when all of it has paid something.",
        StatementLine,
        finds(
            sa.select(N.c.id, N.c.state, N.c.amount, _LIVE.label("live"))
            .outerjoin(_LIVE_BY_LINE, _LIVE_BY_LINE.c.line_id == N.c.id)
            .where(
                sa.or_(
                    sa.and_(_LIVE > 0, N.c.amount < _LIVE),
                    sa.and_(N.c.state == LineState.MATCHED, sa.or_(_LIVE == 0, N.c.amount != _LIVE)),
                    sa.and_(N.c.state != LineState.MATCHED, _LIVE > 0, N.c.amount == _LIVE),
                )
            ),
            "line {id} is {state}: it brought {amount} and paid {live}",
        ),
    ),
    check(
        "payments-matched",
        "What a payment of a provider that settles by statement has captured is what its live matches come to.",
        Payment,
        finds(
            sa.select(P.c.id, P.c.captured, or_zero(_LIVE_BY_PAYMENT.c.live).label("live"))
            .outerjoin(_LIVE_BY_PAYMENT, _LIVE_BY_PAYMENT.c.payment_id == P.c.id)
            .where(P.c.provider.in_(_BY_STATEMENTS), P.c.captured != or_zero(_LIVE_BY_PAYMENT.c.live)),
            "payment {id}: {captured} captured, {live} matched",
        ),
    ),
    check(
        "statements-lines",
        "No statement has brought more lines than its file has.",
        Statement,
        finds(
            sa.select(S.c.id, S.c.name, S.c.lines, _LINES.c.count.label("count"))
            .join(_LINES, _LINES.c.statement_id == S.c.id)
            .where(_LINES.c.count > S.c.lines),
            "statement {id} ({name!r}) has {lines} lines, {count} are of it",
        ),
    ),
    check(
        "remittances-explained",
        "A remittance that is called explained is what its items come to, and its line shows the same sum.",
        Remittance,
        finds(
            sa.select(R.c.id, R.c.reference, R.c.amount, or_zero(_ITEM_SUMS.c.net).label("net"))
            .outerjoin(_ITEM_SUMS, _ITEM_SUMS.c.remittance_id == R.c.id)
            .where(R.c.explained, R.c.amount != or_zero(_ITEM_SUMS.c.net)),
            "remittance {id} ({reference}) is {amount}, its items come to {net}",
        ),
        finds(
            sa.select(R.c.id, R.c.reference, R.c.amount, N.c.id.label("line"), N.c.amount.label("shown"))
            .join(N, N.c.id == R.c.statement_line_id)
            .where(sa.or_(N.c.amount != R.c.amount, N.c.currency != R.c.currency)),
            "remittance {id} ({reference}) is {amount}, line {line} shows {shown}, or in another currency",
        ),
    ),
)
