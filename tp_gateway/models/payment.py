"""Payments, refunds, and the history of every move they make."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway import money
from tp_gateway.contract import Flow
from tp_gateway.models.base import Base, due_index, is_currency, one_of, primary_key, reference_to
from tp_gateway.models.states import OPEN_STATES, PaymentState, RefundState

IS_OPEN = f"state IN ({', '.join(repr(str(state)) for state in OPEN_STATES)})"
IS_OPEN_SINGLE_FLIGHT = sa.text(f"single_flight AND {IS_OPEN}")


class Payment(Base):
    """One attempt to pay a payable. Amounts in minor units of `currency`.

    `reference` is the provider's object and `uuid` is what the provider knows us by. `epoch` fences: whoever takes the
    row over adds one, and a step of an older epoch changes nothing. `next_check_at` is when somebody else may take it
    over (a live worker keeps it in the future) and, later, when the sweep looks again; NULL when there is nothing left
    to find out. `observed_at` is when the look at the provider began whose answer was applied last. `expires_at` is
    until when it may wait for its customer.

    The provider's own parameters stand in `parameters`, or encrypted in `parameters_sealed` where its schema has
    anything secret.

    `manual_capture`: only hold the amount; it was held since `authorized_at`, and can be captured until
    `capture_before` (NULL: the provider does not say). `disputed`: its customer has disputed it at the bank, at least
    once. These columns have defaults in the database, so that the insert of an ordinary charge need not name them.
    """

    __tablename__ = "payments"
    __table_args__ = (
        one_of("state", PaymentState, "state"),
        one_of("flow", Flow, "flow"),
        is_currency(),
        sa.CheckConstraint(f"amount BETWEEN 1 AND {money.MAX_MINOR_UNITS}", name="amount"),
        sa.CheckConstraint("captured >= 0 AND refunded >= 0 AND refunded <= captured", name="captured"),
        sa.CheckConstraint("state NOT IN ('succeeded', 'refunded') OR captured > 0", name="settled_has_money"),
        sa.UniqueConstraint("provider", "reference"),
        sa.Index(
            "uq_payments_open_single_flight",
            "payable_id",
            unique=True,
            postgresql_where=IS_OPEN_SINGLE_FLIGHT,
            sqlite_where=IS_OPEN_SINGLE_FLIGHT,
        ),
        due_index("payments", "next_check_at"),
        sa.Index(
            "ix_payments_provider_transaction_id",
            "provider",
            "transaction_id",
            postgresql_where=sa.text("transaction_id IS NOT NULL"),
            sqlite_where=sa.text("transaction_id IS NOT NULL"),
        ),
    )

    id: orm.Mapped[int] = primary_key()
    uuid: orm.Mapped[str] = orm.mapped_column(sa.String(36), unique=True)
    payable_id: orm.Mapped[int] = reference_to("payables.id", index=True)
    patient_id: orm.Mapped[int] = reference_to("users.id", index=True)
    appointment_id: orm.Mapped[int | None] = reference_to("appointments.id", nullable=True)
    invoice_id: orm.Mapped[int | None] = reference_to("invoices.id", nullable=True)
    provider: orm.Mapped[str]
    method: orm.Mapped[str]
    flow: orm.Mapped[str]
    single_flight: orm.Mapped[bool]
    amount: orm.Mapped[int] = orm.mapped_column(sa.BigInteger)
    currency: orm.Mapped[str] = orm.mapped_column(sa.String(3))
    state: orm.Mapped[str]
    epoch: orm.Mapped[int] = orm.mapped_column(server_default="1")
    checks: orm.Mapped[int] = orm.mapped_column(server_default="0")
    next_check_at: orm.Mapped[datetime | None]
    observed_at: orm.Mapped[datetime | None]
    expires_at: orm.Mapped[datetime]

    reference: orm.Mapped[str | None]
    method_reference: orm.Mapped[str | None]
    save_method: orm.Mapped[bool] = orm.mapped_column(default=False)
    parameters: orm.Mapped[dict[str, Any] | None]
    parameters_sealed: orm.Mapped[str | None]
    action_sealed: orm.Mapped[str | None]
    provider_state_sealed: orm.Mapped[str | None]

    captured: orm.Mapped[int] = orm.mapped_column(sa.BigInteger, server_default="0")
    refunded: orm.Mapped[int] = orm.mapped_column(sa.BigInteger, server_default="0")
    evidence: orm.Mapped[str | None]
    transaction_id: orm.Mapped[str | None]
    receipt_url: orm.Mapped[str | None]
    reason: orm.Mapped[str] = orm.mapped_column(server_default=sa.text("''"))
    provider_code: orm.Mapped[str] = orm.mapped_column(server_default=sa.text("''"))
    needs_review: orm.Mapped[bool] = orm.mapped_column(server_default=sa.false())
    review_note: orm.Mapped[str] = orm.mapped_column(server_default=sa.text("''"))
    late_success: orm.Mapped[bool] = orm.mapped_column(server_default=sa.false())
    manual_capture: orm.Mapped[bool] = orm.mapped_column(server_default=sa.false())
    authorized_at: orm.Mapped[datetime | None]
    capture_before: orm.Mapped[datetime | None]
    disputed: orm.Mapped[bool] = orm.mapped_column(server_default=sa.false())

    description: orm.Mapped[str] = orm.mapped_column(default="")
    client_metadata: orm.Mapped[dict[str, Any] | None]
    created_by: orm.Mapped[str]
    created_at: orm.Mapped[datetime] = orm.mapped_column(index=True)
    updated_at: orm.Mapped[datetime]
    settled_at: orm.Mapped[datetime | None]
    moved_by: orm.Mapped[str | None]
    moved_because: orm.Mapped[str] = orm.mapped_column(server_default=sa.text("''"))


class Refund(Base):
    """Money given back from one payment. `reopen` asks that the payable becomes due again. `epoch` and
    `next_check_at` as in `Payment`. `first_sent_at` bounds how long the same key may be sent again. `account_sealed` is
    the customer's bank account, where the provider does not know by itself whom to give it back."""

    __tablename__ = "refunds"
    __table_args__ = (
        one_of("state", RefundState, "state"),
        is_currency(),
        sa.CheckConstraint(f"amount BETWEEN 1 AND {money.MAX_MINOR_UNITS}", name="amount"),
        sa.UniqueConstraint("provider", "reference"),
        due_index("refunds", "next_check_at"),
    )

    id: orm.Mapped[int] = primary_key()
    uuid: orm.Mapped[str] = orm.mapped_column(sa.String(36), unique=True)
    payment_id: orm.Mapped[int] = reference_to("payments.id", index=True)
    provider: orm.Mapped[str]
    reference: orm.Mapped[str | None]
    amount: orm.Mapped[int] = orm.mapped_column(sa.BigInteger)
    currency: orm.Mapped[str] = orm.mapped_column(sa.String(3))
    state: orm.Mapped[str]
    epoch: orm.Mapped[int] = orm.mapped_column(default=1)
    checks: orm.Mapped[int] = orm.mapped_column(default=0)
    next_check_at: orm.Mapped[datetime | None]
    first_sent_at: orm.Mapped[datetime | None]
    reopen: orm.Mapped[bool] = orm.mapped_column(default=False)
    reason: orm.Mapped[str] = orm.mapped_column(default="")
    provider_code: orm.Mapped[str] = orm.mapped_column(default="")
    created_by: orm.Mapped[str]
    created_at: orm.Mapped[datetime]
    updated_at: orm.Mapped[datetime]
    moved_by: orm.Mapped[str | None]
    moved_because: orm.Mapped[str] = orm.mapped_column(server_default=sa.text("''"))
    account_sealed: orm.Mapped[str | None]


class Transition(Base):
    """One move of a payment or of one of its refunds: from where, to where, by whom, why. Append-only, and written by
    triggers of the two tables alone, so that no move can be made without its trace."""

    __tablename__ = "transitions"

    id: orm.Mapped[int] = primary_key()
    payment_id: orm.Mapped[int] = reference_to("payments.id", index=True)
    refund_id: orm.Mapped[int | None] = reference_to("refunds.id", nullable=True)
    from_state: orm.Mapped[str | None]
    to_state: orm.Mapped[str]
    actor: orm.Mapped[str]
    reason: orm.Mapped[str] = orm.mapped_column(default="")
    at: orm.Mapped[datetime]
