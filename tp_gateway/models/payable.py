"""What can be paid: one row for an appointment and the invoices made for it, for ever, so that there is one lock and
one place where a second charge is refused."""

from __future__ import annotations

from uuid import UUID, uuid5

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway.models.base import Base, BigId, is_currency, primary_key, reference_to


class Payable(Base):
    """`amount` is what the live invoice asks, else the appointment's fee; `amount_paid` is what its
    receivable entries in the ledger add up to, kept by a trigger of theirs (migration 0003).

    `open` is False once nothing may be paid any more (appointment cancelled and no live invoice). `invoice_id` names
    the live invoice; it has no foreign key because `invoices.payable_id` already points the other way.

    `uuid` is how a provider's object names it. It means the same thing after a restored backup, when ids are given out
    anew: an appointment's follows from the appointment's own id, the others are random.
    """

    __tablename__ = "payables"
    __table_args__ = (
        is_currency(),
        sa.CheckConstraint("amount >= 0", name="amount"),
        sa.CheckConstraint("amount_paid >= 0", name="amount_paid"),
    )

    id: orm.Mapped[int] = primary_key()
    uuid: orm.Mapped[str] = orm.mapped_column(sa.String(36), unique=True)
    patient_id: orm.Mapped[int] = reference_to("users.id", index=True)
    appointment_id: orm.Mapped[int | None] = orm.mapped_column(BigId, sa.ForeignKey("appointments.id"), unique=True)
    invoice_id: orm.Mapped[int | None] = orm.mapped_column(BigId, unique=True)
    amount: orm.Mapped[int] = orm.mapped_column(sa.BigInteger)
    amount_paid: orm.Mapped[int] = orm.mapped_column(sa.BigInteger, default=0)
    currency: orm.Mapped[str] = orm.mapped_column(sa.String(3))
    open: orm.Mapped[bool] = orm.mapped_column(default=True)


_APPOINTMENTS = UUID("6f1d1f2e-9f0b-4c57-8f3e-6a52a0a7c1d4")


def appointment_uuid(appointment_id: int) -> str:
    """The uuid of an appointment's payable, the same whenever and wherever it is made."""
    return str(uuid5(_APPOINTMENTS, str(appointment_id)))
