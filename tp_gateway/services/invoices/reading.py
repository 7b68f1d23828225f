"""Reads one invoice in full, with whose it is checked. The one place that knows how an invoice, its payable and its
ledger are read together."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway.errors import NotFound
from tp_gateway.identity import Identity
from tp_gateway.models import (
    Appointment,
    CreditNoteLine,
    Invoice,
    InvoiceItem,
    InvoiceOperation,
    LedgerEntry,
    Payable,
    Payment,
    User,
    table,
)
from tp_gateway.models.ledger import ADJUSTMENTS, RECEIVABLE
from tp_gateway.models.states import InvoiceStatus, OperationKind
from tp_gateway.services.facts import InvoiceFacts
from tp_gateway.services.invoices import gst
from tp_gateway.services.invoices.facts import (
    CreditedLine,
    CreditNote,
    InvoiceDetail,
    InvoiceLine,
    ReceivedPayment,
)

V, I, Y, U = (table(model) for model in (Invoice, InvoiceItem, Payable, User))  # noqa: E741 - one letter a table
L, P, A, O, C = (table(one) for one in (LedgerEntry, Payment, Appointment, InvoiceOperation, CreditNoteLine))  # noqa: E741
OVERDUE = "overdue"
"""A public status that is not stored."""

INVOICES = sa.select(
    *(V.c[name] for name in ("id", "number", "patient_id", "appointment_id", "amount", "currency", "status")),
    *(V.c.description, V.c.due_date, V.c.created_at, V.c.payable_id),
    sa.case((Y.c.invoice_id == V.c.id, Y.c.amount_paid), else_=0).label("amount_paid"),
).join(Y, Y.c.id == V.c.payable_id)
"""Every column of an invoice's facts; add a WHERE."""

_INVOICE = INVOICES.add_columns(
    U.c.name.label("patient_name"), A.c.starts_at.label("starts_at"), A.c.duration_minutes.label("minutes")
)
_INVOICE = _INVOICE.join(U, U.c.id == V.c.patient_id).outerjoin(A, A.c.id == V.c.appointment_id)


def status_on(facts: InvoiceFacts, today: date) -> str:
    """The public status, which knows `overdue`: not paid in full, and its due day is over in the clinic's calendar."""
    unpaid = facts.status in (InvoiceStatus.PENDING, InvoiceStatus.PARTIALLY_PAID)
    return OVERDUE if unpaid and facts.due_date < today else facts.status


def to_facts(row: Any) -> InvoiceFacts:
    known = row._mapping
    return InvoiceFacts(**{name: known[name] for name in InvoiceFacts.__slots__})


def read_detail(
    session: orm.Session, invoice_id: int, zone: ZoneInfo, now: datetime, who: Identity | None = None
) -> InvoiceDetail:
    """NotFound if it is not there, or not the caller's."""
    row = session.execute(_INVOICE.where(V.c.id == invoice_id)).first()
    if row is None or (who is not None and not who.is_staff and row.patient_id != who.user_id):
        raise NotFound
    facts = to_facts(row)
    live = facts.status != InvoiceStatus.VOID
    credited, written_off, given_up = taken_off(session, row.payable_id) if live else (0, 0, 0)
    return InvoiceDetail(
        facts=facts,
        status=status_on(facts, now.astimezone(zone).date()),
        issued_on=facts.created_at.astimezone(zone).date(),
        patient_name=row.patient_name,
        lines=_lines(session, invoice_id),
        payments=received_payments(session, row.payable_id, zone) if live else (),
        credit_notes=_credit_notes(session, invoice_id, zone),
        money_paid=facts.amount_paid - credited - written_off - given_up,
        credited=credited,
        written_off=written_off,
        given_up=given_up,
        appointment_starts_at=row.starts_at,
        appointment_minutes=row.minutes,
    )


