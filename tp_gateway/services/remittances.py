"""What providers pay out to the clinic's bank account: asked for in turns, looked at again until it is over, and shown
to staff. What a look shows is written by `remittance_settlement`."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway import observability
from tp_gateway.contract import Remittance, RemittanceState
from tp_gateway.database import Database
from tp_gateway.errors import NotFound
from tp_gateway.models import Remittance as RemittanceRow
from tp_gateway.models import RemittanceItem, table
from tp_gateway.registry import GuardedProvider, ProviderFailed, Registry
from tp_gateway.services import cursors
from tp_gateway.services.clock import Clock
from tp_gateway.services.one_by_one import Round, one_by_one
from tp_gateway.services.remittance_payments import OF_PAYMENTS, payments_of
from tp_gateway.services.remittance_settlement import Look, apply
from tp_gateway.timing import Timing

M, I = table(RemittanceRow), table(RemittanceItem)  # noqa: E741
_SECONDS_A_WINDOW = 120.0
_MAY_STILL_FAIL = timedelta(days=10)
"""So long after its day one that was paid is looked at again. At Stripe it may fail within five business days
(docs.stripe.com/api/payouts/object#payout_object-status)."""
_LISTED_BY_NOW = timedelta(hours=1)
"""What was made just now may be missing in a provider's list; not after this."""
_FAILURES_IN_A_ROW = 2
log = observability.logger(__name__)


@dataclass(frozen=True, slots=True)
class RemittanceSums:
    """What the `count` items of a remittance come to, in minor units. `net` is `gross` less `fees`; of `unknown` items
    the payment should be known and is not."""

    count: int = 0
    gross: int = 0
    fees: int = 0
    net: int = 0
    unknown: int = 0


@dataclass(frozen=True, slots=True)
class RemittanceFacts:
    """A remittance, `amount` in minor units of `currency`. `note` says what is not explained."""

    id: int
    provider: str
    reference: str
    amount: int
    currency: str
    arrives_on: date
    state: str
    statement_text: str
    statement_line_id: int | None
    explained: bool
    note: str
    created_at: datetime
    sums: RemittanceSums


@dataclass(frozen=True, slots=True)
class RemittanceItemFacts:
    """One movement in it, in minor units of the remittance's currency; `net` is `amount` less `fee`."""

    transaction_id: str
    kind: str
    amount: int
    fee: int
    net: int
    reference: str | None
    payment_id: int | None


_OWN = [M.c[field.name] for field in fields(RemittanceFacts) if field.name != "sums"]
_ITEM = [I.c[field.name] for field in fields(RemittanceItemFacts)]


class Remittances:
    def __init__(self, database: Database, registry: Registry, timing: Timing, clock: Clock) -> None:
        self._database, self._registry, self._timing, self._clock = database, registry, timing, clock

    def sweep(self) -> int:
        """Ask every provider that can tell, once for all processes per interval. Returns how many remittances were
        looked at. A stretch of time that could not be asked for, or was not written down whole, is asked for again."""
        done = 0
        for provider in self._registry:
            if not provider.manifest.capabilities.remittances:
                continue
            name, now = f"remittances:{provider.slug}", self._clock()
            start = cursors.due_from(self._database, name, now, self._timing.remittance_interval)
            if start is None:
                continue
            done += self._look_through(provider, name, start)
        return done

    def list(
        self,
        *,
        provider: str | None = None,
        state: str | None = None,
        explained: bool | None = None,
        limit: int = 50,
        before_id: int | None = None,
    ) -> list[RemittanceFacts]:
        """Newest first."""
        wanted: Mapping[Any, Any] = {M.c.provider: provider, M.c.state: state, M.c.explained: explained}
        query = sa.select(*_OWN).where(*(column == value for column, value in wanted.items() if value is not None))
        if before_id is not None:
            query = query.where(M.c.id < before_id)
        with self._database.read() as session:
            return _with_sums(session, session.execute(query.order_by(M.c.id.desc()).limit(limit)).all())

    def get(self, remittance_id: int) -> tuple[RemittanceFacts, Sequence[RemittanceItemFacts]]:
        """A remittance with its items in the order in which they were told. NotFound."""
        with self._database.read() as session:
            found = _with_sums(session, session.execute(sa.select(*_OWN).where(M.c.id == remittance_id)).all())
            if not found:
                raise NotFound
            items = session.execute(sa.select(*_ITEM).where(I.c.remittance_id == remittance_id).order_by(I.c.id))
            return found[0], [RemittanceItemFacts(**row._mapping) for row in items]

    def _look_through(self, provider: GuardedProvider, name: str, start: datetime) -> int:
        """First where those are that are not over yet, then what is new; the cursor stops before the first stretch that
        was not written down whole. One that cannot be read does not hide what came after it; but a provider that fails
        twice in a row is left in peace until the next turn, because its failures count against payments too."""
        done, in_a_row, whole = 0, 0, True
        again = [(begin, begin + cursors.WINDOW) for begin in self._not_over(provider.slug, start)]
        for begin, end in (*again, *cursors.windows(start, self._clock())):
            try:
                round_ = self._window(provider, begin, end)
                in_a_row = 0
            except ProviderFailed:
                log.warning("remittances_failed", provider=provider.slug, since=begin.isoformat())
                round_, in_a_row = Round(0, 1), in_a_row + 1
            if in_a_row == _FAILURES_IN_A_ROW:
                break
            done += round_.done
            whole = whole and (not round_.failed or begin < start)
            if whole and begin >= start:
                cursors.advance(self._database, name, begin, min(end, self._clock() - _LISTED_BY_NOW))
        return done

    def _window(self, provider: GuardedProvider, begin: datetime, end: datetime) -> Round:
        look = Look(provider.slug, self._clock(), begin)
        told, whole = provider.list_remittances(begin, end, time.monotonic() + _SECONDS_A_WINDOW)

        def write(one: Remittance) -> bool:
            with self._database.read() as session:  # beforehand: searching takes longer than writing
                payments = payments_of(session, provider.slug, one)
            with self._database.transaction() as session:
                return apply(session, look, one, payments, self._clock())

        written = one_by_one("remittances", told, write)
        return Round(written.done, written.failed + (not whole))

    def _not_over(self, slug: str, before: datetime) -> Sequence[datetime]:
        """Where those were listed that are in transit, or were paid lately."""
        lately = (self._clock() - _MAY_STILL_FAIL).date()
        open_ = sa.or_(
            M.c.state == RemittanceState.IN_TRANSIT,
            sa.and_(M.c.state == RemittanceState.PAID, M.c.arrives_on >= lately),
        )
        query = sa.select(M.c.listed_from).where(M.c.provider == slug, open_, M.c.listed_from < before)
        with self._database.read() as session:
            return session.execute(query.distinct().order_by(M.c.listed_from)).scalars().all()


def _with_sums(session: orm.Session, rows: Sequence[Any]) -> list[RemittanceFacts]:
    unknown = sa.and_(I.c.payment_id.is_(None), I.c.kind.in_(OF_PAYMENTS))
    query = sa.select(
        I.c.remittance_id,
        sa.func.count().label("count"),
        sa.func.sum(I.c.amount).label("gross"),
        sa.func.sum(I.c.fee).label("fees"),
        sa.func.sum(I.c.net).label("net"),
        sa.func.count(sa.case((unknown, 1))).label("unknown"),
    ).where(I.c.remittance_id.in_([row.id for row in rows]))
    found = session.execute(query.group_by(I.c.remittance_id)).all()
    sums = {one.remittance_id: RemittanceSums(*map(int, one[1:])) for one in found}
    return [RemittanceFacts(**row._mapping, sums=sums.get(row.id, RemittanceSums())) for row in rows]
