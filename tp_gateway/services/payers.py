"""Who a patient is at a provider: an opaque key of ours, and the provider's customer once there is one."""

from __future__ import annotations

from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway import observability
from tp_gateway.contract import Payer
from tp_gateway.database import InsertOnce, rows_changed
from tp_gateway.models import ProviderCustomer, table

C = table(ProviderCustomer)
_CUSTOMER = InsertOnce(C, ["user_id", "provider"])
log = observability.logger(__name__)


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
    """Store the provider's customer, once: the first one stays. One who is another patient's already is not believed:
    they would see each other's saved methods. What was paid is booked all the same."""
    if reference:
        other = C.alias()
        taken = sa.exists().where(
            other.c.provider == provider, other.c.reference == reference, other.c.user_id != user_id
        )
        free = (C.c.user_id == user_id, C.c.provider == provider, C.c.reference.is_(None))
        stored = rows_changed(session, sa.update(C).where(*free, ~taken).values(reference=reference))
        if not stored and session.execute(sa.select(taken)).scalar_one():
            log.error("provider_customer_is_anothers", provider=provider, user_id=user_id)
