"""Saved payment methods, and who a patient is at each provider."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway.models.base import Base, one_of, primary_key, reference_to


class ProviderCustomer(Base):
    """`key` is ours and opaque: the provider is told nothing else about the patient. `reference` is the provider's
    customer."""

    __tablename__ = "provider_customers"
    __table_args__ = (sa.UniqueConstraint("user_id", "provider"), sa.UniqueConstraint("provider", "reference"))

    id: orm.Mapped[int] = primary_key()
    user_id: orm.Mapped[int] = reference_to("users.id")
    provider: orm.Mapped[str]
    key: orm.Mapped[str] = orm.mapped_column(sa.String(36), unique=True)
    reference: orm.Mapped[str | None]


class PaymentMethod(Base):
    """`details` may be shown (brand, last4, expiry). `account_sealed` is a bank account for refunds, encrypted.
    `provider` is NULL for a bank account: no provider keeps it."""

    __tablename__ = "payment_methods"
    __table_args__ = (
        one_of("kind", ("card", "bank_account"), "kind"),
        sa.UniqueConstraint("provider", "reference"),
        sa.Index(
            "uq_payment_methods_default",
            "user_id",
            unique=True,
            postgresql_where=sa.text("is_default AND removed_at IS NULL"),
            sqlite_where=sa.text("is_default AND removed_at IS NULL"),
        ),
    )

    id: orm.Mapped[int] = primary_key()
    user_id: orm.Mapped[int] = reference_to("users.id", index=True)
    provider: orm.Mapped[str | None]
    kind: orm.Mapped[str]
    reference: orm.Mapped[str | None]
    fingerprint: orm.Mapped[str | None]
    details: orm.Mapped[dict[str, Any]]
    account_sealed: orm.Mapped[str | None]
    is_default: orm.Mapped[bool]
    created_at: orm.Mapped[datetime]
    removed_at: orm.Mapped[datetime | None]
