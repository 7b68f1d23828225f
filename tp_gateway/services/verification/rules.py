"""The database's own rules, which keep the store right between two verifications: that none is missing, switched off or
changed. A restore of the tables alone, or a hand that meant well, can do that."""

from __future__ import annotations

import hashlib

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway import schema
from tp_gateway.models import Base
from tp_gateway.services.verification.check import Check, Found

_DEFINITIONS = {
    # Of PostgreSQL the function's own text and when it runs: how it prints a trigger may change with its version.
    "postgresql": "SELECT t.tgname, t.tgrelid::regclass::text || ' ' || t.tgtype || ' ' || p.prosrc || ' '"
    " || COALESCE(substring(pg_get_triggerdef(t.oid) FROM ' WHEN .* EXECUTE'), '')"
    " FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid"
    " WHERE NOT t.tgisinternal AND t.tgname LIKE 'tr\\_%' AND pg_table_is_visible(t.tgrelid)",
    "sqlite": "SELECT name, tbl_name || ' ' || sql FROM sqlite_master WHERE type = 'trigger'",
}
_MEANT: dict[str, dict[str, str]] = {
    "postgresql": {
        "tr_ledger_entries_append_only": "d47d2e7d56fe4327",
        "tr_ledger_entries_counted": "d9825631a29f19d6",
        "tr_ledger_entries_paid": "d24db9835b71eae5",
        "tr_payments_created": "7527a3e46a7221a7",
        "tr_payments_moved": "a2d5f98c9040a803",
        "tr_refunds_created": "6b311ba78aed093d",
        "tr_refunds_moved": "9595547dc64e735e",
        "tr_settings_changes_append_only": "b16088a8d12a7d35",
        "tr_transitions_append_only": "6919f4e72a01129f",
    },
    "sqlite": {
        "tr_ledger_entries_counted": "4925f3c56ffc4615",
        "tr_ledger_entries_no_delete": "ca426cf47a12131c",
        "tr_ledger_entries_no_update": "d211bff650549be1",
        "tr_ledger_entries_paid": "bbb64236b7ca7aca",
        "tr_payments_created": "1e2cf172e0ff082d",
        "tr_payments_moved": "bf797f1f6f3dc8d7",
        "tr_refunds_created": "2e5f703ebafc6b2a",
        "tr_refunds_moved": "2d75874f26b95aed",
        "tr_settings_changes_no_delete": "e1a51eeecaa29d9c",
        "tr_settings_changes_no_update": "f5c105d875386d62",
        "tr_transitions_no_delete": "e02eaf1dd2293905",
        "tr_transitions_no_update": "052507de844998ca",
    },
}
"""Trigger -> the beginning of the SHA-256 of what it does. A migration that changes one changes it here."""


def definitions(session: orm.Session) -> dict[str, str]:
    """Trigger -> the beginning of the SHA-256 of what it does in this store."""
    rows = session.execute(sa.text(_DEFINITIONS[session.connection().dialect.name])).all()
    return {name: hashlib.sha256(" ".join(text.split()).encode()).hexdigest()[:16] for name, text in rows}


def _triggers(session: orm.Session, limit: int) -> Found:
    missing = schema.missing_triggers(session.connection())
    meant, there = _MEANT[session.connection().dialect.name], definitions(session)
    texts = [f"trigger {name} is missing, or switched off" for name in missing]
    texts += [
        f"trigger {name} does something else than it should"
        for name in sorted(there.keys() & meant.keys() - set(missing))
        if there[name] != meant[name]
    ]
    return len(texts), texts[:limit]


def _constraints(session: orm.Session, limit: int) -> Found:
    inspector = sa.inspect(session.connection())
    checks, uniques = inspector.get_multi_check_constraints(), inspector.get_multi_unique_constraints()
    keys, indexes = inspector.get_multi_foreign_keys(), inspector.get_multi_indexes()
    texts = []
    for name, table in sorted(Base.metadata.tables.items()):
        at = (None, name)
        if at not in indexes:
            raise sa.exc.NoSuchTableError(name)
        there = {one["name"] for of_kind in (checks, uniques, keys) for one in of_kind[at]}
        there |= {one["name"] for one in indexes[at] if one["unique"]}
        meant: set[str] = {str(one.name) for one in table.constraints if not isinstance(one, sa.PrimaryKeyConstraint)}
        meant |= {str(one.name) for one in table.indexes if one.unique}
        texts += [f"{name} has lost its rule {rule}" for rule in sorted(meant - {str(one) for one in there})]
    return len(texts), texts[:limit]


CHECKS = (
    Check(
        "triggers",
        "The triggers that write the history, keep what is paid and refuse changes are there, and are the right ones.",
        (),
        (_triggers,),
    ),
    Check("constraints", "The database refuses what must not be: no rule of a table is missing.", (), (_constraints,)),
)
