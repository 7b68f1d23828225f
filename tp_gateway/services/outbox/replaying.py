"""What an operator sees of the outbox, and how a destination is told again what it may have lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from tp_gateway.database import Database
from tp_gateway.errors import NotFound
from tp_gateway.services.outbox.destinations import Destination
from tp_gateway.services.outbox.relay import NEW_DELIVERY, D, O, delivery

_STEP = 500


@dataclass(frozen=True, slots=True)
class DeliveryFacts:
    """`next_attempt_at` None: it came to its end. `told_at` None then: `note` says why it was not told."""

    destination: str
    attempts: int
    next_attempt_at: datetime | None
    told_at: datetime | None
    note: str


@dataclass(frozen=True, slots=True)
class MessageFacts:
    """Moments aware UTC. `deliveries` by the destination's name; nothing before they are made."""

    id: int
    uuid: str
    topic: str
    payment_id: int | None
    created_at: datetime
    sent_at: datetime | None
    data: Mapping[str, Any]
    deliveries: Sequence[DeliveryFacts]


def find(
    database: Database, *, untold: bool = False, topic: str = "*", payment_id: int | None = None, limit: int = 50
) -> list[MessageFacts]:
    """Newest first. `untold`: on its way to somebody, or ended untold there. `topic` may have stars."""
    query = sa.select(O).where(O.c.topic.like(_pattern(topic), escape="\\")).order_by(O.c.id.desc()).limit(limit)
    if untold:
        open_somewhere = sa.exists().where(D.c.message_id == O.c.id, D.c.told_at.is_(None))
        query = query.where(sa.or_(O.c.next_attempt_at.is_not(None), open_somewhere))
    if payment_id is not None:
        query = query.where(O.c.payment_id == payment_id)
    return _facts(database, query)


def one(database: Database, uuid: str) -> MessageFacts:
    """NotFound."""
    found = _facts(database, sa.select(O).where(O.c.uuid == uuid))
    if not found:
        raise NotFound
    return found[0]


def replay(
    database: Database,
    destination: Destination,
    now: datetime,
    *,
    uuids: Sequence[str] = (),
    since: datetime | None = None,
    until: datetime | None = None,
    topic: str = "*",
) -> int:
    """Tell `destination` again these messages, or those of a time; also what was written before it was there. In
    order, as ever. Returns how many."""
    query = sa.select(O.c.id, O.c.topic, O.c.payment_id, O.c.data).order_by(O.c.id).limit(_STEP)
    query = query.where(O.c.next_attempt_at.is_(None), O.c.topic.like(_pattern(topic), escape="\\"))
    if uuids:
        query = query.where(O.c.uuid.in_(uuids))
    if since is not None:
        query = query.where(O.c.created_at >= since)
    if until is not None:
        query = query.where(O.c.created_at < until)
    count, last = 0, 0
    while True:
        with database.transaction() as session:
            rows = session.execute(query.where(O.c.id > last)).all()
            wanted = [delivery(row, destination.name) for row in rows if destination.wants(row.topic)]
            again = {"next_attempt_at": now, "attempts": 0, "told_at": None}
            here = (D.c.destination == destination.name, D.c.message_id.in_([row["message_id"] for row in wanted]))
            session.execute(sa.update(D).where(*here).values(again))
            if wanted:
                NEW_DELIVERY.new(session, [row | again for row in wanted])
        count += len(wanted)
        if len(rows) < _STEP:
            return count
        last = rows[-1].id


def _facts(database: Database, query: Any) -> list[MessageFacts]:
    with database.read() as session:
        rows = session.execute(query).all()
        ids = [row.id for row in rows]
        made = session.execute(sa.select(D).where(D.c.message_id.in_(ids)).order_by(D.c.destination)).all()
    return [
        MessageFacts(
            *(row.id, row.uuid, row.topic, row.payment_id, row.created_at, row.sent_at, row.data),
            [
                DeliveryFacts(one.destination, one.attempts, one.next_attempt_at, one.told_at, one.note)
                for one in made
                if one.message_id == row.id
            ],
        )
        for row in rows
    ]


def _pattern(topic: str) -> str:
    """`payment.*` -> `payment.%`, everything else as it is written."""
    escaped = topic.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return escaped.replace("*", "%")
