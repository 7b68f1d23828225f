"""Invoices: their figures follow from their lines and from the ledger, their status from their figures, and their
numbers have no gap."""

from __future__ import annotations

import sqlalchemy as sa

from tp_gateway.models import Counter, Invoice, InvoiceItem, Payable, Payment, table
from tp_gateway.models.states import InvoiceStatus as Status
from tp_gateway.services.verification.check import check, finds, or_zero, total

V, I, Y, P, N = (table(model) for model in (Invoice, InvoiceItem, Payable, Payment, Counter))  # noqa: E741
_DIGITS = "0123456789"

_ITEMS = sa.select(I.c.invoice_id, total(I.c.total).label("sum")).group_by(I.c.invoice_id).subquery()
_LIVE = V.c.status != Status.VOID
_NAMED_BY = Y.alias("named_by")

_TAKEN = sa.select(
    P.c.payable_id, total(P.c.captured).label("captured"), total(P.c.refunded).label("refunded")
).group_by(P.c.payable_id)
_TAKEN_BY_PAYABLE = _TAKEN.subquery()
_ALL_WENT_BACK = sa.and_(_TAKEN_BY_PAYABLE.c.captured > 0, _TAKEN_BY_PAYABLE.c.captured == _TAKEN_BY_PAYABLE.c.refunded)
_AS_ITS_FIGURES = sa.case(
    (Y.c.amount_paid >= Y.c.amount, V.c.status == Status.PAID),
    (Y.c.amount_paid > 0, V.c.status == Status.PARTIALLY_PAID),
    else_=V.c.status == Status.PENDING,
)
_GIVEN_BACK = sa.and_(
    V.c.status == Status.REFUNDED, Y.c.amount_paid >= Y.c.amount, sa.func.coalesce(_ALL_WENT_BACK, sa.false())
)


def _only_digits(text: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    return sa.and_(text != "", sa.func.ltrim(text, _DIGITS) == "")


_YEAR, _PLACE = sa.func.substr(V.c.number, 5, 4), sa.func.substr(V.c.number, 10)
_WELL_FORMED = sa.and_(
    V.c.number.like("INV-____-%"),
    _only_digits(_YEAR),
    _only_digits(_PLACE),
    sa.func.length(_PLACE) >= 3,
    sa.or_(sa.func.length(_PLACE) == 3, sa.func.substr(_PLACE, 1, 1) != "0"),
)
_PLACED = sa.select(_YEAR.label("year"), sa.cast(sa.case((_WELL_FORMED, _PLACE)), sa.BigInteger).label("place"))
_NUMBERS = _PLACED.where(_WELL_FORMED).subquery()
_YEARS = (
    sa.select(_NUMBERS.c.year, sa.func.count().label("count"), sa.func.max(_NUMBERS.c.place).label("last")).group_by(
        _NUMBERS.c.year
    )
).subquery()
_COUNTER = sa.func.coalesce(N.c.value, 0)

CHECKS = (
    check(
        "invoices-items",
        "Each invoice asks for what its lines add up to, and each line is its quantity times its price.",
        Invoice,
        finds(
            sa.select(V.c.id, V.c.number, V.c.amount, or_zero(_ITEMS.c.sum).label("sum"))
            .outerjoin(_ITEMS, _ITEMS.c.invoice_id == V.c.id)
            .where(V.c.amount != or_zero(_ITEMS.c.sum)),
            "invoice {id} ({number}) asks for {amount}, its lines add up to {sum}",
        ),
        finds(
            sa.select(I.c.id, I.c.invoice_id, I.c.quantity, I.c.unit_price, I.c.total).where(
                I.c.total != I.c.quantity * I.c.unit_price
            ),
            "line {id} of invoice {invoice_id}: {quantity} times {unit_price} is not {total}",
        ),
    ),
    check(
        "invoices-payable",
        "Each live invoice is the one that its payable names, with its amount, currency and patient; no void one is.",
        Invoice,
        finds(
            sa.select(V.c.id, V.c.number, Y.c.id.label("payable"), Y.c.invoice_id)
            .join(Y, Y.c.id == V.c.payable_id)
            .where(_LIVE, Y.c.invoice_id.is_distinct_from(V.c.id)),
            "invoice {id} ({number}) is live, and its payable {payable} names {invoice_id}",
        ),
        finds(
            sa.select(V.c.id, V.c.number, _NAMED_BY.c.id.label("payable"))
            .join(_NAMED_BY, _NAMED_BY.c.invoice_id == V.c.id)
            .where(sa.or_(~_LIVE, _NAMED_BY.c.id != V.c.payable_id)),
            "invoice {id} ({number}) is void or of another payable, and payable {payable} names it",
        ),
        finds(
            sa.select(V.c.id, V.c.number, V.c.amount, Y.c.id.label("payable"), Y.c.amount.label("asked"))
            .join(Y, Y.c.invoice_id == V.c.id)
            .where(sa.or_(V.c.amount != Y.c.amount, V.c.currency != Y.c.currency, V.c.patient_id != Y.c.patient_id)),
            "invoice {id} ({number}) asks for {amount}, payable {payable} for {asked}; or patient or currency differ",
        ),
    ),
    check(
        "invoices-status",
        "Each live invoice's status follows from what is paid: refunded only if everything went back.",
        Invoice,
        finds(
            sa.select(V.c.id, V.c.number, V.c.status, Y.c.amount, Y.c.amount_paid)
            .join(Y, Y.c.invoice_id == V.c.id)
            .outerjoin(_TAKEN_BY_PAYABLE, _TAKEN_BY_PAYABLE.c.payable_id == Y.c.id)
            .where(_LIVE, ~_AS_ITS_FIGURES, ~_GIVEN_BACK),
            "invoice {id} ({number}) is {status}, {amount_paid} of {amount} paid",
        ),
    ),
    check(
        "invoices-numbers",
        "The numbers of each year's invoices run from 001 to the year's counter without a gap.",
        Invoice,
        finds(
            sa.select(V.c.id, V.c.number).where(~_WELL_FORMED),
            "invoice {id}: {number!r} is no number of an invoice",
        ),
        finds(
            sa.select(_YEARS.c.year, _YEARS.c.count, _YEARS.c.last, _COUNTER.label("counter"))
            .outerjoin(N, N.c.name == "invoice:" + _YEARS.c.year)
            .where(sa.or_(_YEARS.c.count != _YEARS.c.last, _YEARS.c.last != _COUNTER)),
            "{year}: {count} invoices, the last number is {last}, the counter stands at {counter}",
        ),
        finds(
            sa.select(N.c.name, N.c.value)
            .outerjoin(_YEARS, N.c.name == "invoice:" + _YEARS.c.year)
            .where(N.c.name.like("invoice:%"), N.c.value != 0, _YEARS.c.year.is_(None)),
            "counter {name} stands at {value}, and there is no invoice of that year",
        ),
    ),
)
