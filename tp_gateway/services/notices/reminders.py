"""Finds invoices that have become overdue, and tells so once for each of the clinic's rules: `invoice.overdue`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from itertools import pairwise

import sqlalchemy as sa

from tp_gateway.database import Database, InsertOnce
from tp_gateway.models import Invoice, InvoiceReminder, table
from tp_gateway.models.invoice import IS_UNPAID
from tp_gateway.services import history
from tp_gateway.services.clock import Clock
from tp_gateway.services.practice_settings import PracticeSettingsStore

V, R = table(Invoice), table(InvoiceReminder)
_ONCE = InsertOnce(R, ["invoice_id", "days"], tells=R.c.invoice_id)
_TIMELY = 7
"""For so many days a rule counts. What was missed by then is not caught up: whoever switches this on has old
invoices."""


class Reminders:
    """`rules`: how many days after its due date an unpaid invoice is reminded of."""

    def __init__(self, database: Database, settings: PracticeSettingsStore, rules: Iterable[int], clock: Clock) -> None:
        self._database, self._settings, self._clock = database, settings, clock
        self._rules = sorted(set(rules))

    def run(self, limit: int = 100) -> int:
        """Returns how many became facts. Several at once are safe."""
        return sum(self._remind(days, until, limit) for days, until in self._windows())

    def _windows(self) -> Iterator[tuple[int, int]]:
        """(days, until): each rule counts until the next one does, so that one run reminds once."""
        for days, following in pairwise([*self._rules, sys.maxsize]):
            yield days, min(days + _TIMELY, following)

    def _remind(self, days: int, until: int, limit: int) -> int:
        count = 0
        while True:
            now = self._clock()
            with self._database.read() as session:
                today = now.astimezone(self._settings.current(session).system.zone).date()
                found = session.execute(_due(today, days, until).limit(limit)).scalars().all()
            if not found:
                return count
            with self._database.transaction() as session:
                rows = [{"invoice_id": invoice_id, "days": days, "made_at": now} for invoice_id in found]
                for invoice_id in _ONCE.new(session, rows):
                    history.tell_invoice(session, "invoice.overdue", invoice_id, now, days_overdue=days)
                    count += 1


def _due(today: date, days: int, until: int) -> sa.Select[tuple[int]]:
    reminded = sa.exists().where(R.c.invoice_id == V.c.id, R.c.days == days)
    due = (V.c.due_date <= today - timedelta(days=days), V.c.due_date > today - timedelta(days=until))
    return sa.select(V.c.id).where(sa.text(f"invoices.{IS_UNPAID}"), *due, ~reminded).order_by(V.c.due_date)
