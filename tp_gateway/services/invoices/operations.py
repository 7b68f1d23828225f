"""What staff do to an invoice after it was made: void it, credit it, write it off, pay it with the patient's credit.

Each is one transaction under the payable's lock, refused while a payment of it is open. None of them calls a provider:
giving money back is a refund's business, which takes what became credit here first.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway.database import Database
from tp_gateway.errors import GatewayError
from tp_gateway.identity import Identity
from tp_gateway.models import Invoice, Payable, table
from tp_gateway.models.states import InvoiceStatus, OperationKind
from tp_gateway.registry import Registry
from tp_gateway.services import history
from tp_gateway.services.clock import Clock
from tp_gateway.services.exclusivity import sole_payment
from tp_gateway.services.facts import Answer, Key
from tp_gateway.services.idempotency import Idempotency
from tp_gateway.services.invoices.credit import Lot, credit_of, paid_by, take
from tp_gateway.services.invoices.credit_notes import Asked, Credited, write_credit_note
from tp_gateway.services.invoices.facts import InvoiceDetail
from tp_gateway.services.invoices.making import appointment_fee
from tp_gateway.services.invoices.reading import read_detail
from tp_gateway.services.invoices.target import Target, lock_target
from tp_gateway.services.practice_settings import PracticeSettingsStore

V, Y = table(Invoice), table(Payable)
Render = Callable[[InvoiceDetail], Answer]
RenderCredited = Callable[[InvoiceDetail, Credited], Answer]


class InvoiceOperations:
    def __init__(
        self,
        database: Database,
        registry: Registry,
        settings: PracticeSettingsStore,
        idempotency: Idempotency,
        clock: Clock,
    ) -> None:
        self._database, self._registry, self._settings = database, registry, settings
        self._idempotency, self._clock = idempotency, clock

    def void(self, who: Identity, invoice_id: int, reason: str, render: Render, key: Key | None) -> Answer:
        """Nothing may have been paid and nothing may be open. The appointment's own fee counts again."""

        def work(session: orm.Session) -> Answer:
            target = self._target(session, who, invoice_id)
            if target.row.amount_paid:
                raise GatewayError("not_payable", "Something was paid on this invoice: refund or credit it instead")
            target.operation(OperationKind.VOID, target.row.amount, reason)
            session.execute(sa.update(V).where(V.c.id == invoice_id).values(status=str(InvoiceStatus.VOID)))
            fee, cancelled = appointment_fee(session, target.row.appointment_id)
            values = {"invoice_id": None, "amount": fee, "open": fee > 0 and not cancelled}
            session.execute(sa.update(Y).where(Y.c.id == target.row.id).values(values))
            return self._told(target, "invoice.voided", render)

        return self._once(key, invoice_id, work)

    def credit(
        self, who: Identity, invoice_id: int, asked: Asked, reason: str, render: RenderCredited, key: Key | None
    ) -> Answer:
        """Take back (a part of) what the invoice asks, by a numbered credit note: what is due becomes less, and what
        was paid of it becomes the patient's credit."""

        def work(session: orm.Session) -> Answer:
            target, paid = self._paid_target(session, who, invoice_id)
            self._refuse_sole_payer(target)
            year = target.at.astimezone(self._settings.current(session).system.zone).year
            credited = write_credit_note(target, asked, paid, reason, year)
            return self._told(target, "invoice.credited", lambda detail: render(detail, credited))

        return self._once(key, invoice_id, work)

    def write_off(
        self, who: Identity, invoice_id: int, amount: Decimal | None, reason: str, render: Render, key: Key | None
    ) -> Answer:
        """Give up what is due, or a part of it."""

        def work(session: orm.Session) -> Answer:
            target = self._target(session, who, invoice_id)
            if not target.due:
                raise GatewayError("already_paid", "There is nothing left to pay")
            given_up = target.asked(amount, target.due, "Exceeds the amount due")
            done = target.operation(OperationKind.WRITE_OFF, given_up, reason)
            target.book("written_off", done, f"write-off {done}", [given_up])
            target.update_status()
            return self._told(target, "invoice.written_off", render)

        return self._once(key, invoice_id, work)

    def apply_credit(
        self, who: Identity, invoice_id: int, amount: Decimal | None, render: Render, key: Key | None
    ) -> Answer:
        """Pay with the patient's credit, the oldest first: all that is due, as far as the credit goes."""

        def work(session: orm.Session) -> Answer:
            sources = {lot.payable_id for lot in self._credit(session, invoice_id)}
            target = self._target(session, who, invoice_id, sources)
            self._refuse_sole_payer(target)
            if not target.due:
                raise GatewayError("already_paid", "There is nothing left to pay")
            lots = [lot for lot in self._credit(session, invoice_id) if lot.payable_id in sources]
            credit = sum(lot.amount for lot in lots)
            if not credit:
                raise GatewayError("not_payable", "The patient has no credit")
            most = min(target.due, credit)
            what = "Exceeds the patient's credit" if credit < target.due else "Exceeds the amount due"
            used = target.asked(amount, most, what)
            done = target.operation(OperationKind.CREDIT_APPLIED, used, "")
            target.book("credit_applied", done, f"credit {done}", take(lots, used))
            target.update_status()
            return self._told(target, "invoice.credit_applied", render)

        return self._once(key, invoice_id, work)

    def return_credit(self, who: Identity, invoice_id: int, reason: str, render: Render, key: Key | None) -> Answer:
        """Take back that credit has paid here: it is the patient's credit again, and the invoice due again."""

        def work(session: orm.Session) -> Answer:
            target, paid = self._paid_target(session, who, invoice_id)
            lots = [lot for lot in paid if lot.payable_id != target.row.id]
            if not lots:
                raise GatewayError("not_payable", "No credit has paid this invoice")
            done = target.operation(OperationKind.CREDIT_RETURNED, sum(lot.amount for lot in lots), reason)
            target.book("credit_returned", done, f"credit {done}", lots)
            target.update_status()
            return self._told(target, "invoice.credit_returned", render)

        return self._once(key, invoice_id, work)

    def _once(self, key: Key | None, invoice_id: int, work: Callable[[orm.Session], Answer]) -> Answer:
        return self._idempotency.once(self._database, key, self._clock(), lambda session: (invoice_id, work(session)))

    def _target(self, session: orm.Session, who: Identity, invoice_id: int, others: set[int] | None = None) -> Target:
        return lock_target(session, invoice_id, who.actor, self._clock(), others or ())

    def _paid_target(self, session: orm.Session, who: Identity, invoice_id: int) -> tuple[Target, list[Lot]]:
        """The invoice, and the money that has paid it, which no refund or dispute takes meanwhile."""
        payable = sa.select(Y.c.id).where(Y.c.invoice_id == invoice_id)
        known = session.execute(payable).scalar()
        sources = {lot.payable_id for lot in paid_by(session, known)} if known is not None else set()
        target = self._target(session, who, invoice_id, sources)
        locked = {target.row.id, *sources}
        return target, [lot for lot in paid_by(session, target.row.id) if lot.payable_id in locked]

    def _credit(self, session: orm.Session, invoice_id: int) -> list[Lot]:
        """Of the invoice's patient; nobody's for an invoice that there is not."""
        whose = session.execute(sa.select(V.c.patient_id, V.c.currency).where(V.c.id == invoice_id)).first()
        if whose is None:
            return []
        return credit_of(session, whose.patient_id, whose.currency, self._registry.sole_payers)

    def _refuse_sole_payer(self, target: Target) -> None:
        sole = sole_payment(target.session, self._registry, target.row.id)
        if sole is not None:
            text = "This was paid by a bulk bill, which is payment in full"
            raise GatewayError("not_payable", text, payment_id=sole)

    def _told(self, target: Target, topic: str, render: Render) -> Answer:
        """The answer, and the fact queued for the outbox."""
        zone = self._settings.current(target.session).system.zone
        detail = read_detail(target.session, target.invoice_id, zone, target.at)
        history.tell_invoice(target.session, topic, target.invoice_id, target.at)
        return render(detail)
