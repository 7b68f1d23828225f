"""Invoices and their lines. What has been paid stands on the payable; an invoice's status follows from it."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway.models.base import Base, is_currency, one_of, primary_key, reference_to
from tp_gateway.models.states import InvoiceStatus

IS_UNPAID = sa.text("status IN ('pending', 'partially_paid')")
"""Something is due on it."""


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
        sa.Index("ix_invoices_unpaid_due_date", "due_date", postgresql_where=IS_UNPAID, sqlite_where=IS_UNPAID),
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
    __tablename__ = "invoice_items"
    __table_args__ = (
        sa.CheckConstraint("quantity > 0", name="quantity"),
        sa.CheckConstraint("total = quantity * unit_price", name="total"),
        sa.UniqueConstraint("invoice_id", "position"),
    )

    id: orm.Mapped[int] = primary_key()
    invoice_id: orm.Mapped[int] = reference_to("invoices.id")
    position: orm.Mapped[int]
    description: orm.Mapped[str]
    quantity: orm.Mapped[int]
    unit_price: orm.Mapped[int] = orm.mapped_column(sa.BigInteger)
    total: orm.Mapped[int] = orm.mapped_column(sa.BigInteger)


class Counter(Base):
    """A number that rises without gaps: it is raised in the transaction that uses it (a sequence keeps a gap after a
    rollback)."""

    __tablename__ = "counters"

    name: orm.Mapped[str] = orm.mapped_column(primary_key=True)
    value: orm.Mapped[int] = orm.mapped_column(sa.BigInteger)
