"""What all tables share: named constraints, aware UTC moments, and the column types that mean the same on both
databases."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy import orm

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""SQLite only counts up a column that is exactly INTEGER; its integers have 64 bits anyway."""


class UtcDateTime(sa.TypeDecorator[datetime]):
    """An aware UTC datetime. PostgreSQL keeps `timestamptz`; SQLite loses the zone, so it gets naive UTC and is read
    as UTC."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without a time zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(orm.DeclarativeBase):
    metadata = sa.MetaData(naming_convention=NAMING)
    type_annotation_map = {  # noqa: RUF012 - the name is SQLAlchemy's
        datetime: UtcDateTime(),
        dict[str, Any]: sa.JSON(none_as_null=True),
        list[Any]: sa.JSON(none_as_null=True),
        str: sa.Text(),
    }


def table(model: type[Base]) -> sa.Table:
    """The table of a model, for Core statements."""
    return cast("sa.Table", model.__table__)


def primary_key() -> orm.MappedColumn[int]:
    return orm.mapped_column(BigId, primary_key=True, autoincrement=True)


def reference_to(column: str, *, nullable: bool = False, index: bool = False) -> orm.MappedColumn[Any]:
    """A foreign key to an id column, never cascading: nothing here is deleted."""
    return orm.mapped_column(BigId, sa.ForeignKey(column), nullable=nullable, index=index)


def due_index(name: str, column: str) -> sa.Index:
    """Over what still waits for its turn: small, however many rows are done with."""
    waiting = sa.text(f"{column} IS NOT NULL")
    return sa.Index(f"ix_{name}_{column}", column, postgresql_where=waiting, sqlite_where=waiting)


def one_of(column: str, values: Any, name: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(f"{column} IN ({', '.join(repr(str(value)) for value in values)})", name=name)


def is_currency(column: str = "currency") -> sa.CheckConstraint:
    return sa.CheckConstraint(f"length({column}) = 3 AND {column} = upper({column})", name="currency")
