"""What a check is: a promise about the whole store, and the queries that find where it is broken."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway.models import Base, table

Found = tuple[int, list[str]]
"""How many contradictions there are in all, and the first of them as texts."""
Look = Callable[[orm.Session, int], Found]
"""Looks at the store, and tells at most so many of them."""
_COUNT = "all_contradictions"


@dataclass(frozen=True, slots=True)
class Check:
    """`promise` is one sentence for a person; `tables` is whose rows are looked at."""

    name: str
    promise: str
    tables: tuple[sa.Table, ...]
    looks: tuple[Look, ...]

    def run(self, session: orm.Session, limit: int) -> Found:
        count, texts = 0, list[str]()
        for look in self.looks:
            found, told = look(session, limit - len(texts))
            count += found
            texts += told
        return count, texts


def check(name: str, promise: str, models: type[Base] | Iterable[type[Base]], *looks: Look) -> Check:
    tables = (models,) if isinstance(models, type) else models
    return Check(name, promise, tuple(map(table, tables)), looks)


def finds(query: sa.Select[Any], text: str) -> Look:
    """A query that gives a row for each contradiction, told by `text` with the names of its columns in braces. Amounts
    are minor units. All are counted and the first told in one pass; a store without any pays for nothing more."""
    first = query.order_by(*query.selected_columns.values()[:1])
    counted = first.add_columns(sa.func.count().over().label(_COUNT))

    def look(session: orm.Session, limit: int) -> Found:
        rows = session.execute(counted.limit(max(1, limit))).mappings().all()
        told = [text.format(**{name: _plain(value) for name, value in row.items()}) for row in rows[:limit]]
        return (rows[0][_COUNT] if rows else 0), told

    return look


def _plain(value: Any) -> Any:
    return int(value) if isinstance(value, Decimal) else value


def total(amount: sa.ColumnElement[Any]) -> sa.ColumnElement[int]:
    """The sum, 0 of nothing. An integer: PostgreSQL's own sum of bigints is a numeric."""
    return sa.cast(sa.func.coalesce(sa.func.sum(amount), 0), sa.BigInteger)


def or_zero(column: sa.ColumnElement[Any]) -> sa.ColumnElement[int]:
    """For the side of an outer join that may be missing."""
    return sa.func.coalesce(column, 0)
