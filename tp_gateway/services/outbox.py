"""Tells committed facts to every plugin that wants to hear them: at least once, in order per payment, from a table
that survives a crash."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway import observability
from tp_gateway.contract import Event
from tp_gateway.database import Database
from tp_gateway.models import OutboxMessage, table
from tp_gateway.registry import Registry
from tp_gateway.services.claims import claim
from tp_gateway.services.clock import Clock, next_look
from tp_gateway.timing import Timing

O = table(OutboxMessage)  # noqa: E741 - one letter a table, as everywhere here
_DUE = sa.select(O.c.id).where(O.c.next_attempt_at <= sa.bindparam("now"))
_NOBODY_HEARS = (
    sa.update(O)
    .where(O.c.id.in_(_DUE.with_for_update(skip_locked=True)))
    .values(sent_at=sa.bindparam("now"), next_attempt_at=None, last_error="")
)
log = observability.logger(__name__)


class Outbox:
    def __init__(self, database: Database, registry: Registry, timing: Timing, clock: Clock) -> None:
        self._database, self._registry, self._timing, self._clock = database, registry, timing, clock

    def relay(self, limit: int = 100) -> int:
        """Tell what is due. Returns how many messages were told. Several relays at once are safe."""
        if not self._registry.somebody_hears:
            return self._tick_off({"now": self._clock()})
        messages = self._claim(limit)
        told: list[int] = []
        stop = self._clock() + timedelta(seconds=self._timing.lease / 2)
        for message in messages:
            if self._clock() > stop:
                break  # whatever is left is taken again after its lease
            if self._tell(message):
                told.append(message.id)
        if told:
            self._write(told, sent_at=self._clock(), next_attempt_at=None, last_error="")
        return len(told)

    def _tick_off(self, now: dict[str, Any]) -> int:
        """Looks first: where nothing is due, SQLite's one writer is not disturbed."""
        with self._database.read() as session:
            if session.execute(_DUE.limit(1), now).first() is None:
                return 0
        return self._database.change(_NOBODY_HEARS, now)

    def _claim(self, limit: int) -> list[Any]:
        """Take what is due until the lease ends. A message waits for the earlier ones of its payment, so that nobody
        hears of a refund before the payment."""
        now = self._clock()
        earlier = orm.aliased(O)
        held = sa.exists().where(
            earlier.c.payment_id == O.c.payment_id, earlier.c.id < O.c.id, earlier.c.sent_at.is_(None)
        )
        due = sa.select(O.c.id).where(O.c.next_attempt_at <= now, ~held).order_by(O.c.id).limit(limit)
        claimed = claim(self._database, O, due, now, now + timedelta(seconds=self._timing.lease))
        return sorted(claimed, key=lambda message: int(message.id))

    def _tell(self, message: Any) -> bool:
        event = Event(id=message.uuid, topic=message.topic, occurred_at=message.created_at, data=message.data)
        try:
            self._registry.after_commit(event)
        except Exception as error:  # a plugin's fault must stop neither the relay nor the other messages
            log.warning(
                "outbox_message_not_told", topic=message.topic, message_id=message.uuid, error=type(error).__name__
            )
            again = next_look(self._timing, self._clock(), message.attempts)
            self._write([message.id], next_attempt_at=again, last_error=type(error).__name__)
            return False
        return True

    def _write(self, ids: list[int], **values: Any) -> None:
        with self._database.transaction() as session:
            session.execute(sa.update(O).where(O.c.id.in_(ids)).values(values))
