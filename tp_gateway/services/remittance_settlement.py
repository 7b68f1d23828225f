"""The only writer of what a provider says about its remittances: as often as it is told, each fact told on once. It
never calls a provider, and books nothing (docs/decisions/0016-a-remittance-is-not-in-the-ledger.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway import money, observability
from tp_gateway.contract import Remittance as Told
from tp_gateway.contract import RemittanceState
from tp_gateway.database import InsertOnce
from tp_gateway.models import Remittance, RemittanceItem, StatementLine, table
from tp_gateway.models.states import LineState
from tp_gateway.services import history
from tp_gateway.services.remittance_matching import release_line
from tp_gateway.services.remittance_payments import OF_PAYMENTS

M, I, L = table(Remittance), table(RemittanceItem), table(StatementLine)  # noqa: E741
_NEVER_ARRIVED = (RemittanceState.FAILED, RemittanceState.CANCELED)
_REMITTANCE = InsertOnce(M, ["provider", "reference"])
_ITEM = InsertOnce(I, ["remittance_id", "transaction_id"])
log = observability.logger(__name__)


@dataclass(frozen=True, slots=True)
class Look:
    """A look at a provider's list: whose, when it `began`, and where the stretch of time began that was asked for."""

    provider: str
    began: datetime
    listed_from: datetime


def apply(session: orm.Session, look: Look, told: Told, payments: Mapping[str, int], now: datetime) -> bool:
    """Bring the remittance to what the provider says; `payments` is what `remittance_payments` has found for it. False
    when a look that began later was applied before, which then stands: only the items, which never change, are added.
    """
    values: dict[str, Any] = {
        "amount": told.amount,
        "currency": told.currency,
        "arrives_on": told.arrives_on,
        "state": str(told.state),
        "statement_text": told.statement_text,
        "observed_at": look.began,
        "updated_at": now,
    }
    first = {"provider": look.provider, "reference": told.reference, "listed_from": look.listed_from, "created_at": now}
    new = bool(_REMITTANCE.new(session, values | first | {"explained": False, "note": ""}))
    same = sa.select(M).where(M.c.provider == look.provider, M.c.reference == told.reference)
    before = session.execute(same.with_for_update()).one()
    _write_items(session, before.id, told, payments)
    note = _unexplained(session, before.id, told)
    if not new and before.observed_at > look.began:
        session.execute(sa.update(M).where(M.c.id == before.id).values(explained=not note, note=note))
        return False
    if told.state in _NEVER_ARRIVED and before.statement_line_id is not None:
        _release_line(session, before, told)
    session.execute(sa.update(M).where(M.c.id == before.id).values(**values, explained=not note, note=note))
    if new or before.state != told.state:
        _tell(session, f"remittance.{told.state}", before.id, look.provider, told, note, now)
    was_explained = new or before.explained or before.state != RemittanceState.PAID
    if told.state is RemittanceState.PAID and note and was_explained:
        _tell(session, "remittance.unexplained", before.id, look.provider, told, note, now)
    return True


def _release_line(session: orm.Session, before: Any, told: Told) -> None:
    """A remittance that failed brought nothing, so the line that was taken for it shows something else."""
    release_line(session, before.statement_line_id)
    why = f"It was taken for {before.provider}'s {told.reference}, which {told.state} after that"
    state = LineState.undecided(before.amount)
    session.execute(sa.update(L).where(L.c.id == before.statement_line_id).values(state=str(state), why=why))


def _write_items(session: orm.Session, remittance_id: int, told: Told, payments: Mapping[str, int]) -> None:
    rows = [
        {
            "remittance_id": remittance_id,
            "transaction_id": item.transaction,
            "kind": str(item.kind),
            "amount": item.amount,
            "fee": item.fee,
            "net": item.net,
            "reference": item.reference,
            "payment_id": payments.get(item.transaction),
        }
        for item in told.items
    ]
    if rows:
        _ITEM.new(session, rows)
    if payments:
        # For items of an earlier look: a payment may have been found since, by the reverse sweep for instance.
        without = sa.update(I).where(
            I.c.remittance_id == remittance_id,
            I.c.transaction_id == sa.bindparam("item"),
            I.c.payment_id.is_(None),
        )
        found = [{"item": transaction, "payment": payment} for transaction, payment in payments.items()]
        session.execute(without.values(payment_id=sa.bindparam("payment")), found)


def _unexplained(session: orm.Session, remittance_id: int, told: Told) -> str:
    """What is missing, for staff; "" when every cent is explained."""
    no_payment = sa.and_(I.c.payment_id.is_(None), I.c.kind.in_(OF_PAYMENTS))
    query = sa.select(
        sa.func.count(), sa.func.coalesce(sa.func.sum(I.c.net), 0), sa.func.count(sa.case((no_payment, 1)))
    ).where(I.c.remittance_id == remittance_id)
    count, net, unknown = session.execute(query).one()
    problems = []
    if not count and told.amount:
        problems.append("no item was told")
    elif int(net) != told.amount:
        problems.append(f"the items come to {money.to_decimal_text(int(net), told.currency)}")
    if unknown:
        problems.append(f"the payment of {unknown} of {count} items is not known here")
    return "; ".join(problems)


def _tell(
    session: orm.Session, topic: str, remittance_id: int, provider: str, told: Told, note: str, now: datetime
) -> None:
    """Queue a fact for staff: opaque ids and amounts."""
    data: Mapping[str, Any] = {
        "remittance_id": remittance_id,
        "provider": provider,
        "reference": told.reference,
        "amount": money.to_decimal_text(told.amount, told.currency),
        "currency": told.currency,
        "arrives_on": told.arrives_on.isoformat(),
        "status": str(told.state),
        "explained": not note,
        "note": note,
    }
    history.queue(session, topic, None, data, now)
    say = log.warning if note or told.state is RemittanceState.FAILED else log.info
    say(topic.replace(".", "_"), remittance_id=remittance_id, provider=provider, note=note)
