"""Payments that staff's match makes, where money came and nobody had promised it: for an invoice without a transfer, or
straight to a patient's credit. Nobody was ever told a reference for them."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway.contract import Flow, Manifest
from tp_gateway.models import Payable, Payment, table
from tp_gateway.models.states import PaymentState
from tp_gateway.services import history

P, Y = table(Payment), table(Payable)

MADE_HERE = "statement:"
"""How the reference of such a payment begins."""


def make_payment(
    session: orm.Session, payable: Any, manifest: Manifest, amount: int, currency: str, actor: str, at: datetime
) -> int:
    """A payment of a locked payable (a row), which the caller settles in the same transaction. Returns its id."""
    uuid = str(uuid4())
    values = {
        "uuid": uuid,
        "payable_id": payable.id,
        "patient_id": payable.patient_id,
        "appointment_id": payable.appointment_id,
        "invoice_id": payable.invoice_id,
        "provider": manifest.slug,
        "method": manifest.method,
        "flow": str(Flow.DIRECT),
        "single_flight": manifest.single_flight,
        "amount": amount,
        "currency": currency,
        "reference": f"{MADE_HERE}{uuid}",
        "expires_at": at,
        "created_by": actor,
        "created_at": at,
        "updated_at": at,
        **history.payment_move(manifest.slug, None, PaymentState.CREATED, actor=actor, reason="a line of a statement"),
    }
    made: int = session.execute(sa.insert(P).returning(P.c.id), values).scalar_one()
    return made


def make_credit_payable(session: orm.Session, patient_id: int, currency: str) -> Any:
    """What a patient's credit without an invoice hangs on: a payable that asks for nothing, so that all of it is too
    much. Returns its row."""
    values = {"uuid": str(uuid4()), "patient_id": patient_id, "amount": 0, "currency": currency, "open": False}
    return session.execute(sa.insert(Y).values(values).returning(Y)).one()
