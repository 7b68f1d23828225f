"""Writes observed events into the inbox, each once, whether they were delivered or found by asking."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import orm

from tp_gateway.contract import Observation, Subject
from tp_gateway.database import InsertOnce
from tp_gateway.models import InboxEvent, table
from tp_gateway.models.states import InboxState

E = table(InboxEvent)
_EVENT = InsertOnce(E, ["provider", "event_id"])


def write_down(session: orm.Session, slug: str, observations: Iterable[Observation], now: datetime) -> int:
    """Returns how many were new. The body of an event is not kept: it is a hint to fetch."""
    new = 0
    for seen in observations:
        ignored = seen.subject is Subject.NOTHING
        values = {
            "provider": slug,
            "event_id": seen.event_id,
            "kind": seen.kind,
            "subject": str(seen.subject),
            "reference": seen.reference,
            "labels": dict(seen.labels) or None,
            "payer": seen.payer,
            "occurred_at": seen.occurred_at,
            "received_at": now,
            "state": str(InboxState.IGNORED if ignored else InboxState.RECEIVED),
            "attempts": 0,
            "next_attempt_at": None if ignored else now,
            "note": seen.note,
        }
        new += len(_EVENT.new(session, values))
    return new
