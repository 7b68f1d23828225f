"""The practice's settings: one row, one JSON tree of what differs from the defaults; and each change that was made."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway.models.base import Base, primary_key


class PracticeSettings(Base):
    """`data`: section -> field -> value; decimals as text. `version` counts the changes."""

    __tablename__ = "practice_settings"
    __table_args__ = (sa.CheckConstraint("id = 1", name="one_row"),)

    id: orm.Mapped[int] = orm.mapped_column(primary_key=True, autoincrement=False)
    data: orm.Mapped[dict[str, Any]]
    version: orm.Mapped[int] = orm.mapped_column(default=1)
    updated_at: orm.Mapped[datetime]


class SettingsChange(Base):
    """One change by one person, append-only. `changes`: a list of {section, field, before, after}."""

    __tablename__ = "settings_changes"
    __table_args__ = (sa.UniqueConstraint("version"),)

    id: orm.Mapped[int] = primary_key()
    version: orm.Mapped[int]
    changes: orm.Mapped[list[Any]]
    actor: orm.Mapped[str]
    at: orm.Mapped[datetime]
