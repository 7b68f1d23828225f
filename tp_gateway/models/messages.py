"""What comes in from providers (inbox) and what goes out to the rest of the world (outbox): written once, worked off
later."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway.models.base import Base, due_index, one_of, primary_key, reference_to
from tp_gateway.models.states import InboxState


class InboxEvent(Base):
    """One verified event. Its body is not kept: it is a hint to fetch. `next_attempt_at` is NULL once it is done
    with."""

    __tablename__ = "inbox_events"
    __table_args__ = (
        one_of("state", InboxState, "state"),
        sa.UniqueConstraint("provider", "event_id"),
        due_index("inbox_events", "next_attempt_at"),
    )

    id: orm.Mapped[int] = primary_key()
    provider: orm.Mapped[str]
    event_id: orm.Mapped[str]
    kind: orm.Mapped[str]
    subject: orm.Mapped[str]
    reference: orm.Mapped[str | None]
    labels: orm.Mapped[dict[str, Any] | None]
    payer: orm.Mapped[str | None]
    occurred_at: orm.Mapped[datetime | None]
    received_at: orm.Mapped[datetime]
    state: orm.Mapped[str]
    attempts: orm.Mapped[int] = orm.mapped_column(default=0)
    next_attempt_at: orm.Mapped[datetime | None]
    note: orm.Mapped[str] = orm.mapped_column(default="")


class OutboxMessage(Base):
    """One committed fact to tell. `uuid` is its stable id. `next_attempt_at` is NULL once its deliveries are made, and
    `sent_at` is when the last of them came to its end. `attempts` and `last_error` are no longer written: a rolling
    update may still do so, and they go with the next version."""

    __tablename__ = "outbox_messages"
    __table_args__ = (due_index("outbox_messages", "next_attempt_at"),)

    id: orm.Mapped[int] = primary_key()
    uuid: orm.Mapped[str] = orm.mapped_column(sa.String(36), unique=True)
    topic: orm.Mapped[str]
    payment_id: orm.Mapped[int | None] = reference_to("payments.id", nullable=True, index=True)
    data: orm.Mapped[dict[str, Any]]
    created_at: orm.Mapped[datetime]
    sent_at: orm.Mapped[datetime | None]
    attempts: orm.Mapped[int] = orm.mapped_column(default=0)
    next_attempt_at: orm.Mapped[datetime | None]
    last_error: orm.Mapped[str] = orm.mapped_column(default="")


class OutboxDelivery(Base):
    """A message on its way to one destination, in order with the others of its `subject` there. It waits while
    `next_attempt_at` is set. `told_at` is NULL for one that came to its end untold; `note` says why, or what went wrong
    the last time."""

    __tablename__ = "outbox_deliveries"
    __table_args__ = (
        sa.UniqueConstraint("message_id", "destination"),
        due_index("outbox_deliveries", "next_attempt_at"),
        sa.Index(
            "ix_outbox_deliveries_order",
            "destination",
            "subject",
            "message_id",
            postgresql_where=sa.text("next_attempt_at IS NOT NULL"),
            sqlite_where=sa.text("next_attempt_at IS NOT NULL"),
        ),
    )

    id: orm.Mapped[int] = primary_key()
    message_id: orm.Mapped[int] = reference_to("outbox_messages.id")
    destination: orm.Mapped[str]
    subject: orm.Mapped[str | None]
    attempts: orm.Mapped[int] = orm.mapped_column(default=0)
    next_attempt_at: orm.Mapped[datetime | None]
    told_at: orm.Mapped[datetime | None]
    note: orm.Mapped[str] = orm.mapped_column(default="")


class InvoiceReminder(Base):
    """A rule that has fired: this invoice was still unpaid `days` after it was due. Each fires once."""

    __tablename__ = "invoice_reminders"
    __table_args__ = (sa.UniqueConstraint("invoice_id", "days"), sa.CheckConstraint("days > 0", name="days"))

    id: orm.Mapped[int] = primary_key()
    invoice_id: orm.Mapped[int] = reference_to("invoices.id")
    days: orm.Mapped[int]
    made_at: orm.Mapped[datetime]


class IdempotencyRecord(Base):
    """One `Idempotency-Key` of one user on one route. `answer_sealed` is the stored answer, encrypted because it can
    hold a client secret; NULL while the request is not finished."""

    __tablename__ = "idempotency_records"
    __table_args__ = (sa.UniqueConstraint("user_id", "route", "key"),)

    id: orm.Mapped[int] = primary_key()
    user_id: orm.Mapped[int] = orm.mapped_column(sa.BigInteger)
    route: orm.Mapped[str]
    key: orm.Mapped[str]
    body_hash: orm.Mapped[str]
    payment_id: orm.Mapped[int | None] = reference_to("payments.id", nullable=True, index=True)
    refund_id: orm.Mapped[int | None] = reference_to("refunds.id", nullable=True)
    invoice_id: orm.Mapped[int | None] = reference_to("invoices.id", nullable=True)
    answer_sealed: orm.Mapped[str | None]
    created_at: orm.Mapped[datetime] = orm.mapped_column(index=True)
    finished_at: orm.Mapped[datetime | None]


class Cursor(Base):
    """Where a loop that runs once for all processes stands, and when it is due again."""

    __tablename__ = "cursors"

    name: orm.Mapped[str] = orm.mapped_column(primary_key=True)
    position: orm.Mapped[datetime | None]
    next_run_at: orm.Mapped[datetime]
