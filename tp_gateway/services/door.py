"""The way to a payable: lock it, and check who may pay what there, with which method. Everything that refuses a payment
before it is written down stands here; it leaves nothing behind."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway import identity, money
from tp_gateway.contract import Flow, Manifest, Payer
from tp_gateway.errors import GatewayError, NotFound, ValidationError
from tp_gateway.identity import Identity
from tp_gateway.models import Invoice, Payable, PaymentMethod, ProviderCustomer, User, table
from tp_gateway.services.facts import InvoiceFacts, Wanted
from tp_gateway.services.payers import make_payer
from tp_gateway.services.practice_settings import ZONE_NAME

Y, U, M, C, V = (table(model) for model in (Payable, User, PaymentMethod, ProviderCustomer, Invoice))

_METHOD = sa.or_(M.c.id == sa.bindparam("method_id"), M.c.reference == sa.bindparam("method_reference"))
_DOOR = (
    sa.select(
        *(Y.c[name] for name in ("id", "uuid", "patient_id", "appointment_id", "invoice_id")),
        *(Y.c[name] for name in ("amount", "amount_paid", "currency", "open")),
        U.c.role,
        U.c.active,
        M.c.id.label("method_id"),
        M.c.user_id.label("method_owner"),
        M.c.reference.label("method_reference"),
        M.c.removed_at.label("method_removed_at"),
        C.c.key.label("payer_key"),
        C.c.reference.label("payer_reference"),
        ZONE_NAME.label("zone_name"),
    )
    .select_from(Y)
    .outerjoin(U, U.c.id == sa.bindparam("caller"))
    .outerjoin(M, sa.and_(M.c.provider == sa.bindparam("provider"), _METHOD))
    .outerjoin(C, sa.and_(C.c.user_id == Y.c.patient_id, C.c.provider == sa.bindparam("provider")))
    .with_for_update(of=Y)
)
"""One statement locks the payable and brings all that decides: the caller's rights as the directory has them now, the
saved method and whose it is, who the patient is at the provider, and the clinic's calendar."""
_BY_APPOINTMENT = _DOOR.where(Y.c.appointment_id == sa.bindparam("appointment"))
_BY_INVOICE = _DOOR.where(Y.c.invoice_id == sa.bindparam("invoice"))
_INVOICE = sa.select(*(V.c[field.name] for field in fields(InvoiceFacts) if field.name != "amount_paid")).where(
    V.c.id == sa.bindparam("id")
)


@dataclass(frozen=True, slots=True)
class Door:
    """A locked payable, as this caller may pay it. Amounts in minor units of `currency`."""

    session: orm.Session
    row: Any
    wanted: Wanted
    manifest: Manifest

    def flow_and_method(self) -> tuple[Flow, str | None]:
        """How it will be paid, and the provider's reference of the payment method. NotFound for another patient's."""
        reference, saved = self._method()
        flow = Flow.OFF_SESSION if saved and self.row.role in identity.STAFF else self.wanted.flow
        if flow is Flow.OFF_SESSION and not self.manifest.capabilities.off_session:
            raise ValidationError({"payment_method_id": ["This payment method needs the patient to be present"]})
        if self.wanted.manual_capture and not self.manifest.capabilities.capture:
            raise ValidationError({"capture": ["This payment method cannot hold an amount"]})
        return flow, reference

    def amount(self) -> int:
        """What will be asked for: never more than is due, and for an appointment exactly what is due."""
        row, wanted = self.row, self.wanted
        if wanted.currency is not None and wanted.currency != row.currency:
            raise ValidationError({"currency": [f"Must be {row.currency}"]})
        if row.currency not in self.manifest.currencies:
            raise ValidationError({"payment_method": [f"Cannot take {row.currency}"]})
        if not row.open or row.amount == 0:
            raise GatewayError("not_payable", "Nothing can be paid here (cancelled, void, or free of charge)")
        due: int = row.amount - row.amount_paid
        if due <= 0:
            raise GatewayError("already_paid", "There is nothing left to pay")
        asked = self._minor_units(due)
        text = money.to_decimal_text(due, row.currency)
        if asked > due:
            raise ValidationError({"amount": [f"Exceeds the amount due: {text}"]})
        if (wanted.invoice_id is None or self.manifest.sole_payer) and asked != due:
            raise ValidationError({"amount": [f"Must equal the amount due: {text}"]})
        return asked

    def payer(self) -> Payer | None:
        """Who the patient is at the provider; made known there only if the method is to be saved."""
        if self.row.payer_key is not None:
            return Payer(self.row.payer_key, self.row.payer_reference)
        return make_payer(self.session, self.manifest.slug, self.row.patient_id) if self.wanted.save_method else None

    def invoice(self) -> InvoiceFacts | None:
        """Read after the lock: what was joined to the locked row may be older than the row itself (PostgreSQL re-reads
        only the row that it waited for)."""
        if self.row.invoice_id is None:
            return None
        invoice = self.session.execute(_INVOICE, {"id": self.row.invoice_id}).one()
        return InvoiceFacts(**invoice._mapping, amount_paid=self.row.amount_paid)

    def _method(self) -> tuple[str | None, bool]:
        """(the provider's reference, was it saved by the patient before)."""
        row, asked = self.row, self.wanted.method_id
        if asked is None:
            if self.manifest.method_required and self.wanted.flow is not Flow.BROWSER:
                raise ValidationError({"payment_method_id": ["Required"]})
            return None, False
        if row.method_id is not None:
            if row.method_owner != row.patient_id or row.method_removed_at is not None:
                raise NotFound
            return row.method_reference, True
        if isinstance(asked, int):
            raise NotFound
        return asked, False

    def _minor_units(self, due: int) -> int:
        asked = self.wanted.amount
        if asked is None or isinstance(asked, int):
            return due if asked is None else asked
        try:
            return money.to_minor_units(asked, self.row.currency)
        except ValueError as error:
            raise ValidationError({"amount": [str(error)]}) from None


