"""Series of numbers without gaps, such as `INV-2025-001`: one for each year, counted by a row of its own."""

from __future__ import annotations

import sqlalchemy as sa

from tp_gateway.models import Base, Counter, table
from tp_gateway.services.verification.check import Check, check, finds

N = table(Counter)
_DIGITS = "0123456789"
_COUNTER = sa.func.coalesce(N.c.value, 0)


def _only_digits(text: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    return sa.and_(text != "", sa.func.ltrim(text, _DIGITS) == "")


def numbered(
    name: str, promise: str, model: type[Base], number: sa.ColumnElement[str], prefix: str, counter: str
) -> Check:
    """`number` is a column of the model: `PREFIX-YYYY-NNN`, counted by the counter `counter:YYYY`."""
    own = table(model)
    year = sa.func.substr(number, len(prefix) + 2, 4)
    place = sa.func.substr(number, len(prefix) + 7)
    well_formed = sa.and_(
        number.like(f"{prefix}-____-%"),
        _only_digits(year),
        _only_digits(place),
        sa.func.length(place) >= 3,
        sa.or_(sa.func.length(place) == 3, sa.func.substr(place, 1, 1) != "0"),
    )
    placed = sa.select(year.label("year"), sa.cast(sa.case((well_formed, place)), sa.BigInteger).label("place"))
    numbers = placed.where(well_formed).subquery()
    years = (
        sa.select(numbers.c.year, sa.func.count().label("count"), sa.func.max(numbers.c.place).label("last")).group_by(
            numbers.c.year
        )
    ).subquery()
    return check(
        name,
        promise,
        model,
        finds(
            sa.select(own.c.id, number.label("number")).where(number.is_not(None), ~well_formed),
            f"{own.name} {{id}}: {{number!r}} is no number {prefix}-YYYY-NNN",
        ),
        finds(
            sa.select(years.c.year, years.c.count, years.c.last, _COUNTER.label("counter"))
            .outerjoin(N, N.c.name == f"{counter}:" + years.c.year)
            .where(sa.or_(years.c.count != years.c.last, years.c.last != _COUNTER)),
            f"{prefix}-{{year}}: {{count}} numbers, the last is {{last}}, the counter stands at {{counter}}",
        ),
        finds(
            sa.select(N.c.name, N.c.value)
            .outerjoin(years, N.c.name == f"{counter}:" + years.c.year)
            .where(N.c.name.like(f"{counter}:%"), N.c.value != 0, years.c.year.is_(None)),
            f"counter {{name}} stands at {{value}}, and there is no {counter.replace('_', ' ')} of that year",
        ),
    )
