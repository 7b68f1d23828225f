"""Files by which the clinic's bank pays refunds that wait."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway.models.base import Base, BigId, is_currency, primary_key, reference_to


class RefundFile(Base):
    """One file, made once. `title` tells it from every other on the bank's statement; `total` is in minor units of
    `currency`. `content_sealed` is the file itself (base64, encrypted: it holds account numbers). A file is
    confirmed, or voided, or waits."""

    __tablename__ = "refund_files"
    __table_args__ = (is_currency(), sa.CheckConstraint("total > 0 AND count > 0", name="total"))

    id: orm.Mapped[int] = primary_key()
    provider: orm.Mapped[str]
    title: orm.Mapped[str] = orm.mapped_column(sa.String(10), unique=True)
    name: orm.Mapped[str]
    media_type: orm.Mapped[str]
    content_sealed: orm.Mapped[str]
    count: orm.Mapped[int]
    total: orm.Mapped[int] = orm.mapped_column(sa.BigInteger)
    currency: orm.Mapped[str] = orm.mapped_column(sa.String(3))
    made_by: orm.Mapped[str]
    made_at: orm.Mapped[datetime] = orm.mapped_column(index=True)
    confirmed_by: orm.Mapped[str | None]
    confirmed_at: orm.Mapped[datetime | None]
    voided_by: orm.Mapped[str | None]
    voided_at: orm.Mapped[datetime | None]


class RefundFileItem(Base):
    """A refund is in one file at most: that is the guard against paying it twice. A file that is voided has none."""

    __tablename__ = "refund_file_items"

    id: orm.Mapped[int] = primary_key()
    refund_file_id: orm.Mapped[int] = reference_to("refund_files.id", index=True)
    refund_id: orm.Mapped[int] = orm.mapped_column(BigId, sa.ForeignKey("refunds.id"), unique=True)
