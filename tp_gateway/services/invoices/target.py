"""An invoice that staff are about to change, under the lock of its payable; and what is booked there."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway import money
from tp_gateway.errors import GatewayError, NotFound, ValidationError
from tp_gateway.models import Invoice, InvoiceOperation, LedgerEntry, Payable, table
from tp_gateway.models.ledger import MOVES
from tp_gateway.models.states import OperationKind
from tp_gateway.services.bookkeeping import everything_went_back, invoice_status
from tp_gateway.services.invoices.credit import Lot
from tp_gateway.services.invoices.making import has_open_payment

V, Y, L, O = (table(model) for model in (Invoice, Payable, LedgerEntry, InvoiceOperation))  # noqa: E741


@dataclass(frozen=True, slots=True)
class Target:
    """`row` is the locked payable, amounts in minor units of its currency."""

    session: orm.Session
    invoice_id: int
    row: Any
    actor: str
    at: datetime

    @property
    def due(self) -> int:
        due: int = self.row.amount - self.row.amount_paid
        return max(0, due)

    def text(self, amount: int) -> str:
        return money.to_decimal_text(amount, self.row.currency)

    def asked(self, amount: Decimal | None, most: int, refusal: str) -> int:
        """`amount` (major units, all of `most` for None) in minor units, if it is not more than `most`."""
        if amount is None:
            return most
        try:
            asked = money.to_minor_units(amount, self.row.currency)
        except ValueError as error:
            raise ValidationError({"amount": [str(error)]}) from None
        if asked > most:
            raise ValidationError({"amount": [f"{refusal}: {self.text(most)}"]})
        return asked

    def operation(
        self, kind: OperationKind, amount: int, reason: str, *, number: str | None = None, gst: int = 0
    ) -> int:
        """Write down what is done; returns its id."""
        values = {
            "kind": str(kind),
            "number": number,
            "invoice_id": self.invoice_id,
            "payable_id": self.row.id,
            "patient_id": self.row.patient_id,
            "amount": amount,
            "gst": gst,
            "currency": self.row.currency,
            "reason": reason,
            "actor": self.actor,
            "at": self.at,
        }
        new_id: int = self.session.execute(sa.insert(O).returning(O.c.id), values).scalar_one()
        return new_id

    def book(self, kind: str, operation_id: int, evidence: str, parts: Iterable[Lot | int]) -> None:
        """An entry for each part: of a payment's money, or of nobody's."""
        debit, credit = MOVES[kind]
        entries = [
            {
                "payment_id": part.payment_id if isinstance(part, Lot) else None,
                "operation_id": operation_id,
                "payable_id": self.row.id,
                "patient_id": self.row.patient_id,
                "kind": kind,
                "debit": debit,
                "credit": credit,
                "amount": part.amount if isinstance(part, Lot) else part,
                "currency": self.row.currency,
                "evidence": evidence,
                "actor": self.actor,
                "at": self.at,
            }
            for part in parts
        ]
        if entries:
            self.session.execute(sa.insert(L), entries)

    def update_status(self) -> None:
        """After it was booked: the ledger's trigger has brought what is paid up to date."""
        paid = self.session.execute(sa.select(Y.c.amount_paid).where(Y.c.id == self.row.id)).scalar_one()
        all_back = paid >= self.row.amount and everything_went_back(self.session, self.row.id)
        status = str(invoice_status(self.row.amount, paid, refunded_all=all_back))
        self.session.execute(sa.update(V).where(V.c.id == self.invoice_id).values(status=status))


def lock_target(
    session: orm.Session, invoice_id: int, actor: str, at: datetime, others: Collection[int] = ()
) -> Target:
    """Lock the payable of a live invoice, and `others` in the order of their ids, so that nobody can wait in a circle.
    NotFound; `not_payable` for a void invoice; `payment_in_progress` while it is being paid."""
    query = sa.select(Y).where(sa.or_(Y.c.invoice_id == invoice_id, Y.c.id.in_(others)))
    rows = session.execute(query.order_by(Y.c.id).with_for_update()).all()
    row = next((one for one in rows if one.invoice_id == invoice_id), None)
    if row is None:
        if session.execute(sa.select(V.c.id).where(V.c.id == invoice_id)).first() is None:
            raise NotFound
        raise GatewayError("not_payable", "This invoice is void")
    if has_open_payment(session, row.id):
        raise GatewayError("payment_in_progress", "A payment of this invoice is in progress")
    return Target(session, invoice_id, row, actor, at)
