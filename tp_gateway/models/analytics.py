"""Roll-ups: what analytics answers from, so that it need not count a million rows. All of it follows from other tables,
and can be counted anew (decision 0024)."""

from __future__ import annotations

from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway.models.base import Base, BigId, one_of, primary_key

SPANS = ("day", "month", "year", "ever")


class AnalyticsBasis(Base):
    """By which calendar and in which currency the roll-ups were counted; one row at most. Until they are `complete`
    they do not count, but changes are noted for them. `recount` is the number of the last one that was begun; while it
    is `counting`, what is noted is not added."""

    __tablename__ = "analytics_basis"
    __table_args__ = (sa.CheckConstraint("id = 1", name="one_row"),)

    id: orm.Mapped[int] = orm.mapped_column(primary_key=True, autoincrement=False)
    time_zone: orm.Mapped[str]
    currency: orm.Mapped[str] = orm.mapped_column(sa.String(3))
    complete: orm.Mapped[bool]
    counting: orm.Mapped[bool]
    recount: orm.Mapped[int]


class AnalyticsSum(Base):
    """`value` of one measure in the day, month or year that begins on `start`, in the clinic's calendar. Money is in
    minor units."""

    __tablename__ = "analytics_sums"
    __table_args__ = (one_of("span", SPANS, "span"),)

    span: orm.Mapped[str] = orm.mapped_column(primary_key=True)
    start: orm.Mapped[date] = orm.mapped_column(primary_key=True)
    measure: orm.Mapped[str] = orm.mapped_column(primary_key=True)
    key: orm.Mapped[str] = orm.mapped_column(primary_key=True)
    value: orm.Mapped[int] = orm.mapped_column(sa.BigInteger)


class AnalyticsChange(Base):
    """What one push changed in the sums, until it is added to them: a list of [span, start, measure, key, value]."""

    __tablename__ = "analytics_changes"

    id: orm.Mapped[int] = primary_key()
    data: orm.Mapped[list[Any]]


class AnalyticsEntry(Base):
    """An entry of the ledger that is revenue and not added to the sums yet, with the service that it was for as it was
    booked. A trigger of `ledger_entries` writes it. `entry_id` is no foreign key: nothing ever deletes an entry, and a
    payment need not wait for the look."""

    __tablename__ = "analytics_entries"

    entry_id: orm.Mapped[int] = orm.mapped_column(BigId, primary_key=True, autoincrement=False)
    service: orm.Mapped[str | None]
