"""Disputes: a customer has asked the bank for the money of a payment. What it did to the money stands in the ledger."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway import money
from tp_gateway.contract import DisputeStatus
from tp_gateway.models.base import Base, due_index, is_currency, one_of, primary_key, reference_to


class Dispute(Base):
    """One dispute as the provider last told it. Amounts in minor units of `currency`.

    `payment_id` is NULL, and `needs_review` set, while no payment here is known to be the one that is disputed;
    `payment_reference` is how the provider names it. `withdrawn` is what the provider has taken back and not returned,
    `fee` what it charged for it. `refundable`: the payment can still be refunded. `reopened` is what staff have made
    due again after it was lost. `observed_at` is when the look began that was applied last, `next_check_at` when to
    look again (NULL: nothing more is to be expected).
    """

    __tablename__ = "disputes"
    __table_args__ = (
        one_of("status", DisputeStatus, "status"),
        is_currency(),
        sa.CheckConstraint(f"amount BETWEEN 1 AND {money.MAX_MINOR_UNITS}", name="amount"),
        sa.CheckConstraint("reopened >= 0", name="reopened"),
        sa.CheckConstraint("payment_id IS NOT NULL OR needs_review", name="unknown_payment"),
        sa.UniqueConstraint("provider", "reference"),
        due_index("disputes", "next_check_at"),
    )

    id: orm.Mapped[int] = primary_key()
    provider: orm.Mapped[str]
    reference: orm.Mapped[str]
    payment_id: orm.Mapped[int | None] = reference_to("payments.id", nullable=True, index=True)
    payment_reference: orm.Mapped[str | None]
    amount: orm.Mapped[int] = orm.mapped_column(sa.BigInteger)
    currency: orm.Mapped[str] = orm.mapped_column(sa.String(3))
    status: orm.Mapped[str]
    reason: orm.Mapped[str] = orm.mapped_column(default="")
    refundable: orm.Mapped[bool] = orm.mapped_column(default=False)
    evidence_due_by: orm.Mapped[datetime | None]
    withdrawn: orm.Mapped[int] = orm.mapped_column(sa.BigInteger, default=0)
    fee: orm.Mapped[int] = orm.mapped_column(sa.BigInteger, default=0)
    reopened: orm.Mapped[int] = orm.mapped_column(sa.BigInteger, default=0)
    needs_review: orm.Mapped[bool] = orm.mapped_column(default=False)
    review_note: orm.Mapped[str] = orm.mapped_column(default="")
    next_check_at: orm.Mapped[datetime | None]
    observed_at: orm.Mapped[datetime]
    opened_at: orm.Mapped[datetime]
    closed_at: orm.Mapped[datetime | None]
    created_at: orm.Mapped[datetime]
    updated_at: orm.Mapped[datetime]
