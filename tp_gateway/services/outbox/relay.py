"""Makes a delivery of each message for each destination that wants it, and carries the deliveries out: at least once,
in order per payment, or per invoice where no payment brought the news."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway import observability
from tp_gateway.contract import Event
from tp_gateway.database import Database, InsertOnce, rows_changed
from tp_gateway.models import OutboxDelivery, OutboxMessage, table
from tp_gateway.services.claims import claim
from tp_gateway.services.clock import Clock, next_look
from tp_gateway.services.outbox.destinations import Destination, NotTold
from tp_gateway.timing import Timing

O, D = table(OutboxMessage), table(OutboxDelivery)  # noqa: E741 - one letter a table, as everywhere here
NEW_DELIVERY = InsertOnce(D, ["message_id", "destination"])
_NEW = sa.select(O.c.id, O.c.topic, O.c.payment_id, O.c.data).where(O.c.next_attempt_at.is_not(None)).order_by(O.c.id)
_NOBODY_HEARS = (
    sa.update(O)
    .where(O.c.id.in_(sa.select(O.c.id).where(O.c.next_attempt_at.is_not(None)).with_for_update(skip_locked=True)))
    .values(sent_at=sa.bindparam("now"), next_attempt_at=None)
)
_WAITS = sa.exists().where(D.c.message_id == O.c.id, D.c.next_attempt_at.is_not(None))
log = observability.logger(__name__)


class Outbox:
    def __init__(self, database: Database, destinations: Sequence[Destination], timing: Timing, clock: Clock) -> None:
        self.destinations = tuple(destinations)
        self._database, self._timing, self._clock = database, timing, clock

    def relay(self, *only: Destination, limit: int = 100) -> int:
        """Tell every destination, or these, what is due there. Returns how many deliveries came to their end. Several
        relays at once are safe."""
        done = self._make_deliveries()
        return done + sum(self._tell_due(one, limit) for one in only or self.destinations)

    def _make_deliveries(self, limit: int = 500) -> int:
        """Looks first: where nothing is new, SQLite's one writer is not disturbed. Waits for another relay that makes
        deliveries, so that no message overtakes an earlier one of its payment. Returns how many nobody hears."""
        now = self._clock()
        with self._database.read() as session:
            if session.execute(_NEW.limit(1)).first() is None:
                return 0
        if not self.destinations:
            return self._database.change(_NOBODY_HEARS, {"now": now})
        with self._database.transaction() as session:
            new = session.execute(_NEW.limit(limit).with_for_update()).all()
            made = [
                delivery(message, one.name) | {"next_attempt_at": now}
                for message in new
                for one in self.destinations
                if one.wants(message.topic)
            ]
            if made:
                NEW_DELIVERY.new(session, made)
            ids = [message.id for message in new]
            session.execute(sa.update(O).where(O.c.id.in_(ids)).values(next_attempt_at=None))
            unheard = sa.update(O).where(O.c.id.in_(ids), ~_WAITS).values(sent_at=now)
            return rows_changed(session, unheard)

    def _tell_due(self, destination: Destination, limit: int) -> int:
        lease = timedelta(seconds=max(self._timing.lease, 3 * destination.longest))
        stop, done = self._clock() + lease / 2, 0
        for one, event in self._claim(destination, limit, lease):
            if self._clock() > stop:
                break  # whatever is left is taken again after its lease
            done += self._tell(destination, one, event)
        return done

    def _claim(self, destination: Destination, limit: int, lease: timedelta) -> list[tuple[Any, Event]]:
        """Take what is due until the lease ends. A message waits for the earlier ones of its subject, so that nobody
        hears of a refund before the payment."""
        now, earlier = self._clock(), orm.aliased(D)
        held = sa.exists().where(
            earlier.c.destination == D.c.destination,
            earlier.c.subject == D.c.subject,
            earlier.c.message_id < D.c.message_id,
            earlier.c.next_attempt_at.is_not(None),
        )
        here = (D.c.destination == destination.name, D.c.next_attempt_at <= now)
        due = sa.select(D.c.id).where(*here, ~held).order_by(D.c.message_id).limit(limit)
        claimed = {one.message_id: one for one in claim(self._database, D, due, now, now + lease)}
        if not claimed:
            return []
        with self._database.read() as session:
            messages = session.execute(sa.select(O).where(O.c.id.in_(claimed)).order_by(O.c.id)).all()
        return [
            (claimed[row.id], Event(id=row.uuid, topic=row.topic, occurred_at=row.created_at, data=row.data))
            for row in messages
        ]

    def _tell(self, destination: Destination, one: Any, event: Event) -> bool:
        try:
            note = destination.tell(event)
        except Exception as error:  # a destination's fault must stop neither the relay nor the other messages
            # By its type: `isinstance` also asks the exception itself, which can be a plugin's.
            problem = str(error) if type(error) is NotTold else observability.class_name(error)
            told = {"destination": destination.name, "topic": event.topic, "message_id": event.id}
            log.warning("outbox_message_not_told", **told, error=problem)
            again = next_look(self._timing, self._clock(), one.attempts)
            self._write(one, next_attempt_at=again, note=problem)
            return False
        self._write(one, next_attempt_at=None, told_at=None if note else self._clock(), note=note)
        return True

    def _write(self, one: Any, **values: Any) -> None:
        """Unless it is not ours any more, or is to be replayed. The message is locked, so that one of two who end its
        last deliveries at once sees that they are the last."""
        ours = (D.c.id == one.id, D.c.attempts == one.attempts)
        with self._database.transaction() as session:
            session.execute(sa.select(O.c.id).where(O.c.id == one.message_id).with_for_update())
            session.execute(sa.update(D).where(*ours).values(values))
            ended = sa.update(O).where(O.c.id == one.message_id, ~_WAITS).values(sent_at=self._clock())
            session.execute(ended)


def delivery(message: Any, destination: str) -> dict[str, Any]:
    """A row of `outbox_deliveries`, but for when it is due. `message` has id, payment_id and data."""
    invoice = message.data.get("invoice_id")
    subject = f"payment:{message.payment_id}" if message.payment_id else invoice and f"invoice:{invoice}"
    return {
        "message_id": message.id,
        "destination": destination,
        "subject": subject,
        "attempts": 0,
        "told_at": None,
        "note": "",
    }
