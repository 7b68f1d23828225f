"""Rows to facts. The one place that knows how a payment, its payable and its invoice are read together, with or
without their lock."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway.crypto import Vault
from tp_gateway.database import Database
from tp_gateway.errors import NotFound
from tp_gateway.models import Invoice, Payable, Payment, Refund, table
from tp_gateway.services.facts import InvoiceFacts, PaymentFacts, RefundFacts
from tp_gateway.services.practice_settings import ZONE_NAME

P, Y, V, R = table(Payment), table(Payable), table(Invoice), table(Refund)

_DERIVED = {"action", "provider_state", "invoice", "payable_uuid", "payable_due", "zone_name"}
_PAYMENT_FIELDS = [field.name for field in fields(PaymentFacts) if field.name not in _DERIVED]
_REFUND_FIELDS = [field.name for field in fields(RefundFacts)]

PAYMENTS = (
    sa.select(
        *(P.c[name] for name in _PAYMENT_FIELDS),
        P.c.parameters_sealed,
        P.c.action_sealed,
        P.c.provider_state_sealed,
        Y.c.uuid.label("payable_uuid"),
        Y.c.amount.label("payable_amount"),
        Y.c.amount_paid.label("payable_paid"),
        Y.c.invoice_id.label("live_invoice_id"),
        V.c.number,
        V.c.amount.label("invoice_amount"),
        V.c.status.label("invoice_status"),
        V.c.description.label("invoice_description"),
        V.c.due_date,
        V.c.created_at.label("invoice_created_at"),
        ZONE_NAME.label("zone_name"),
    )
    .select_from(P)
    .join(Y, Y.c.id == P.c.payable_id)
    .outerjoin(V, V.c.id == P.c.invoice_id)
)
"""Every column of a standing payment; add a WHERE."""

CHANGE_PAYMENT = sa.update(P).where(
    P.c.id == sa.bindparam("payment"), P.c.epoch == sa.bindparam("held"), P.c.state == sa.bindparam("was")
)
"""The compare-and-set of one payment: nothing changes if somebody else took it over (`held`) or moved it (`was`)."""

_BY_ID = PAYMENTS.where(P.c.id == sa.bindparam("id"))
_LOCKED = _BY_ID.with_for_update(of=[Y, P])
_LOCK = (
    sa.select(Y.c.amount, Y.c.amount_paid, Y.c.invoice_id, P.c.epoch, P.c.state)
    .select_from(P)
    .join(Y, Y.c.id == P.c.payable_id)
    .where(P.c.id == sa.bindparam("id"))
    .with_for_update(of=[Y, P])
)


@dataclass(frozen=True, slots=True)
class Standing:
    """A payment with its payable, as read in one statement. Amounts in minor units."""

    payment: PaymentFacts
    payable_amount: int
    payable_paid: int
    live_invoice_id: int | None

    @property
    def due(self) -> int:
        return max(0, self.payable_amount - self.payable_paid)


def standing(session: orm.Session, vault: Vault, payment_id: int, *, lock: bool = False) -> Standing:
    """The payment, locked together with its payable if asked. NotFound."""
    row = session.execute(_LOCKED if lock else _BY_ID, {"id": payment_id}).first()
    if row is None:
        raise NotFound
    return Standing(to_payment(row, vault), row.payable_amount, row.payable_paid, row.live_invoice_id)


def standing_of(session: orm.Session, vault: Vault, known: PaymentFacts) -> Standing:
    """Lock the payment that the caller is driving, together with its payable. It is read anew only if somebody else
    took it over or moved it: nothing else changes while it is driven."""
    row = session.execute(_LOCK, {"id": known.id}).one()
    if (row.epoch, row.state) != (known.epoch, known.state):
        return standing(session, vault, known.id)
    if known.invoice is not None:
        paid = row.amount_paid if row.invoice_id == known.invoice_id else 0
        known = replace(known, invoice=replace(known.invoice, amount_paid=paid))
    return Standing(known, row.amount, row.amount_paid, row.invoice_id)


def present(database: Database, vault: Vault, payment_id: int) -> PaymentFacts:
    """The payment as it stands now, in a look of its own. NotFound."""
    with database.read() as session:
        return standing(session, vault, payment_id).payment


def to_payment(row: Any, vault: Vault) -> PaymentFacts:
    values = {name: row._mapping[name] for name in _PAYMENT_FIELDS}
    if row.parameters_sealed is not None:
        values["parameters"] = vault.open_json(row.parameters_sealed)
    return PaymentFacts(
        **values,
        payable_uuid=row.payable_uuid,
        payable_due=max(0, row.payable_amount - row.payable_paid),
        action=vault.open_json(row.action_sealed),
        provider_state=vault.open_json(row.provider_state_sealed),
        invoice=_invoice(row),
        zone_name=row.zone_name,
    )


def _invoice(row: Any) -> InvoiceFacts | None:
    if row.number is None:
        return None
    live = row.live_invoice_id == row.invoice_id
    return InvoiceFacts(
        id=row.invoice_id,
        number=row.number,
        patient_id=row.patient_id,
        appointment_id=row.appointment_id,
        amount=row.invoice_amount,
        amount_paid=row.payable_paid if live else 0,
        currency=row.currency,
        status=row.invoice_status,
        description=row.invoice_description,
        due_date=row.due_date,
        created_at=row.invoice_created_at,
    )


REFUNDS = sa.select(*(R.c[name] for name in _REFUND_FIELDS))


def to_refund(row: Any) -> RefundFacts:
    return RefundFacts(**row._mapping)
