"""Rebate claims: the clinic lodges, for a patient who has paid, what somebody else (Medicare) pays back to the patient.
No payment and no revenue: nothing of it is in the ledger."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway import money
from tp_gateway.contract import RebateState
from tp_gateway.models.base import Base, due_index, is_currency, one_of, primary_key, reference_to

STANDS = sa.text(f"state NOT IN ('{RebateState.REJECTED}', '{RebateState.DELETED}')")


class RebateClaim(Base):
    """One claim for what was paid with `payment_id`. A payable has at most one that stands. `amount` minor units were
    paid for the service. `reference` names it at the provider and is durable before anything is sent. `subject_sealed`
    is whom it is about, in the provider's words; `subject_hash` is a keyed hash of the same, to find claims by (it is
    renewed with the keys). `epoch` and `next_check_at` as in `Payment`. `decide_before`: until when a pendable one
    can be accepted."""

    __tablename__ = "rebate_claims"
    __table_args__ = (
        one_of("state", RebateState, "state"),
        is_currency(),
        sa.CheckConstraint(f"amount BETWEEN 1 AND {money.MAX_MINOR_UNITS}", name="amount"),
        sa.UniqueConstraint("provider", "reference"),
        sa.Index("uq_rebate_claims_standing", "payable_id", unique=True, postgresql_where=STANDS, sqlite_where=STANDS),
        due_index("rebate_claims", "next_check_at"),
    )

    id: orm.Mapped[int] = primary_key()
    uuid: orm.Mapped[str] = orm.mapped_column(sa.String(36), unique=True)
    payment_id: orm.Mapped[int] = reference_to("payments.id", index=True)
    payable_id: orm.Mapped[int] = reference_to("payables.id")
    patient_id: orm.Mapped[int] = reference_to("users.id", index=True)
    provider: orm.Mapped[str]
    reference: orm.Mapped[str]
    amount: orm.Mapped[int] = orm.mapped_column(sa.BigInteger)
    currency: orm.Mapped[str] = orm.mapped_column(sa.String(3))
    state: orm.Mapped[str]
    code: orm.Mapped[str] = orm.mapped_column(default="")
    epoch: orm.Mapped[int] = orm.mapped_column(default=1)
    checks: orm.Mapped[int] = orm.mapped_column(default=0)
    next_check_at: orm.Mapped[datetime | None]
    decide_before: orm.Mapped[datetime | None]
    subject_sealed: orm.Mapped[str]
    subject_hash: orm.Mapped[str] = orm.mapped_column(sa.String(64), index=True)
    parameters_sealed: orm.Mapped[str | None]
    provider_state_sealed: orm.Mapped[str | None]
    created_by: orm.Mapped[str]
    created_at: orm.Mapped[datetime]
    updated_at: orm.Mapped[datetime]
    lodged_at: orm.Mapped[datetime | None]
