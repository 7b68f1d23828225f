"""Who a patient is at a provider: an opaque key of ours, and the provider's customer once there is one."""

from __future__ import annotations

from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway.contract import Payer
from tp_gateway.database import InsertOnce
from tp_gateway.models import ProviderCustomer, table

C = table(ProviderCustomer)
_CUSTOMER = InsertOnce(C, ["user_id", "provider"])


def make_payer(session: orm.Session, provider: str, user_id: int) -> Payer:
    """The patient at the provider, with our key written down before the provider is told anything."""
    _CUSTOMER.new(session, {"user_id": user_id, "provider": provider, "key": str(uuid4()), "reference": None})
    payer = find_payer(session, provider, user_id)
    if payer is None:
        raise RuntimeError("a row that was just made is not there")
    return payer


def find_payer(session: orm.Session, provider: str, user_id: int) -> Payer | None:
    row = session.execute(
        sa.select(C.c.key, C.c.reference).where(C.c.user_id == user_id, C.c.provider == provider)
    ).first()
    return Payer(row.key, row.reference) if row else None


def forget_payer(session: orm.Session, provider: str, user_id: int) -> None:
    """The provider's customer is gone. A new key too: the old one would be answered with the one that is gone."""
    gone = (C.c.user_id == user_id, C.c.provider == provider)
    session.execute(sa.update(C).where(*gone).values(reference=None, key=str(uuid4())))


def remember_payer(session: orm.Session, provider: str, user_id: int, reference: str | None) -> None:
    """Store the provider's customer, once: the first one stays."""
    if reference:
        free = (C.c.user_id == user_id, C.c.provider == provider, C.c.reference.is_(None))
        session.execute(sa.update(C).where(*free).values(reference=reference))
