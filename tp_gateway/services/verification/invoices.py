"""Invoices: their figures follow from their lines and from the ledger, their status from their figures, and their
numbers have no gap."""

from __future__ import annotations

import sqlalchemy as sa

from tp_gateway.models import Invoice, InvoiceItem, Payable, Payment, table
from tp_gateway.models.states import GstTreatment
from tp_gateway.models.states import InvoiceStatus as Status
from tp_gateway.services.invoices.gst import WHOLE
from tp_gateway.services.verification.check import check, finds, or_zero, total
from tp_gateway.services.verification.numbers import numbered

V, I, Y, P = (table(model) for model in (Invoice, InvoiceItem, Payable, Payment))  # noqa: E741

_INCLUDED = (2 * I.c.total * I.c.gst_rate + WHOLE + I.c.gst_rate) // (2 * (WHOLE + I.c.gst_rate))
"""As `services.invoices.gst.included`, of whole numbers in SQL."""
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
        "invoices-gst",
        "Each line's GST is what its total includes at its rate, and what is free of GST has none.",
        InvoiceItem,
        finds(
            sa.select(I.c.id, I.c.invoice_id, I.c.gst_treatment, I.c.gst_rate, I.c.total, I.c.gst).where(
                sa.or_(I.c.gst != _INCLUDED, (I.c.gst_treatment == GstTreatment.GST_FREE) & (I.c.gst_rate != 0))
            ),
            "line {id} of invoice {invoice_id}: {gst} of GST in {total} at {gst_rate}, which is {gst_treatment}",
        ),
    ),
    numbered(
        "invoices-numbers",
        "The numbers of each year's invoices run from 001 to the year's counter without a gap.",
        Invoice,
        V.c.number,
        "INV",
        "invoice",
    ),
)
