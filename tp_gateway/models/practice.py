"""What the clinic's Django backend pushes: its users and its appointments, under its own ids. The gateway never
invents them."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway.models.base import Base, BigId, is_currency, one_of, reference_to
from tp_gateway.models.states import AppointmentStatus

ROLES = ("patient", "psychologist", "practice_manager", "admin")


class User(Base):
    __tablename__ = "users"
    __table_args__ = (one_of("role", ROLES, "role"),)

    id: orm.Mapped[int] = orm.mapped_column(BigId, primary_key=True, autoincrement=False)
    role: orm.Mapped[str]
    active: orm.Mapped[bool] = orm.mapped_column(default=True)
    name: orm.Mapped[str | None]
    email: orm.Mapped[str | None]
    phone: orm.Mapped[str | None]
    created_at: orm.Mapped[datetime]
    updated_at: orm.Mapped[datetime]


class Appointment(Base):
    """`fee` is in minor units of `currency`."""

    __tablename__ = "appointments"
    __table_args__ = (
        one_of("status", AppointmentStatus, "status"),
        is_currency(),
        sa.CheckConstraint("fee >= 0", name="fee"),
        sa.CheckConstraint("duration_minutes > 0", name="duration_minutes"),
    )

    id: orm.Mapped[int] = orm.mapped_column(BigId, primary_key=True, autoincrement=False)
    patient_id: orm.Mapped[int] = reference_to("users.id", index=True)
    practitioner_id: orm.Mapped[int | None] = reference_to("users.id", nullable=True)
    service: orm.Mapped[str]
    status: orm.Mapped[str]
    starts_at: orm.Mapped[datetime] = orm.mapped_column(index=True)
    duration_minutes: orm.Mapped[int]
    fee: orm.Mapped[int] = orm.mapped_column(sa.BigInteger)
    currency: orm.Mapped[str] = orm.mapped_column(sa.String(3))
    updated_at: orm.Mapped[datetime]
