"""What was taken on one day of the clinic's calendar, to be compared with the till, the terminal's own total and the
bank. Reads the ledger; changes nothing."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta

import sqlalchemy as sa

from tp_gateway.database import Database
from tp_gateway.models import LedgerEntry, Payment, table
from tp_gateway.models.ledger import clearing
from tp_gateway.registry import Registry
from tp_gateway.services.clock import end_of
from tp_gateway.services.practice_settings import PracticeSettingsStore

L, P = table(LedgerEntry), table(Payment)
_TAKEN, _RETURNED = ("charge", "overpayment"), ("refund", "refund_credit")
_TAKEN_BACK = ("unmatch", "unmatch_credit")
"""A line of a statement that was for something else: less was taken, and nothing was returned."""


@dataclass(frozen=True, slots=True)
class Takings:
    """One way of paying on one day: `kind` tells apart what a provider names by a parameter (cash, eftpos), "" where it
    names none. `payments` (of which something stands) and `refunds` are counts, `taken` and `returned` minor units of
    `currency`."""

    method: str
    kind: str
    currency: str
    payments: int
    taken: int
    refunds: int
    returned: int


class DayTotals:
    def __init__(self, database: Database, registry: Registry, settings: PracticeSettingsStore) -> None:
        self._database, self._registry, self._settings = database, registry, settings

    def of(self, day: date) -> list[Takings]:
        """Ordered by method and kind. A day has 23 or 25 hours twice a year."""
        query = (
            sa.select(
                *(P.c.provider, P.c.method, P.c.parameters, P.c.id, L.c.refund_id),
                *(L.c.kind, L.c.debit, L.c.amount, L.c.currency),
            )
            .join(P, P.c.id == L.c.payment_id)
            .where(L.c.kind.in_((*_TAKEN, *_RETURNED, *_TAKEN_BACK)))
        )
        with self._database.read() as session:
            zone = self._settings.current(session).system.zone
            of_that_day = (L.c.at >= end_of(day - timedelta(days=1), zone), L.c.at < end_of(day, zone))
            entries = session.execute(query.where(*of_that_day)).all()
        found: dict[tuple[str, str, str], tuple[Counter[int], set[int], list[int]]] = {}
        for entry in entries:
            key = (entry.method, self._kind(entry.provider, entry.parameters or {}), entry.currency)
            payments, refunds, sums = found.setdefault(key, (Counter(), set(), [0, 0]))
            if entry.debit == clearing(entry.provider):
                payments[entry.id] += entry.amount
                sums[0] += entry.amount
            elif entry.kind in _TAKEN_BACK:
                payments[entry.id] -= entry.amount
                sums[0] -= entry.amount
            else:
                refunds.add(entry.refund_id)
                sums[1] += entry.amount
        return [
            Takings(method, kind, currency, len(+payments), sums[0], len(refunds), sums[1])
            for (method, kind, currency), (payments, refunds, sums) in sorted(found.items())
        ]

    def _kind(self, slug: str, parameters: dict[str, object]) -> str:
        provider = self._registry.find(slug)
        name = provider.manifest.totals_by if provider is not None else None
        return str(parameters.get(name, "")) if name else ""
