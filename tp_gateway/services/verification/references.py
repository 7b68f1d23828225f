"""Every id leads to a row. The databases see to most of it, unless somebody has worked on the store past their rules;
three columns have no foreign key for reasons of their own."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa

from tp_gateway.models import Base, Invoice, Payable, Remittance, Statement, StatementLine, table
from tp_gateway.services.verification.check import Check, Look, finds

_WITHOUT_KEY: tuple[tuple[type[Base], str, type[Base]], ...] = (
    (StatementLine, "statement_id", Statement),
    (Payable, "invoice_id", Invoice),
    (Remittance, "statement_line_id", StatementLine),
)


def _references() -> Iterator[tuple[sa.Column[int], sa.Column[int]]]:
    for name in sorted(Base.metadata.tables):
        for key in sorted(Base.metadata.tables[name].foreign_keys, key=lambda one: one.parent.name):
            yield key.parent, key.column
    for model, column, there in _WITHOUT_KEY:
        yield table(model).c[column], table(there).c.id


def _orphans(column: sa.Column[int], target: sa.Column[int]) -> Look:
    there = target.table.alias("there")
    own = next(iter(column.table.primary_key))
    leads_nowhere = ~sa.exists().where(there.c[target.name] == column)
    query = sa.select(own.label("id"), column.label("value")).where(column.is_not(None), leads_nowhere)
    text = f"{column.table.name} {{id}}: its {column.name} is {{value}}, which is not among the {target.table.name}"
    return finds(query, text)


_REFERENCES = tuple(_references())

CHECKS = (
    Check(
        "ids-lead-somewhere",
        "Every id in a row is that of a row which is there.",
        tuple(dict.fromkeys(column.table for column, _ in _REFERENCES if isinstance(column.table, sa.Table))),
        tuple(_orphans(column, target) for column, target in _REFERENCES),
    ),
)
