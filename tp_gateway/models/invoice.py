"""Invoices, their lines, and the words by which they are found. What has been paid stands on the payable; an invoice's
status follows from it."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway.models.base import Base, BigId, is_currency, one_of, primary_key, reference_to
from tp_gateway.models.states import GstTreatment, InvoiceStatus

IS_UNPAID = "status IN ('pending', 'partially_paid')"


class Invoice(Base):
    """`number` is `INV-YYYY-NNN` from a counter row, without gaps. A payable has at most one invoice that is not
    void."""

    __tablename__ = "invoices"
    __table_args__ = (
        one_of("status", InvoiceStatus, "status"),
        is_currency(),
        sa.CheckConstraint("amount > 0", name="amount"),
        sa.Index(
            "uq_invoices_live_payable",
            "payable_id",
            unique=True,
            postgresql_where=sa.text("status <> 'void'"),
            sqlite_where=sa.text("status <> 'void'"),
        ),
        # What the lists are sorted and filtered by (services/invoices/listing.py).
        sa.Index("ix_invoices_status_id", "status", "id"),
        sa.Index("ix_invoices_status_due_date_id", "status", "due_date", "id"),
        sa.Index("ix_invoices_due_date_id", "due_date", "id"),
        sa.Index(
            "ix_invoices_unpaid_due_date_id",
            "due_date",
            "id",
            postgresql_where=sa.text(IS_UNPAID),
            sqlite_where=sa.text(IS_UNPAID),
        ),
    )

    id: orm.Mapped[int] = primary_key()
    number: orm.Mapped[str] = orm.mapped_column(unique=True)
    payable_id: orm.Mapped[int] = reference_to("payables.id", index=True)
    patient_id: orm.Mapped[int] = reference_to("users.id", index=True)
    appointment_id: orm.Mapped[int | None] = reference_to("appointments.id", nullable=True)
    amount: orm.Mapped[int] = orm.mapped_column(sa.BigInteger)
    currency: orm.Mapped[str] = orm.mapped_column(sa.String(3))
    status: orm.Mapped[str]
    description: orm.Mapped[str] = orm.mapped_column(default="")
    due_date: orm.Mapped[date]
    created_by: orm.Mapped[str]
    created_at: orm.Mapped[datetime]

    items: orm.Mapped[list[InvoiceItem]] = orm.relationship(order_by="InvoiceItem.position", lazy="selectin")


class InvoiceItem(Base):
    """A line. `total` includes `gst`; `gst_rate` is in ten-thousandths (1000 is 10 %), as it was when the invoice was
    made. A line that is `gst_free` has neither."""

    __tablename__ = "invoice_items"
    __table_args__ = (
        one_of("gst_treatment", GstTreatment, "gst_treatment"),
        sa.CheckConstraint("quantity > 0", name="quantity"),
        sa.CheckConstraint("total = quantity * unit_price", name="total"),
        sa.CheckConstraint("gst_rate BETWEEN 0 AND 10000", name="gst_rate"),
        sa.CheckConstraint("gst >= 0 AND gst <= total", name="gst"),
        sa.UniqueConstraint("invoice_id", "position"),
    )

    id: orm.Mapped[int] = primary_key()
    invoice_id: orm.Mapped[int] = reference_to("invoices.id")
    position: orm.Mapped[int]
    description: orm.Mapped[str]
    quantity: orm.Mapped[int]
    unit_price: orm.Mapped[int] = orm.mapped_column(sa.BigInteger)
    total: orm.Mapped[int] = orm.mapped_column(sa.BigInteger)
    gst_treatment: orm.Mapped[str] = orm.mapped_column(server_default=GstTreatment.GST_FREE)
    gst_rate: orm.Mapped[int] = orm.mapped_column(server_default="0")
    gst: orm.Mapped[int] = orm.mapped_column(sa.BigInteger, server_default="0")
    service_date: orm.Mapped[date | None]
    item_number: orm.Mapped[str | None]
    practitioner_id: orm.Mapped[int | None] = reference_to("users.id", nullable=True)


class InvoiceWord(Base):
    """A word of an invoice's number, patient's name, description or lines, folded (services/invoices/words.py)."""

    __tablename__ = "invoice_words"
    __table_args__ = ({"sqlite_with_rowid": False},)

    word: orm.Mapped[str] = orm.mapped_column(primary_key=True)
    invoice_id: orm.Mapped[int] = orm.mapped_column(BigId, sa.ForeignKey("invoices.id"), primary_key=True)


class Counter(Base):
    """A number that rises without gaps: it is raised in the transaction that uses it (a sequence keeps a gap after a
    rollback)."""

    __tablename__ = "counters"

    name: orm.Mapped[str] = orm.mapped_column(primary_key=True)
    value: orm.Mapped[int] = orm.mapped_column(sa.BigInteger)
