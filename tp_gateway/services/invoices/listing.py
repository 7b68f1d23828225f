"""Finds invoices, a page at a time. Each way to ask walks one index in the order that is shown, so that a page costs
what a page costs, however many invoices there are.

What depends on the due day (`overdue` does, and so do `pending` and `partially_paid`, which are not overdue) is
therefore shown in the order of due days. The invoices of one patient, and of a rare word, are few: they are looked
through. Words that are not rare are looked for in the invoices as they come.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway.errors import ValidationError
from tp_gateway.identity import Identity
from tp_gateway.models import Invoice, InvoiceWord, table
from tp_gateway.models.invoice import IS_UNPAID
from tp_gateway.models.states import InvoiceStatus
from tp_gateway.services.facts import InvoiceFacts
from tp_gateway.services.invoices.credit import credit_of
from tp_gateway.services.invoices.reading import INVOICES, OVERDUE, status_on, to_facts
from tp_gateway.services.invoices.words import words

V, W = table(Invoice), table(InvoiceWord)
STATUSES = (*(str(status) for status in InvoiceStatus), OVERDUE)
_BY_DUE_DAY = (InvoiceStatus.PENDING, InvoiceStatus.PARTIALLY_PAID, OVERDUE)
SORTS = ("newest", "oldest", "due_date", "-due_date")
_AS_MADE, _AS_DUE = SORTS[:2], SORTS[2:]
_MOST_WORDS = 8
_SOME, _FEW, _MANY = 1_000, 3_000, 10_000
"""The invoices of a word that has fewer than the second can be looked through; from the first on that takes its time,
where they lie far apart. How many more than the third a word has is not counted: of several words one that is rarer
leads the search."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is looked for, and which page: `limit` invoices after the one called `before_id`, in the order of `sort`
    (None: as the filters have it)."""

    limit: int
    patient_id: int | None = None
    status: str | None = None
    due_from: date | None = None
    due_to: date | None = None
    text: str | None = None
    sort: str | None = None
    before_id: int | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """`invoices` with their public status; `more` follow. `credit` is what the one patient has who is looked at, in
    minor units of `currency`; None for more than one."""

    invoices: Sequence[tuple[InvoiceFacts, str]]
    more: bool
    credit: int | None
    currency: str


def find(
    session: orm.Session, who: Identity, wish: Wish, today: date, currency: str, not_credit: Collection[str]
) -> Listed:
    """A patient finds own ones. ValidationError for a `sort` that the filters do not have, or a `text` of no words."""
    if not who.is_staff and wish.patient_id not in (None, who.user_id):
        return Listed((), False, None, currency)
    patient_id = wish.patient_id if who.is_staff else who.user_id
    sort = _sort(wish, one_patient=patient_id is not None)
    way = _way(session, wish, sort, patient_id)
    query = _in_order(session, _filtered(way, wish, today), way, wish, sort, patient_id)
    picked = list(session.execute(query.limit(wish.limit + 1)).scalars())
    page = picked[: wish.limit]
    rows = {row.id: row for row in session.execute(INVOICES.where(V.c.id.in_(page)))}
    found = [to_facts(rows[one]) for one in page]
    lots = credit_of(session, patient_id, currency, not_credit) if patient_id is not None else None
    credit = sum(lot.amount for lot in lots) if lots is not None else None
    return Listed([(facts, status_on(facts, today)) for facts in found], len(picked) > wish.limit, credit, currency)


def _sort(wish: Wish, *, one_patient: bool) -> str:
    by_due_day = wish.status in _BY_DUE_DAY or wish.due_from is not None or wish.due_to is not None
    possible: Sequence[str] = _AS_DUE if by_due_day and not one_patient else SORTS
    if wish.sort is not None and wish.sort not in possible:
        raise ValidationError({"sort": [f"With these filters one of: {', '.join(possible)}"]})
    return wish.sort or possible[0]


@dataclass(frozen=True, slots=True)
class _Way:
    """How to the invoices: `query` gives their `ids`, a few of them, of which the other columns are `shown` hidden, or
    all in the order of an index."""

    query: sa.Select[Any]
    ids: Any = V.c.id
    shown: Callable[[Any], Any] = lambda column: column


def _way(session: orm.Session, wish: Wish, sort: str, patient_id: int | None) -> _Way:
    asked, fewest = _words(session, wish)
    rare = 0 <= fewest < _FEW
    filtered = wish.status is not None or wish.due_from is not None or wish.due_to is not None
    every = sa.select(V.c.id)
    if patient_id is not None:
        return _Way(_having(every.where(V.c.patient_id == patient_id), V.c.id, asked), _hidden(V.c.id), _hidden)
    if asked and sort in _AS_MADE and (rare or not filtered):
        # The index of words has the invoices of each in the order of their ids.
        found = sa.select(W.c.invoice_id).where(W.c.word == asked[0])
        found = found.join(V, V.c.id == W.c.invoice_id) if filtered else found
        return _Way(_having(found, W.c.invoice_id, asked[1:]), W.c.invoice_id, _hidden)
    if rare and fewest >= _SOME and wish.status in (None, *_BY_DUE_DAY):
        # An index by due day has all that is asked, so none of the word's invoices has to be fetched for it.
        of_word = sa.select(W.c.invoice_id).where(W.c.word == asked[0])
        return _Way(_having(every.where(_hidden(V.c.id).in_(of_word)), V.c.id, asked[1:]))
    if rare:
        found = every.join(W, W.c.invoice_id == V.c.id).where(W.c.word == asked[0])
        return _Way(_having(found, W.c.invoice_id, asked[1:]), V.c.id, _hidden)
    return _Way(_having(every, V.c.id, asked))


def _words(session: orm.Session, wish: Wish) -> tuple[list[str], int]:
    """(what is asked, the rarest word first; how many invoices that one has, as far as it is counted; -1 for none)."""
    if wish.text is None:
        return [], -1
    asked = words(wish.text)
    if not 0 < len(asked) <= _MOST_WORDS:
        raise ValidationError({"text": [f"One to {_MOST_WORDS} words"]})
    most = _MANY if len(asked) > 1 else _FEW
    counted = sorted((_invoices_with(session, word, most), word) for word in asked)
    return [word for _, word in counted], counted[0][0]


def _invoices_with(session: orm.Session, word: str, most: int) -> int:
    some = sa.select(W.c.invoice_id).where(W.c.word == word).limit(most).subquery()
    return int(session.execute(sa.select(sa.func.count()).select_from(some)).scalar_one())


def _hidden(column: Any) -> Any:
    """The column, so that no index on it lures the planner away from the few rows that are looked through anyway."""
    return sa.func.coalesce(column, column)


def _having(query: sa.Select[Any], invoice_id: Any, asked: Sequence[str]) -> sa.Select[Any]:
    for word in asked:
        other = W.alias()
        has = sa.select(other.c.word).where(other.c.word == word, other.c.invoice_id == invoice_id)
        query = query.where(has.exists())
    return query


def _filtered(way: _Way, wish: Wish, today: date) -> sa.Select[Any]:
    query, status, due = way.query, way.shown(V.c.status), way.shown(V.c.due_date)
    if wish.status == OVERDUE:
        # Said as the partial index of unpaid invoices says it, where that is the way.
        unpaid = sa.text(f"invoices.{IS_UNPAID}") if way.shown is not _hidden else status.in_(_BY_DUE_DAY[:2])
        query = query.where(unpaid, due < today)
    elif wish.status is not None:
        query = query.where(status == wish.status)
        query = query.where(due >= today) if wish.status in _BY_DUE_DAY else query
    if wish.due_from is not None:
        query = query.where(due >= wish.due_from)
    if wish.due_to is not None:
        query = query.where(due <= wish.due_to)
    return query


def _in_order(
    session: orm.Session, query: sa.Select[Any], way: _Way, wish: Wish, sort: str, patient_id: int | None
) -> sa.Select[Any]:
    """After the last one of the page before."""
    ids, due = way.ids, way.shown(V.c.due_date)
    columns = (ids,) if sort in _AS_MADE else (due, ids)
    falling = sort in ("newest", "-due_date")
    query = query.order_by(*(column.desc() if falling else column for column in columns))
    if wish.before_id is None:
        return query
    last: tuple[Any, ...] = (wish.before_id,)
    if sort in _AS_DUE:
        day = sa.select(V.c.due_date).where(V.c.id == wish.before_id)
        day = day.where(V.c.patient_id == patient_id) if patient_id is not None else day
        last = (session.execute(day).scalar() or date.min, *last)
    place, behind = sa.tuple_(*columns), sa.tuple_(*last, types=[column.type for column in columns])
    return query.where(place < behind if falling else place > behind)
