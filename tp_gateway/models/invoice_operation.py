"""What staff did to invoices after they were made: voided, credited, written off, paid with credit. Each is one row
that stays as it is; the money of it is in the ledger, by its id."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway.models.base import Base, is_currency, one_of, primary_key, reference_to
from tp_gateway.models.states import OperationKind


class InvoiceOperation(Base):
    """`amount` is what it moves, of which `gst` is GST that is taken back. A credit note has a `number`, `CN-YYYY-NNN`
    from a counter row, without gaps."""

    __tablename__ = "invoice_operations"
    __table_args__ = (
        one_of("kind", OperationKind, "kind"),
        is_currency(),
        sa.CheckConstraint("amount > 0", name="amount"),
        sa.CheckConstraint("gst >= 0 AND gst <= amount", name="gst"),
        sa.CheckConstraint("(kind = 'credit_note') = (number IS NOT NULL)", name="number"),
    )

    id: orm.Mapped[int] = primary_key()
    kind: orm.Mapped[str]
    number: orm.Mapped[str | None] = orm.mapped_column(unique=True)
    invoice_id: orm.Mapped[int] = reference_to("invoices.id", index=True)
    payable_id: orm.Mapped[int] = reference_to("payables.id")
    patient_id: orm.Mapped[int] = reference_to("users.id")
    amount: orm.Mapped[int] = orm.mapped_column(sa.BigInteger)
    gst: orm.Mapped[int] = orm.mapped_column(sa.BigInteger, default=0)
    currency: orm.Mapped[str] = orm.mapped_column(sa.String(3))
    reason: orm.Mapped[str] = orm.mapped_column(default="")
    actor: orm.Mapped[str]
    at: orm.Mapped[datetime]


class CreditNoteLine(Base):
    """`amount` of an invoice's line was taken back, of which `gst` is GST."""

    __tablename__ = "credit_note_lines"
    __table_args__ = (
        sa.CheckConstraint("amount > 0", name="amount"),
        sa.CheckConstraint("gst >= 0 AND gst <= amount", name="gst"),
        sa.UniqueConstraint("operation_id", "item_id"),
    )

    id: orm.Mapped[int] = primary_key()
    operation_id: orm.Mapped[int] = reference_to("invoice_operations.id")
    item_id: orm.Mapped[int] = reference_to("invoice_items.id", index=True)
    amount: orm.Mapped[int] = orm.mapped_column(sa.BigInteger)
    gst: orm.Mapped[int] = orm.mapped_column(sa.BigInteger)
