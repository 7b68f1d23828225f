"""What the clinic's Django backend pushes: its users, appointments, progress notes and available minutes, under its own
ids. The gateway never invents them."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway.models.base import Base, BigId, is_currency, one_of, reference_to
from tp_gateway.models.states import AppointmentStatus

ROLES = ("patient", "psychologist", "practice_manager", "admin")


class User(Base):
    """`provider_number` (Medicare's) and `ahpra_number` are a practitioner's, as they stand on invoices."""

    __tablename__ = "users"
    __table_args__ = (one_of("role", ROLES, "role"),)

    id: orm.Mapped[int] = orm.mapped_column(BigId, primary_key=True, autoincrement=False)
    role: orm.Mapped[str]
    active: orm.Mapped[bool] = orm.mapped_column(default=True)
    name: orm.Mapped[str | None]
    email: orm.Mapped[str | None]
    phone: orm.Mapped[str | None]
    provider_number: orm.Mapped[str | None]
    ahpra_number: orm.Mapped[str | None]
    created_at: orm.Mapped[datetime] = orm.mapped_column(index=True)
    updated_at: orm.Mapped[datetime]


class Appointment(Base):
    """`fee` is in minor units of `currency`. `duration_minutes` is what was booked, `actual_minutes` what it took;
    `rating` is the patient's, 1 to 5."""

    __tablename__ = "appointments"
    __table_args__ = (
        one_of("status", AppointmentStatus, "status"),
        is_currency(),
        sa.CheckConstraint("fee >= 0", name="fee"),
        sa.CheckConstraint("duration_minutes > 0", name="duration_minutes"),
        sa.CheckConstraint("actual_minutes > 0", name="actual_minutes"),
        sa.CheckConstraint("rating BETWEEN 1 AND 5", name="rating"),
    )

    id: orm.Mapped[int] = orm.mapped_column(BigId, primary_key=True, autoincrement=False)
    patient_id: orm.Mapped[int] = reference_to("users.id", index=True)
    practitioner_id: orm.Mapped[int | None] = reference_to("users.id", nullable=True)
    service: orm.Mapped[str]
    status: orm.Mapped[str]
    starts_at: orm.Mapped[datetime] = orm.mapped_column(index=True)
    duration_minutes: orm.Mapped[int]
    actual_minutes: orm.Mapped[int | None]
    rating: orm.Mapped[int | None]
    fee: orm.Mapped[int] = orm.mapped_column(sa.BigInteger)
    currency: orm.Mapped[str] = orm.mapped_column(sa.String(3))
    updated_at: orm.Mapped[datetime]


class ProgressNote(Base):
    """That there is a note, and when it was begun and finished: never a word of what it says."""

    __tablename__ = "progress_notes"
    __table_args__ = (sa.Index("ix_progress_notes_patient_id_created_at", "patient_id", "created_at"),)

    id: orm.Mapped[int] = orm.mapped_column(BigId, primary_key=True, autoincrement=False)
    appointment_id: orm.Mapped[int | None] = reference_to("appointments.id", nullable=True)
    patient_id: orm.Mapped[int] = reference_to("users.id")
    practitioner_id: orm.Mapped[int | None] = reference_to("users.id", nullable=True)
    created_at: orm.Mapped[datetime] = orm.mapped_column(index=True)
    completed_at: orm.Mapped[datetime | None] = orm.mapped_column(index=True)
    updated_at: orm.Mapped[datetime]


class Availability(Base):
    """How many minutes a practitioner could be booked on one day of the clinic's calendar."""

    __tablename__ = "availability"
    __table_args__ = (sa.CheckConstraint("minutes BETWEEN 0 AND 1440", name="minutes"),)

    practitioner_id: orm.Mapped[int] = orm.mapped_column(
        BigId, sa.ForeignKey("users.id"), primary_key=True, autoincrement=False
    )
    day: orm.Mapped[date] = orm.mapped_column(primary_key=True, index=True)
    minutes: orm.Mapped[int]
    updated_at: orm.Mapped[datetime]
