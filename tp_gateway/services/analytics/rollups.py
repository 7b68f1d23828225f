"""Adds to the sums what was noted for them, and counts them anew where that is due. Whatever happens meanwhile is noted
and added later, so nobody waits for a recount."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway.database import Database
from tp_gateway.models import (
    AnalyticsChange,
    AnalyticsEntry,
    AnalyticsSum,
    LedgerEntry,
    Payment,
    table,
)
from tp_gateway.services.analytics import basis, sums
from tp_gateway.services.analytics.basis import Basis
from tp_gateway.services.analytics.recount import recount
from tp_gateway.services.analytics.sums import Key, Sums
from tp_gateway.services.clock import Clock
from tp_gateway.services.cursors import due_from
from tp_gateway.services.practice_settings import PracticeSettingsStore
from tp_gateway.services.snapshots import snapshot

S, C, E = table(AnalyticsSum), table(AnalyticsChange), table(AnalyticsEntry)
L, P = table(LedgerEntry), table(Payment)
_CHANGES, _ENTRIES, _ROUNDS, _AT_ONCE = 50, 2_000, 20, 5_000
_RECOUNT_EVERY = 300.0
"""Seconds until another worker begins one, if the first has died over it."""
_NOTED = (
    sa.select(E.c.entry_id, E.c.service, L.c.at, L.c.currency, P.c.method, sums.REVENUE.label("amount"))
    .join(L, L.c.id == E.c.entry_id)
    .join(P, P.c.id == L.c.payment_id)
    .order_by(E.c.entry_id)
)


@dataclass(slots=True)
class Noted:
    """What is not in the sums yet, and the rows that say so."""

    found: Sums
    changes: list[int]
    entries: list[int]


def noted(session: orm.Session, counted: Basis, *, changes: int | None = None, entries: int | None = None) -> Noted:
    """At most so many of either; the oldest."""
    result = Noted(Counter(), [], [])
    for change_id, data in session.execute(sa.select(C.c.id, C.c.data).order_by(C.c.id).limit(changes)):
        result.changes.append(change_id)
        result.found.update(sums.from_json(data))
    for row in session.execute(_NOTED.limit(entries)):
        result.entries.append(row.entry_id)
        if row.currency == counted.currency:
            parts = sums.of_entry(row.at, row.amount, row.method, row.service, counted.zone)
            sums.count(result.found, parts)
    return result


class Rollups:
    """`currency` is the practice's own."""

    def __init__(self, database: Database, settings: PracticeSettingsStore, currency: str, clock: Clock) -> None:
        self._database, self._settings, self._currency, self._clock = database, settings, currency, clock

    def work(self) -> None:
        """Bring the sums up to now: anew if they were never counted or the clinic's calendar has changed."""
        with self._database.read() as session:
            wanted, there = self.wanted(session), basis.standing(session)
            waiting = session.execute(sa.select(sa.exists(sa.select(C.c.id)) | sa.exists(sa.select(E.c.entry_id))))
            anything = waiting.scalar_one()
        if there != wanted:
            if due_from(self._database, "analytics_recount", self._clock(), _RECOUNT_EVERY) is not None:
                self.rebuild()
        elif anything:
            for _ in range(_ROUNDS):
                if not self.add_noted():
                    break

    def wanted(self, session: orm.Session) -> Basis:
        """What the sums must have been counted by, to count now."""
        return Basis(self._settings.current(session).system.zone, self._currency)

    def add_noted(self) -> bool:
        """Some of it, in a short transaction. False when nothing is left that could be added."""
        with self._database.transaction() as session:
            basis.take_turn(session)
            there = basis.may_add(session)
            if there is None:
                return False
            found = noted(session, there, changes=_CHANGES, entries=_ENTRIES)
            sums.add(session, found.found)
            _forget(session, found)
        return len(found.changes) == _CHANGES or len(found.entries) == _ENTRIES

    def rebuild(self) -> int:
        """Count everything anew, while answers come from the sums there are. Returns how many there are then, or 0 if
        another recount was begun meanwhile."""
        with self._database.transaction() as session:
            basis.take_turn(session)
            wanted = self.wanted(session)
            if basis.standing(session) != wanted:
                session.execute(sa.delete(C))  # by another calendar
            number = basis.begin_recount(session, wanted)
        with snapshot(self._database) as session:
            found, seen = recount(session, wanted), noted(session, wanted)
        with self._database.transaction() as session:
            basis.take_turn(session)
            if not basis.complete(session, number):
                return 0  # another recount was begun, and will count
            session.execute(sa.delete(S))
            sums.add(session, found)
            _forget(session, seen)
        return len(found)

    def differences(self) -> list[tuple[Key, int, int]] | None:
        """(which sum, what is kept, what it should be) of those that are wrong. None while they were never counted, or
        are by another calendar: then nobody is answered from them."""
        with snapshot(self._database) as session:
            wanted = self.wanted(session)
            if basis.standing(session) != wanted:
                return None
            kept = noted(session, wanted).found
            for row in session.execute(sa.select(S)):
                kept[row.span, row.start, row.measure, row.key] += row.value
            should = recount(session, wanted)
        return [
            (key, kept[key], should[key]) for key in sorted(kept.keys() | should.keys()) if kept[key] != should[key]
        ]


def _forget(session: orm.Session, found: Noted) -> None:
    for column, ids in ((C.c.id, found.changes), (E.c.entry_id, found.entries)):
        for start in range(0, len(ids), _AT_ONCE):
            session.execute(sa.delete(column.table).where(column.in_(ids[start : start + _AT_ONCE])))
