"""What can be paid follows the appointments: all payables of a push at once, each locked before it is judged."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway.models import Appointment, Payable, Payment, table
from tp_gateway.models.payable import appointment_uuid
from tp_gateway.models.states import AppointmentStatus
from tp_gateway.models.states import PaymentState as S
from tp_gateway.services.practice_upserts import Change

A, Y, P = table(Appointment), table(Payable), table(Payment)
_ASKED = {"amount": A.c.fee, "currency": A.c.currency, "open": A.c.status != AppointmentStatus.CANCELLED}
"""What an appointment asks for by itself, until an invoice says what is to be paid."""
_ASK = sa.update(Y).where(Y.c.appointment_id == A.c.id, Y.c.invoice_id.is_(None)).values(_ASKED)
_DUE = sa.select(Y.c.amount - Y.c.amount_paid).where(Y.c.id == P.c.payable_id).scalar_subquery()


def keep_payables(session: orm.Session, changes: Sequence[Change], now: datetime) -> None:
    """Until an invoice says what is to be paid, the appointment does. Of appointments that changed: those that did not
    have their payables already."""
    new = [_payable(change.after) for change in changes if change.before is None]
    if new:
        session.execute(sa.insert(Y), new)
    known = {change.after["id"]: change.after["status"] for change in changes if change.before is not None}
    if not known:
        return
    # In the order of their ids, so that two who lock several cannot wait for each other.
    query = sa.select(Y.c.id, Y.c.appointment_id).where(Y.c.appointment_id.in_(known)).order_by(Y.c.id)
    payables = {row.id: known[row.appointment_id] for row in session.execute(query.with_for_update())}
    differs = sa.or_(*(Y.c[name] != value for name, value in _ASKED.items()))
    session.execute(_ASK.where(Y.c.id.in_(payables), differs))
    # A card form that is open for another price, or for an appointment that will not be, is closed by the sweep. (A
    # live invoice stays payable: it may be the fee for not coming.)
    cancelled = [payable for payable, status in payables.items() if status == AppointmentStatus.CANCELLED]
    waiting = (P.c.payable_id.in_(payables), P.c.state == S.AWAITING_CUSTOMER)
    outdated = sa.or_(P.c.payable_id.in_(cancelled), P.c.amount > _DUE)
    session.execute(sa.update(P).where(*waiting, outdated).values(next_check_at=now, expires_at=now))


def _payable(appointment: Any) -> dict[str, Any]:
    return {
        "uuid": appointment_uuid(appointment["id"]),
        "patient_id": appointment["patient_id"],
        "appointment_id": appointment["id"],
        "invoice_id": None,
        "amount_paid": 0,
        "amount": appointment["fee"],
        "currency": appointment["currency"],
        "open": appointment["status"] != AppointmentStatus.CANCELLED,
    }
