"""Changing the keys of what is encrypted at rest, while the gateway serves. The new key stands first in the settings,
the old one behind it; afterwards nothing needs the old one any more."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from tp_gateway.crypto import Vault
from tp_gateway.database import Database, rows_changed
from tp_gateway.models import Base

SEALED = tuple(
    column for table in Base.metadata.sorted_tables for column in table.columns if column.name.endswith("_sealed")
)
"""Every column that `Vault` writes. A keyed hash of the same text, where there is one, ends in `_hash` instead."""
_BATCH = 500
_NEWEST = 100


def _one_of_the_newest(column: sa.Column[str]) -> sa.Select[Any]:
    newest = sa.select(column.label("sealed")).order_by(column.table.c.id.desc()).limit(_NEWEST).subquery()
    one = sa.select(newest).where(newest.c.sealed.is_not(None)).limit(1).subquery()
    return sa.select(one)


_ONE_OF_EACH = sa.union_all(*map(_one_of_the_newest, SEALED))


def renew(database: Database, vault: Vault) -> int:
    """Seal everything that is there with the newest key. Returns how many values were sealed anew; it may be stopped
    and started again. ConfigurationError if one opens with none of the keys."""
    return sum(_renew_column(database, vault, column) for column in SEALED)


def require_readable(database: Database, vault: Vault) -> None:
    """Start-up: the newest values open. ConfigurationError with a wrong key, before it can harm a payment."""
    with database.read() as session:
        for (sealed,) in session.execute(_ONE_OF_EACH).all():
            vault.require(sealed)


def _renew_column(database: Database, vault: Vault, column: sa.Column[str]) -> int:
    """In batches by id: short transactions, so that nobody waits for long."""
    key, last, renewed = column.table.c.id, 0, 0
    hashed = column.table.c.get(column.name.removesuffix("_sealed") + "_hash")
    while True:
        batch = sa.select(key, column).where(key > last, column.is_not(None)).order_by(key).limit(_BATCH)
        with database.read() as session:
            rows = session.execute(batch).all()
        if not rows:
            return renewed
        last = rows[-1].id
        changes = [(row.id, row[1], fresh) for row in rows if (fresh := vault.renewed(row[1])) is not None]
        if changes:
            with database.transaction() as session:
                for row_id, old, fresh in changes:
                    # Only what still stands there: a payment may have moved on meanwhile.
                    values = {column: fresh}
                    if hashed is not None:
                        values[hashed] = vault.fingerprint(vault.open(fresh))
                    same = sa.update(column.table).where(key == row_id, column == old).values(values)
                    renewed += rows_changed(session, same)
