"""The books: append-only double entry. Each row moves one amount from one account to another, so every row balances
by itself and an account's balance is the sum of its debits less its credits."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway.models.base import Base, is_currency, primary_key, reference_to

RECEIVABLE = "receivable"
"""What patients owe, by payable."""
PATIENT_CREDIT = "patient_credit"
"""Over-payment: the clinic owes it to the patient."""
SUSPENSE = "suspense"
"""Money that is certainly here and not certainly understood."""
ADJUSTMENTS = "adjustments"
"""Fees that were given up (a refund that does not make the payable due again)."""
DISPUTED = "disputed"
"""Money that a provider took back because of a dispute that is not decided."""
CHARGEBACKS = "chargebacks"
"""Money that disputes have lost for good."""


def clearing(provider: str) -> str:
    """Money that a provider holds for the clinic."""
    return f"clearing:{provider}"


def fees(provider: str) -> str:
    """What a provider charged."""
    return f"fees:{provider}"


CLEARING, FEES = clearing(""), fees("")
"""How the names of those accounts begin."""

MOVES: dict[str, tuple[str, str]] = {
    "charge": (CLEARING, RECEIVABLE),
    "overpayment": (CLEARING, PATIENT_CREDIT),
    "fee": (FEES, CLEARING),
    "write_off": (ADJUSTMENTS, RECEIVABLE),
    "write_off_returned": (RECEIVABLE, ADJUSTMENTS),
    "write_off_returned_reversal": (ADJUSTMENTS, RECEIVABLE),
    "suspense": (CLEARING, SUSPENSE),
    "suspense_reversal": (SUSPENSE, CLEARING),
    "refund": (RECEIVABLE, CLEARING),
    "refund_reversal": (CLEARING, RECEIVABLE),
    "refund_credit": (PATIENT_CREDIT, CLEARING),
    "refund_credit_reversal": (CLEARING, PATIENT_CREDIT),
    "refund_reversal_credit": (CLEARING, PATIENT_CREDIT),
    "adjustment": (ADJUSTMENTS, RECEIVABLE),
    "adjustment_reversal": (RECEIVABLE, ADJUSTMENTS),
    "unmatch": (RECEIVABLE, CLEARING),
    "unmatch_credit": (PATIENT_CREDIT, CLEARING),
    "dispute": (DISPUTED, CLEARING),
    "dispute_reversal": (CLEARING, DISPUTED),
    "dispute_fee": (FEES, CLEARING),
    "dispute_fee_reversal": (CLEARING, FEES),
    "chargeback": (CHARGEBACKS, DISPUTED),
    "chargeback_reversal": (DISPUTED, CHARGEBACKS),
    "chargeback_credit": (PATIENT_CREDIT, DISPUTED),
    "chargeback_credit_reversal": (DISPUTED, PATIENT_CREDIT),
    "chargeback_reopened": (RECEIVABLE, CHARGEBACKS),
    "chargeback_reopened_reversal": (CHARGEBACKS, RECEIVABLE),
    "chargeback_reopened_reversal_credit": (CHARGEBACKS, PATIENT_CREDIT),
    "credit_note": (ADJUSTMENTS, RECEIVABLE),
    "written_off": (ADJUSTMENTS, RECEIVABLE),
    "credit_applied": (PATIENT_CREDIT, RECEIVABLE),
    "credit_returned": (RECEIVABLE, PATIENT_CREDIT),
}
"""Kind of entry -> (the account that it debits, the one that it credits): all the kinds there are. `tp-gateway verify`
holds the ledger against it."""

WITHOUT_PAYMENT = ("credit_note", "written_off")
"""Kinds that move no payment's money: only what the clinic asks for becomes less."""
CREDIT_MOVED = ("credit_applied", "credit_returned")
"""Kinds that move a payment's over-payment to or from a payable that may be another than the payment's own."""
IS_CREDIT = "'patient_credit' IN (debit, credit)"


class LedgerEntry(Base):
    """`amount` > 0 minor units from `credit` to `debit`. `evidence` is the provider's own id of the movement: with
    payment and kind it makes an entry unique, so that no fact is ever booked twice.

    What staff did to an invoice is booked under its `operation_id`. `payment_id` is whose money moves: credit that pays
    an invoice is the over-payment of one payment, so that no cent of it can be used, or given back, a second time."""

    __tablename__ = "ledger_entries"
    __table_args__ = (
        is_currency(),
        sa.CheckConstraint("amount > 0", name="amount"),
        sa.CheckConstraint("debit <> credit", name="two_accounts"),
        sa.CheckConstraint("payment_id IS NOT NULL OR operation_id IS NOT NULL", name="origin"),
        sa.UniqueConstraint("payment_id", "kind", "evidence"),
        sa.Index(
            "uq_ledger_entries_operation_id",
            "operation_id",
            unique=True,
            postgresql_where=sa.text("payment_id IS NULL"),
            sqlite_where=sa.text("payment_id IS NULL"),
        ),
        sa.Index(
            "ix_ledger_entries_patient_credit",
            "patient_id",
            postgresql_where=sa.text(IS_CREDIT),
            sqlite_where=sa.text(IS_CREDIT),
        ),
    )

    id: orm.Mapped[int] = primary_key()
    payment_id: orm.Mapped[int | None] = reference_to("payments.id", nullable=True)
    refund_id: orm.Mapped[int | None] = reference_to("refunds.id", nullable=True)
    dispute_id: orm.Mapped[int | None] = reference_to("disputes.id", nullable=True)
    operation_id: orm.Mapped[int | None] = reference_to("invoice_operations.id", nullable=True)
    payable_id: orm.Mapped[int] = reference_to("payables.id", index=True)
    patient_id: orm.Mapped[int] = reference_to("users.id")
    kind: orm.Mapped[str]
    debit: orm.Mapped[str]
    credit: orm.Mapped[str]
    amount: orm.Mapped[int] = orm.mapped_column(sa.BigInteger)
    currency: orm.Mapped[str] = orm.mapped_column(sa.String(3))
    evidence: orm.Mapped[str]
    actor: orm.Mapped[str]
    at: orm.Mapped[datetime] = orm.mapped_column(index=True)
