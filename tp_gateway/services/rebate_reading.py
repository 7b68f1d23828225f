"""Rows of rebate claims to facts."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway.crypto import Vault
from tp_gateway.models import RebateClaim, table
from tp_gateway.services.facts import RebateFacts

R = table(RebateClaim)
_SEALED = ("parameters", "provider_state")
_PLAIN = [field.name for field in fields(RebateFacts) if field.name not in _SEALED]
REBATES = sa.select(*(R.c[name] for name in _PLAIN), R.c.parameters_sealed, R.c.provider_state_sealed)
"""Every column of a claim that services pass on; add a WHERE."""


def to_rebate(row: Any, vault: Vault) -> RebateFacts:
    return RebateFacts(
        **{name: row._mapping[name] for name in _PLAIN},
        parameters=vault.open_json(row.parameters_sealed),
        provider_state=vault.open_json(row.provider_state_sealed),
    )


def newest(session: orm.Session, vault: Vault, slug: str, payment_id: int) -> RebateFacts | None:
    """The last claim that was made for a payment."""
    mine = REBATES.where(R.c.provider == slug, R.c.payment_id == payment_id)
    row = session.execute(mine.order_by(R.c.id.desc()).limit(1)).first()
    return to_rebate(row, vault) if row is not None else None


def one(session: orm.Session, vault: Vault, rebate_id: int) -> RebateFacts:
    return to_rebate(session.execute(REBATES.where(R.c.id == rebate_id)).one(), vault)
