"""Makes invoices: a number without gaps, lines that add up, and the payable that the appointment already has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway import money
from tp_gateway.errors import GatewayError, NotFound, ValidationError
from tp_gateway.models import Appointment, Invoice, InvoiceItem, Payable, Payment, User, table
from tp_gateway.models.payment import IS_OPEN_SINGLE_FLIGHT
from tp_gateway.models.states import AppointmentStatus, GstTreatment
from tp_gateway.services import history
from tp_gateway.services.bookkeeping import invoice_status
from tp_gateway.services.counters import raised
from tp_gateway.services.facts import InvoiceFacts
from tp_gateway.services.invoices import gst
from tp_gateway.services.invoices.lines import Defaults, Item, Price, complete
from tp_gateway.services.invoices.words import remember, words
from tp_gateway.services.practice_settings import PracticeSettings

V, I, Y, U = (table(model) for model in (Invoice, InvoiceItem, Payable, User))  # noqa: E741 - one letter a table
A, P = table(Appointment), table(Payment)


@dataclass(frozen=True, slots=True)
class Draft:
    """An invoice as it is asked for. Without `items` it has one line of `amount`, or of the appointment's fee. Without
    a `currency` it has its appointment's, else the practice's own."""

    patient_id: int
    items: Sequence[Item] = ()
    amount: Price | None = None
    currency: str | None = None
    appointment_id: int | None = None
    description: str = ""
    due_date: date | None = None


@dataclass(frozen=True, slots=True)
class Setting:
    """What is made for whom, when: `settings` as they are now, `currency` is the practice's own. `while_paying`: an
    open payment does not matter, because what is due stays what it is."""

    session: orm.Session
    settings: PracticeSettings
    currency: str
    actor: str
    at: datetime
    while_paying: bool = False

    @property
    def today(self) -> date:
        return self.at.astimezone(self.settings.system.zone).date()


def make_invoice(here: Setting, draft: Draft) -> InvoiceFacts:
    """Write it down, and queue the news of it. For an appointment it takes over the appointment's payable, with what
    was paid already.

    NotFound for an unknown patient or appointment; `not_payable` if the appointment has a live invoice,
    `payment_in_progress` while it is being paid; ValidationError for what contradicts itself.
    """
    session, settings = here.session, here.settings
    name = _patient_name(session, draft.patient_id)
    payable = _lock_payable(here, draft) if draft.appointment_id is not None else None
    appointment = _appointment(session, draft.appointment_id)
    currency = _currency(here, draft, payable)
    lines = complete(*_asked(draft, appointment), _defaults(here, appointment, currency))
    _require_practitioners(session, draft.items)
    amount, paid = sum(line["total"] for line in lines), payable.amount_paid if payable else 0
    if amount < paid:
        text = money.to_decimal_text(paid, currency)
        raise ValidationError({"amount": [f"{text} was paid for this appointment already"]})
    payable_id = payable.id if payable else _new_payable(session, draft.patient_id, amount, currency)
    values: dict[str, Any] = {
        "number": f"INV-{here.today.year}-{raised(session, f'invoice:{here.today.year}'):03d}",
        "payable_id": payable_id,
        "patient_id": draft.patient_id,
        "appointment_id": draft.appointment_id,
        "amount": amount,
        "currency": currency,
        "status": str(invoice_status(amount, paid)),
        "description": draft.description,
        "due_date": draft.due_date or here.today + timedelta(days=settings.billing.invoice_terms_days),
        "created_by": here.actor,
        "created_at": here.at,
    }
    new_id: int = session.execute(sa.insert(V).returning(V.c.id), values).scalar_one()
    session.execute(sa.insert(I), [line | {"invoice_id": new_id} for line in lines])
    texts = (text for line in lines for text in (line["description"], line["item_number"]))
    remember(session, new_id, words(values["number"], name, draft.description, *texts))
    asks = {"invoice_id": new_id, "amount": amount, "currency": currency, "open": True}
    session.execute(sa.update(Y).where(Y.c.id == payable_id).values(asks))
    known = {name: value for name, value in values.items() if name not in ("payable_id", "created_by")}
    made = InvoiceFacts(id=new_id, amount_paid=paid, **known)
    history.tell_invoice(session, "invoice.created", new_id, here.at)
    return made


def _patient_name(session: orm.Session, patient_id: int) -> str | None:
    patient = session.execute(sa.select(U.c.name).where(U.c.id == patient_id, U.c.role == "patient")).first()
    if patient is None:
        raise NotFound
    name: str | None = patient.name
    return name


def _lock_payable(here: Setting, draft: Draft) -> Any:
    row = here.session.execute(sa.select(Y).where(Y.c.appointment_id == draft.appointment_id).with_for_update()).first()
    if row is None or row.patient_id != draft.patient_id:
        raise NotFound
    if row.invoice_id is not None:
        raise GatewayError("not_payable", "This appointment has an invoice already")
    if not here.while_paying and has_open_payment(here.session, row.id):
        raise GatewayError("payment_in_progress", "A payment of this appointment is in progress")
    return row


def _appointment(session: orm.Session, appointment_id: int | None) -> Any:
    columns = (A.c.practitioner_id, A.c.service, A.c.starts_at, A.c.fee)
    found = sa.select(*columns).where(A.c.id == appointment_id)
    return session.execute(found).one() if appointment_id is not None else None


def _currency(here: Setting, draft: Draft, payable: Any) -> str:
    """What was paid for an appointment was paid in its own currency."""
    if payable is None:
        return draft.currency or here.currency
    currency: str = payable.currency
    if draft.currency not in (None, currency):
        raise ValidationError({"currency": [f"Must be {currency}"]})
    return currency


def _asked(draft: Draft, appointment: Any) -> tuple[Sequence[Item], Price | None]:
    """(the lines, the amount); one line where none is named."""
    if draft.items:
        return draft.items, draft.amount
    amount = draft.amount if draft.amount is not None or appointment is None else appointment.fee
    if amount is None:
        raise ValidationError({"amount": ["Required, or items"]})
    service = appointment.service.replace("_", " ").capitalize() if appointment is not None else ""
    description = draft.description or service
    if not description:
        raise ValidationError({"description": ["Required, or items"]})
    return (Item(description),), amount


def _defaults(here: Setting, appointment: Any, currency: str) -> Defaults:
    """Treatment is what an appointment is for, and free of GST; all else is taxable unless it is said not to be."""
    rate = gst.rate_of(here.settings.system.gst_rate)
    if appointment is None:
        return Defaults(currency, rate)
    day = appointment.starts_at.astimezone(here.settings.system.zone).date()
    return Defaults(currency, rate, GstTreatment.GST_FREE, day, appointment.practitioner_id)


def _require_practitioners(session: orm.Session, items: Sequence[Item]) -> None:
    """Those that were named. Whom an appointment has, the directory says, whatever that person is by now."""
    named = {item.practitioner_id for item in items} - {None}
    known = sa.select(U.c.id).where(U.c.id.in_(named), U.c.role != "patient")
    unknown = named - set(session.execute(known).scalars()) if named else set()
    wrong = [str(place) for place, item in enumerate(items) if item.practitioner_id in unknown]
    if wrong:
        raise ValidationError({"items": {place: {"practitioner_id": ["No such practitioner"]} for place in wrong}})


def _new_payable(session: orm.Session, patient_id: int, amount: int, currency: str) -> int:
    values = {
        "uuid": str(uuid4()),
        "patient_id": patient_id,
        "amount": amount,
        "amount_paid": 0,
        "currency": currency,
        "open": True,
    }
    new_id: int = session.execute(sa.insert(Y).returning(Y.c.id), values).scalar_one()
    return new_id


def has_open_payment(session: orm.Session, payable_id: int) -> bool:
    query = sa.select(P.c.id).where(P.c.payable_id == payable_id, IS_OPEN_SINGLE_FLIGHT)
    return session.execute(query).first() is not None


def appointment_fee(session: orm.Session, appointment_id: int | None) -> tuple[int, bool]:
    """(fee in minor units, is it cancelled); an invoice of its own has no appointment to fall back on."""
    if appointment_id is None:
        return 0, True
    row = session.execute(sa.select(A.c.fee, A.c.status).where(A.c.id == appointment_id)).one()
    return row.fee, row.status == AppointmentStatus.CANCELLED
