"""The practice's settings: one row, one JSON tree of what differs from the defaults."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway.models.base import Base


class PracticeSettings(Base):
    __tablename__ = "practice_settings"
    __table_args__ = (sa.CheckConstraint("id = 1", name="one_row"),)

    id: orm.Mapped[int] = orm.mapped_column(primary_key=True, autoincrement=False)
    data: orm.Mapped[dict[str, Any]]
    version: orm.Mapped[int] = orm.mapped_column(default=1)
    updated_at: orm.Mapped[datetime]
