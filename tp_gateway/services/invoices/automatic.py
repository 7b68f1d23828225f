"""The invoice that an appointment gets by itself when it is completed, if the clinic wants that: once, whatever becomes
of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway.models import Appointment, Invoice, Payable, table
from tp_gateway.services.invoices.making import Draft, Setting, make_invoice
from tp_gateway.services.practice_settings import PracticeSettings

A, Y, V = table(Appointment), table(Payable), table(Invoice)
AUTOMATIC = "auto"
"""The actor of such an invoice."""


def invoice_completed(
    session: orm.Session, settings: PracticeSettings, currency: str, appointment_ids: Sequence[int], at: datetime
) -> None:
    """`appointment_ids` have just become completed, and their payables are locked. One that is free of charge, has an
    invoice or had its own already, or was over-paid, gets none. An open payment does not matter: what is due stays."""
    if not settings.billing.auto_generate_invoices or not appointment_ids:
        return
    had = sa.select(V.c.id).where(V.c.payable_id == Y.c.id, V.c.created_by == AUTOMATIC)
    waiting = sa.select(A.c.id, A.c.patient_id).join(Y, Y.c.appointment_id == A.c.id)
    waiting = waiting.where(A.c.id.in_(appointment_ids), A.c.fee > 0, Y.c.invoice_id.is_(None), ~had.exists())
    here = Setting(session, settings, currency, AUTOMATIC, at, while_paying=True)
    for row in session.execute(waiting.where(Y.c.amount_paid <= A.c.fee).order_by(A.c.id)).all():
        make_invoice(here, Draft(patient_id=row.patient_id, appointment_id=row.id))
