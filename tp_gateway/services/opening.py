"""T1: in one transaction lock the payable, claim the key, check who may pay what, and write the payment down. Nothing
was sent yet; if we die right after it, no money can have moved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway import identity, money
from tp_gateway.contract import Flow, Manifest, Payer
from tp_gateway.crypto import Vault
from tp_gateway.database import insert
from tp_gateway.errors import GatewayError, NotFound, ValidationError
from tp_gateway.identity import Identity
from tp_gateway.models import Invoice, Payable, Payment, PaymentMethod, ProviderCustomer, User, table
from tp_gateway.models.payment import IS_OPEN_SINGLE_FLIGHT
from tp_gateway.models.states import PaymentState
from tp_gateway.services import history
from tp_gateway.services.clock import Clock
from tp_gateway.services.facts import Answer, InvoiceFacts, Key, PaymentFacts, Wanted
from tp_gateway.services.idempotency import Idempotency
from tp_gateway.services.payers import make_payer
from tp_gateway.services.reading import PAYMENTS, standing, to_payment
from tp_gateway.timing import Timing

P, Y, U, M, C, V = (table(model) for model in (Payment, Payable, User, PaymentMethod, ProviderCustomer, Invoice))

_DOOR = (
    sa.select(
        *(
            Y.c[name]
            for name in (
                "id",
                "uuid",
                "patient_id",
                "appointment_id",
                "invoice_id",
                "amount",
                "amount_paid",
                "currency",
                "open",
            )
        ),
        U.c.role,
        U.c.active,
        M.c.id.label("method_id"),
        M.c.user_id.label("method_owner"),
        M.c.reference.label("method_reference"),
        M.c.removed_at.label("method_removed_at"),
        C.c.key.label("payer_key"),
        C.c.reference.label("payer_reference"),
    )
    .select_from(Y)
    .outerjoin(U, U.c.id == sa.bindparam("caller"))
    .outerjoin(
        M,
        sa.and_(
            M.c.provider == sa.bindparam("provider"),
            sa.or_(M.c.id == sa.bindparam("method_id"), M.c.reference == sa.bindparam("method_reference")),
        ),
    )
    .outerjoin(C, sa.and_(C.c.user_id == Y.c.patient_id, C.c.provider == sa.bindparam("provider")))
    .with_for_update(of=Y)
)
_BY_APPOINTMENT = _DOOR.where(Y.c.appointment_id == sa.bindparam("appointment"))
_BY_INVOICE = _DOOR.where(Y.c.invoice_id == sa.bindparam("invoice"))
_INVOICE = sa.select(*(V.c[field.name] for field in fields(InvoiceFacts) if field.name != "amount_paid")).where(
    V.c.id == sa.bindparam("id")
)
_OPEN_PAYMENT = PAYMENTS.where(P.c.payable_id == sa.bindparam("payable"), IS_OPEN_SINGLE_FLIGHT)


@dataclass(frozen=True, slots=True)
class Opened:
    """The payment is written down and ours to drive."""

    payment: PaymentFacts
    payer: Payer | None


@dataclass(frozen=True, slots=True)
class Repeated:
    """The key was used before: a stored answer, or the payment that it started."""

    answer: Answer | None
    payment: PaymentFacts | None


@dataclass(frozen=True, slots=True)
class Joined:
    """A second click: the same payer waits for himself, so he gets the attempt that is there."""

    payment: PaymentFacts


@dataclass(frozen=True, slots=True)
class Blocked:
    """Another payment of this payable is open."""

    payment: PaymentFacts


class Opening:
    def __init__(self, vault: Vault, timing: Timing, idempotency: Idempotency, clock: Clock) -> None:
        self._vault, self._timing, self._idempotency, self._clock = vault, timing, idempotency, clock

    def open(
        self,
        session: orm.Session,
        who: Identity,
        wanted: Wanted,
        manifest: Manifest,
        parameters: Mapping[str, Any],
        key: Key | None,
    ) -> Opened | Joined | Repeated | Blocked:
        """GatewayError for everything that may not be paid; the transaction then leaves nothing behind."""
        door = self._lock(session, who, wanted, manifest)
        now = self._clock()
        repeat = self._idempotency.claim(session, key, now)
        if repeat is not None:
            payment = standing(session, self._vault, repeat.payment_id).payment if repeat.payment_id else None
            return Repeated(repeat.answer, payment)
        method_reference, saved = _method(door, wanted, manifest)
        flow = Flow.OFF_SESSION if saved and door.role in identity.STAFF else wanted.flow
        if flow is Flow.OFF_SESSION and not manifest.capabilities.off_session:
            raise ValidationError({"payment_method_id": ["This payment method needs the patient to be present"]})
        amount = _amount(door, wanted)
        values = {
            "uuid": str(uuid4()),
            "payable_id": door.id,
            "patient_id": door.patient_id,
            "appointment_id": door.appointment_id,
            "invoice_id": door.invoice_id,
            "provider": manifest.slug,
            "method": manifest.method,
            "flow": str(flow),
            "amount": amount,
            "currency": door.currency,
            "state": str(PaymentState.CREATED),
            "epoch": 1,
            "checks": 0,
            "next_check_at": now + timedelta(seconds=self._timing.lease),
            "observed_at": None,
            "reference": None,
            "method_reference": method_reference,
            "save_method": wanted.save_method,
            "captured": 0,
            "refunded": 0,
            "evidence": None,
            "transaction_id": None,
            "receipt_url": None,
            "reason": "",
            "provider_code": "",
            "needs_review": False,
            "late_success": False,
            "description": wanted.description,
            "created_by": who.actor,
            "created_at": now,
            "settled_at": None,
            "parameters": dict(parameters) or None,
            "client_metadata": dict(wanted.metadata) if wanted.metadata else None,
        }
        statement = insert(session, P).on_conflict_do_nothing(
            index_elements=["payable_id"], index_where=IS_OPEN_SINGLE_FLIGHT
        )
        more = {"single_flight": manifest.single_flight, "updated_at": now, "review_note": ""}
        new_id = session.execute(statement.returning(P.c.id), values | more).scalar()
        asked = PaymentFacts(
            id=new_id or 0,
            payable_uuid=door.uuid,
            **values,
            action={},
            provider_state={},
            invoice=_invoice(session, door),
        )
        if new_id is None:
            there = to_payment(session.execute(_OPEN_PAYMENT, {"payable": door.id}).one(), self._vault)
            if _is_same_attempt(there, asked):
                self._idempotency.attach(session, key, payment_id=there.id)
                return Joined(there)
            self._idempotency.release(session, key)
            return Blocked(there)
        history.payment_moved(
            session, new_id, manifest.slug, None, PaymentState.CREATED, actor=who.actor, reason="", at=now
        )
        self._idempotency.attach(session, key, payment_id=new_id)
        return Opened(asked, self._payer(session, door, manifest, wanted))

    def _lock(self, session: orm.Session, who: Identity, wanted: Wanted, manifest: Manifest) -> Any:
        method_id = wanted.method_id
        parameters = {
            "caller": who.user_id,
            "provider": manifest.slug,
            "method_id": method_id if isinstance(method_id, int) else None,
            "method_reference": method_id if isinstance(method_id, str) else None,
        }
        if wanted.appointment_id is not None:
            door = session.execute(_BY_APPOINTMENT, parameters | {"appointment": wanted.appointment_id}).first()
        else:
            door = session.execute(_BY_INVOICE, parameters | {"invoice": wanted.invoice_id}).first()
        if door is None and wanted.appointment_id is None:
            self._refuse_dead_invoice(session, who, wanted)
        if door is None:
            raise NotFound
        _admit(who, wanted, door)
        if wanted.appointment_id is not None and wanted.invoice_id is not None and door.invoice_id != wanted.invoice_id:
            owner = session.execute(sa.select(V.c.patient_id).where(V.c.id == wanted.invoice_id)).scalar()
            if owner is None or (door.role not in identity.STAFF and owner != who.user_id):
                raise NotFound
            raise ValidationError({"invoice_id": ["Does not belong to this appointment"]})
        return door

    def _refuse_dead_invoice(self, session: orm.Session, who: Identity, wanted: Wanted) -> None:
        """A void invoice has no payable any more; those who may know it are told so."""
        query = sa.select(V.c.patient_id, U.c.role, U.c.active).outerjoin(U, U.c.id == who.user_id)
        dead = session.execute(query.where(V.c.id == wanted.invoice_id)).first()
        if dead is not None:
            _admit(who, wanted, dead)
            raise GatewayError("not_payable", "This invoice is void")

    def _payer(self, session: orm.Session, door: Any, manifest: Manifest, wanted: Wanted) -> Payer | None:
        if door.payer_key is not None:
            return Payer(door.payer_key, door.payer_reference)
        return make_payer(session, manifest.slug, door.patient_id) if wanted.save_method else None


def _admit(who: Identity, wanted: Wanted, door: Any) -> None:
    """Is this payable the caller's to pay, and may he still pay? The directory's word counts at once, whatever the
    token says."""
    if door.role is None or not door.active:
        raise GatewayError("not_authenticated", "This account is not known here, or not active")
    if not identity.permits(door.role, wanted.permission):
        raise GatewayError("permission_denied")
    if door.role not in identity.STAFF and door.patient_id != who.user_id:
        raise NotFound


def _method(door: Any, wanted: Wanted, manifest: Manifest) -> tuple[str | None, bool]:
    """(the provider's reference, was it saved by the patient before)."""
    if wanted.method_id is None:
        if manifest.method_required and wanted.flow is not Flow.BROWSER:
            raise ValidationError({"payment_method_id": ["Required"]})
        return None, False
    if door.method_id is not None:
        if door.method_owner != door.patient_id or door.method_removed_at is not None:
            raise NotFound
        return door.method_reference, True
    if isinstance(wanted.method_id, int):
        raise NotFound
    return wanted.method_id, False


def _amount(door: Any, wanted: Wanted) -> int:
    """What will be asked for, in minor units: never more than is due, and for an appointment exactly what is due."""
    if wanted.currency is not None and wanted.currency != door.currency:
        raise ValidationError({"currency": [f"Must be {door.currency}"]})
    if not door.open or door.amount == 0:
        raise GatewayError("not_payable", "Nothing can be paid here (cancelled, void, or free of charge)")
    due: int = door.amount - door.amount_paid
    if due <= 0:
        raise GatewayError("already_paid", "There is nothing left to pay")
    asked = _minor_units(wanted, door.currency, due)
    text = money.to_decimal_text(due, door.currency)
    if asked > due:
        raise ValidationError({"amount": [f"Exceeds the amount due: {text}"]})
    if wanted.invoice_id is None and asked != due:
        raise ValidationError({"amount": [f"Must equal the amount due: {text}"]})
    return asked


def _minor_units(wanted: Wanted, currency: str, due: int) -> int:
    if wanted.amount is None:
        return due
    if isinstance(wanted.amount, int):
        return wanted.amount
    try:
        return money.to_minor_units(wanted.amount, currency)
    except ValueError as error:
        raise ValidationError({"amount": [str(error)]}) from None


def _is_same_attempt(there: PaymentFacts, asked: PaymentFacts) -> bool:
    if there.state != PaymentState.AWAITING_CUSTOMER:
        return False
    same = ("created_by", "flow", "provider", "invoice_id", "amount", "currency", "save_method")
    same_card = asked.flow == Flow.BROWSER or there.method_reference == asked.method_reference
    return same_card and all(getattr(there, name) == getattr(asked, name) for name in same)


def _invoice(session: orm.Session, door: Any) -> InvoiceFacts | None:
    """Read after the lock: what was joined to the locked row may be older than the row itself (PostgreSQL re-reads only
    the row that it waited for)."""
    if door.invoice_id is None:
        return None
    invoice = session.execute(_INVOICE, {"id": door.invoice_id}).one()
    return InvoiceFacts(**invoice._mapping, amount_paid=door.amount_paid)
