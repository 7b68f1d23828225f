"""What providers pay out to the clinic's bank account, and what each sum is made of."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway.contract import RemittanceKind, RemittanceState
from tp_gateway.models.base import Base, is_currency, one_of, primary_key, reference_to


class Remittance(Base):
    """One sum as the provider last told it, in minor units of `currency`, below zero when the provider took it.

    `explained`: its items come to its amount, and the payments of all of them are known; `note` says what is missing.
    `listed_from` is where the stretch of time began in which it was listed: there it is found again. `observed_at` is
    when the look began that was applied last. `statement_line_id` is the line of a bank statement that shows it.
    """

    __tablename__ = "remittances"
    __table_args__ = (
        one_of("state", RemittanceState, "state"),
        is_currency(),
        sa.UniqueConstraint("provider", "reference"),
        sa.UniqueConstraint("statement_line_id"),
    )

    id: orm.Mapped[int] = primary_key()
    provider: orm.Mapped[str]
    reference: orm.Mapped[str]
    amount: orm.Mapped[int] = orm.mapped_column(sa.BigInteger)
    currency: orm.Mapped[str] = orm.mapped_column(sa.String(3))
    arrives_on: orm.Mapped[date] = orm.mapped_column(index=True)
    state: orm.Mapped[str]
    statement_text: orm.Mapped[str] = orm.mapped_column(default="")
    statement_line_id: orm.Mapped[int | None] = orm.mapped_column(sa.BigInteger)
    explained: orm.Mapped[bool] = orm.mapped_column(default=False)
    note: orm.Mapped[str] = orm.mapped_column(default="")
    listed_from: orm.Mapped[datetime]
    observed_at: orm.Mapped[datetime]
    created_at: orm.Mapped[datetime]
    updated_at: orm.Mapped[datetime]


class RemittanceItem(Base):
    """One movement in a remittance, in minor units of its currency. `transaction_id` as in `Payment`. `payment_id` is
    NULL where it is of no payment, or of none that is known here."""

    __tablename__ = "remittance_items"
    __table_args__ = (
        one_of("kind", RemittanceKind, "kind"),
        sa.CheckConstraint("net = amount - fee", name="net"),
        sa.UniqueConstraint("remittance_id", "transaction_id"),
    )

    id: orm.Mapped[int] = primary_key()
    remittance_id: orm.Mapped[int] = reference_to("remittances.id")
    transaction_id: orm.Mapped[str]
    kind: orm.Mapped[str]
    amount: orm.Mapped[int] = orm.mapped_column(sa.BigInteger)
    fee: orm.Mapped[int] = orm.mapped_column(sa.BigInteger)
    net: orm.Mapped[int] = orm.mapped_column(sa.BigInteger)
    reference: orm.Mapped[str | None]
    payment_id: orm.Mapped[int | None] = reference_to("payments.id", nullable=True, index=True)