def taken_off(session: orm.Session, payable_id: int) -> tuple[int, int, int]:
    """(by credit notes, written off, given up otherwise): what is not asked for any more."""
    signed = sa.case((L.c.debit == ADJUSTMENTS, L.c.amount), else_=-L.c.amount)
    own = sa.case((L.c.kind.in_(("credit_note", "written_off")), L.c.kind), else_="")
    touches = sa.or_(L.c.debit == ADJUSTMENTS, L.c.credit == ADJUSTMENTS)
    query = sa.select(own.label("kind"), sa.func.sum(signed)).where(L.c.payable_id == payable_id, touches)
    sums = {kind: int(amount) for kind, amount in session.execute(query.group_by(own))}
    return sums.get("credit_note", 0), sums.get("written_off", 0), sums.get("", 0)


def _lines(session: orm.Session, invoice_id: int) -> tuple[InvoiceLine, ...]:
    credited = (
        sa.select(C.c.item_id, sa.func.sum(C.c.amount).label("credited"))
        .join(I, I.c.id == C.c.item_id)
        .where(I.c.invoice_id == invoice_id)
        .group_by(C.c.item_id)
        .subquery()
    )
    query = (
        sa.select(I, U.c.name.label("practitioner_name"), sa.func.coalesce(credited.c.credited, 0).label("credited"))
        .outerjoin(U, U.c.id == I.c.practitioner_id)
        .outerjoin(credited, credited.c.item_id == I.c.id)
        .where(I.c.invoice_id == invoice_id)
        .order_by(I.c.position)
    )
    names = [name for name in InvoiceLine.__slots__ if name not in ("gst_rate", "credited")]
    return tuple(
        InvoiceLine(
            **{name: row._mapping[name] for name in names},
            gst_rate=gst.as_part_of_one(row.gst_rate),
            credited=int(row.credited),
        )
        for row in session.execute(query)
    )


def received_payments(session: orm.Session, payable_id: int, zone: ZoneInfo) -> tuple[ReceivedPayment, ...]:
    """Those that have brought money for a payable, or brought it for another and were used here as credit."""
    signed = sa.case((L.c.credit == RECEIVABLE, L.c.amount), (L.c.debit == RECEIVABLE, -L.c.amount), else_=0)
    money = (L.c.debit != ADJUSTMENTS, L.c.credit != ADJUSTMENTS)  # what a payment gives up with it is no money
    counted = (
        sa.select(L.c.payment_id, sa.func.sum(signed).label("counted"))
        .where(L.c.payable_id == payable_id, L.c.payment_id.is_not(None), *money)
        .group_by(L.c.payment_id)
        .subquery()
    )
    query = sa.select(P, counted.c.counted).join(counted, counted.c.payment_id == P.c.id).order_by(P.c.id)
    return tuple(
        ReceivedPayment(
            payment_id=row.id,
            method=row.method,
            provider=row.provider,
            amount=row.captured,
            refunded=row.refunded,
            counted=int(row.counted),
            from_credit=row.payable_id != payable_id,
            received_on=(row.settled_at or row.created_at).astimezone(zone).date(),
            transaction_id=row.transaction_id,
        )
        for row in session.execute(query.where(P.c.captured > 0))
    )


def _credit_notes(session: orm.Session, invoice_id: int, zone: ZoneInfo) -> tuple[CreditNote, ...]:
    lines = sa.select(C.c.operation_id, I.c.position, I.c.description, C.c.amount, C.c.gst)
    lines = lines.join(I, I.c.id == C.c.item_id).where(I.c.invoice_id == invoice_id).order_by(I.c.position)
    of_note: dict[int, list[CreditedLine]] = {}
    for note, *line in session.execute(lines):
        of_note.setdefault(note, []).append(CreditedLine(*line))
    notes = sa.select(O).where(O.c.invoice_id == invoice_id, O.c.kind == OperationKind.CREDIT_NOTE)
    return tuple(
        CreditNote(
            id=row.id,
            number=row.number,
            amount=row.amount,
            gst=row.gst,
            reason=row.reason,
            issued_on=row.at.astimezone(zone).date(),
            created_at=row.at,
            lines=tuple(of_note.get(row.id, ())),
        )
        for row in session.execute(notes.order_by(O.c.id))
    )
