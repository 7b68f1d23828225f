"""Many rows of one table at once, new or known: what stands there is looked at once, and only what differs is written.

Whoever calls holds the turn of all pushes, so that nobody else writes these tables meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway.database import upsert

Row = tuple[int, Mapping[str, Any]]
"""What a caller calls it, and its fields."""
Key = tuple[Any, ...]
Problems = dict[str, list[str]]
_BATCH = 500
"""Rows of one transaction: what they lock is free again soon."""


@dataclass(frozen=True, slots=True)
class Change:
    """A row as it was (None: it is new) and as it is now."""

    before: Mapping[str, Any] | None
    after: Mapping[str, Any]

    @property
    def whole(self) -> Mapping[str, Any]:
        """As it is now, with the fields that were not given."""
        return {**(self.before or {}), **self.after}

    def became(self, name: str, value: Any) -> bool:
        """Has the field `name` this value now, and had it not before?"""
        return bool(self.after[name] == value and (self.before is None or self.before[name] != value))


@dataclass(slots=True)
class UpsertResult:
    """How many rows were new, changed, as they were before, or refused: `errors` is row index -> field -> messages."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    errors: dict[int, Mapping[str, list[str]]] = field(default_factory=dict)

    def add(self, changes: Sequence[Change], good: int) -> None:
        """`changes` of `good` rows."""
        created = sum(change.before is None for change in changes)
        self.created += created
        self.updated += len(changes) - created
        self.unchanged += good - len(changes)


def key_of(table: sa.Table, row: Mapping[str, Any]) -> Key:
    return tuple(row[column.name] for column in table.primary_key)


def batches(table: sa.Table, rows: Iterable[Row]) -> Iterator[list[Row]]:
    """In the order given, no key twice in a batch: so the last of one key wins."""
    batch: dict[Key, Row] = {}
    for index, row in rows:
        key = key_of(table, row)
        if len(batch) == _BATCH or key in batch:
            yield list(batch.values())
            batch = {}
        batch[key] = (index, row)
    if batch:
        yield list(batch.values())


def standing(
    session: orm.Session, table: sa.Table, wanted: Iterable[Mapping[str, Any]]
) -> dict[Key, Mapping[str, Any]]:
    """Those of `wanted` that are there, as they stand."""
    keys = [key_of(table, row) for row in wanted]
    columns = list(table.primary_key)
    # A single column as such: a list of it is searched by its index on either database.
    found = columns[0].in_([key[0] for key in keys]) if len(columns) == 1 else sa.tuple_(*columns).in_(keys)
    rows = (dict(row._mapping) for row in session.execute(sa.select(table).where(found)))
    return {key_of(table, row): row for row in rows}


def differing(
    table: sa.Table, known: Mapping[Key, Mapping[str, Any]], rows: Iterable[Mapping[str, Any]]
) -> list[Change]:
    """The rows that are new, or not as they stand."""
    changes = (Change(known.get(key_of(table, row)), row) for row in rows)
    return [
        one for one in changes if one.before is None or any(one.before[name] != one.after[name] for name in one.after)
    ]


def write(session: orm.Session, table: sa.Table, changes: Sequence[Change], now: datetime) -> None:
    """All rows have the same fields. Ordered by key, as everything here is locked."""
    rows = sorted((dict(change.after) for change in changes), key=lambda row: key_of(table, row))
    if rows:
        upsert(session, table, [row | {"updated_at": now} for row in rows])