def lock(session: orm.Session, who: Identity, wanted: Wanted, manifest: Manifest) -> Door:
    """Lock what is to be paid. NotFound if it is not there, or not the caller's; `not_payable` for a void invoice."""
    parameters = {
        "caller": who.user_id,
        "provider": manifest.slug,
        "method_id": wanted.method_id if isinstance(wanted.method_id, int) else None,
        "method_reference": wanted.method_id if isinstance(wanted.method_id, str) else None,
    }
    if wanted.appointment_id is not None:
        row = session.execute(_BY_APPOINTMENT, parameters | {"appointment": wanted.appointment_id}).first()
    else:
        row = session.execute(_BY_INVOICE, parameters | {"invoice": wanted.invoice_id}).first()
        if row is None:
            _refuse_dead_invoice(session, who, wanted)
    if row is None:
        raise NotFound
    _admit(who, wanted, row)
    if manifest.staff_only and row.role not in identity.STAFF:
        raise GatewayError("permission_denied", "Only the clinic's staff can take this kind of payment")
    if wanted.appointment_id is not None and wanted.invoice_id is not None and row.invoice_id != wanted.invoice_id:
        owner = session.execute(sa.select(V.c.patient_id).where(V.c.id == wanted.invoice_id)).scalar()
        if owner is None or (row.role not in identity.STAFF and owner != who.user_id):
            raise NotFound
        raise ValidationError({"invoice_id": ["Does not belong to this appointment"]})
    return Door(session, row, wanted, manifest)


def _refuse_dead_invoice(session: orm.Session, who: Identity, wanted: Wanted) -> None:
    """A void invoice has no payable any more; those who may know it are told so."""
    query = sa.select(V.c.patient_id, U.c.role, U.c.active).outerjoin(U, U.c.id == who.user_id)
    dead = session.execute(query.where(V.c.id == wanted.invoice_id)).first()
    if dead is not None:
        _admit(who, wanted, dead)
        raise GatewayError("not_payable", "This invoice is void")


def _admit(who: Identity, wanted: Wanted, row: Any) -> None:
    """Is this the caller's to pay, and may he still pay? The directory's word counts, whatever the token says."""
    if row.role is None or not row.active:
        raise GatewayError("not_authenticated", "This account is not known here, or not active")
    if not identity.permits(row.role, wanted.permission):
        raise GatewayError("permission_denied")
    if row.role not in identity.STAFF and row.patient_id != who.user_id:
        raise NotFound
