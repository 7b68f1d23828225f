"""Proves that the whole store adds up: every check there is, over one moment of it, in statements over whole tables.

It changes nothing, asks no provider and makes nobody wait. What it believes is only what was written down for good: the
ledger's entries and the history; everything else must follow from them.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway import schema
from tp_gateway.database import Database
from tp_gateway.errors import ConfigurationError
from tp_gateway.services.snapshots import snapshot
from tp_gateway.services.verification import (
    balances,
    disputes,
    entries,
    histories,
    invoices,
    operations,
    references,
    refunds,
    rules,
    sole_payers,
    statements,
)
from tp_gateway.services.verification.check import Check

__all__ = ["Check", "Result", "all_checks", "verify"]

_GROUPS = (rules, entries, balances, invoices, operations, refunds, disputes, statements, histories, references)


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one check: how many `rows` it looked at, in how many `seconds`, how many contradictions it found in
    all, and the `first` of them in words."""

    check: Check
    rows: int
    seconds: float
    contradictions: int
    first: tuple[str, ...]


def all_checks(sole_payer_slugs: Collection[str]) -> tuple[Check, ...]:
    """`sole_payer_slugs` names the providers whose payments settle a service alone."""
    return (*(one for group in _GROUPS for one in group.CHECKS), *sole_payers.checks(sole_payer_slugs))


def verify(database: Database, sole_payer_slugs: Collection[str], limit: int) -> Iterator[Result]:
    """Each check in turn, as it is done, with at most `limit` contradictions in words. All of them see one moment.
    ConfigurationError for the schema of another version."""
    with snapshot(database) as session:
        if not schema.is_current(session.connection()):
            raise ConfigurationError("a newer version has migrated this database: verify it with that version")
        counted: dict[str, int] = {}
        for check in all_checks(sole_payer_slugs):
            began = time.monotonic()
            contradictions, first = check.run(session, limit)
            seconds = time.monotonic() - began
            rows = sum(_rows(session, one, counted) for one in check.tables)
            yield Result(check, rows, seconds, contradictions, tuple(first))


def _rows(session: orm.Session, table: sa.Table, counted: dict[str, int]) -> int:
    if table.name not in counted:
        counted[table.name] = session.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
    return counted[table.name]
