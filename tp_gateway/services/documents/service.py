"""Makes documents for those who may see what they are about. Everything is read in one look; the document is set when
that is over."""

from __future__ import annotations

import re
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway import documents
from tp_gateway.crypto import Vault
from tp_gateway.database import Database
from tp_gateway.documents import Press
from tp_gateway.errors import GatewayError, NotFound
from tp_gateway.identity import Identity
from tp_gateway.models import InvoiceOperation, table
from tp_gateway.models.states import OperationKind
from tp_gateway.registry import Registry
from tp_gateway.services.clock import Clock
from tp_gateway.services.documents import of_invoices, of_payments, reading
from tp_gateway.services.documents.reading import Context
from tp_gateway.services.invoices import InvoiceDetail
from tp_gateway.services.invoices.reading import read_detail
from tp_gateway.services.practice_settings import PracticeSettingsStore
from tp_gateway.services.reading import standing

O = table(InvoiceOperation)  # noqa: E741 - one letter a table
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class MadeDocument:
    """`name` is that of a file, safe anywhere; `content` is a PDF."""

    name: str
    content: bytes


class Documents:
    def __init__(
        self,
        database: Database,
        registry: Registry,
        vault: Vault,
        settings: PracticeSettingsStore,
        press: Press,
        clock: Clock,
    ) -> None:
        self._database, self._registry, self._vault = database, registry, vault
        self._settings, self._press, self._clock = settings, press, clock

    def invoice(self, who: Identity, invoice_id: int) -> MadeDocument:
        """As it stands now. NotFound if it is not there, or not the caller's."""
        with self._database.read(snapshot=True) as session:
            found, context = self._invoice(session, who, invoice_id)
            pay_to = reading.account_to_pay_to(session, self._vault, invoice_id) if found.facts.amount_due else None
        return self._set(found.facts.number, of_invoices.invoice(found, context, pay_to))

    def credit_note(self, who: Identity, note_id: int) -> MadeDocument:
        """NotFound if it is not there, or of an invoice that is not the caller's."""
        is_note = (O.c.id == note_id, O.c.kind == OperationKind.CREDIT_NOTE)
        with self._database.read(snapshot=True) as session:
            invoice_id = session.execute(sa.select(O.c.invoice_id).where(*is_note)).scalar()
            if invoice_id is None:
                raise NotFound
            found, context = self._invoice(session, who, invoice_id)
        note = next(one for one in found.credit_notes if one.id == note_id)
        return self._set(note.number, of_invoices.credit_note(found, note, context))

    def receipt(self, who: Identity, payment_id: int) -> MadeDocument:
        """Of a payment that has brought money: `not_payable` for another one. NotFound if it is not there, or not the
        caller's."""
        with self._database.read(snapshot=True) as session:
            known = standing(session, self._vault, payment_id)
            payment = known.payment
            if not who.is_staff and payment.patient_id != who.user_id:
                raise NotFound
            if not payment.captured:
                raise GatewayError("not_payable", "This payment has brought no money", payment_id=payment.id)
            invoice_id = payment.invoice_id or known.live_invoice_id
            if invoice_id is not None:
                found, context = self._invoice(session, who, invoice_id, payment_id)
                made = of_payments.receipt_by_invoice(payment, found, context)
            else:
                practitioner = of_payments.practitioner_of(session, payment.appointment_id)
                settings = self._settings.current(session)
                context = reading.context(session, settings, self._registry, [practitioner], {payment_id})
                made = of_payments.receipt_by_appointment(session, known, context)
        return self._set(f"receipt-{made.number}", made)

    def _invoice(
        self, session: orm.Session, who: Identity, invoice_id: int, *payments: int
    ) -> tuple[InvoiceDetail, Context]:
        settings = self._settings.current(session)
        found = read_detail(session, invoice_id, settings.system.zone, self._clock(), who)
        people = [line.practitioner_id for line in found.lines]
        asked = {*payments, *(one.payment_id for one in found.payments)}
        return found, reading.context(session, settings, self._registry, people, asked)

    def _set(self, name: str, made: documents.Invoice | documents.CreditNote | documents.Receipt) -> MadeDocument:
        return MadeDocument(f"{_UNSAFE.sub('-', name)}.pdf", self._press.print(made))
