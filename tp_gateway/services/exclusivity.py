"""Some payments must be the only one for a service (`Manifest.sole_payer`, a bulk bill): whoever takes one may charge
nothing else for it. Asked under the payable's lock, before a payment is written."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway.contract import Manifest
from tp_gateway.crypto import Vault
from tp_gateway.errors import GatewayError
from tp_gateway.models import Payment, RebateClaim, table
from tp_gateway.models.rebate_claim import STANDS
from tp_gateway.models.states import OPEN_STATES, PaymentState
from tp_gateway.registry import Registry
from tp_gateway.services.facts import PaymentFacts
from tp_gateway.services.reading import PAYMENTS, to_payment

P, R = table(Payment), table(RebateClaim)
_OPEN = P.c.state.in_(OPEN_STATES)


def in_the_way(
    session: orm.Session, vault: Vault, registry: Registry, payable: Any, manifest: Manifest
) -> PaymentFacts | None:
    """An open payment that a new one by `manifest` cannot stand beside, where the index of open payments does not see
    to it already. GatewayError `not_payable` or `already_paid` where what was paid rules the new one out."""
    if manifest.sole_payer:
        return _for_sole_payer(session, vault, payable, manifest)
    sole = registry.sole_payers
    if not sole:
        return None
    by_sole = PAYMENTS.where(P.c.payable_id == payable.id, P.c.provider.in_(sole))
    settled = session.execute(by_sole.where(P.c.state == PaymentState.SUCCEEDED).limit(1)).first()
    if settled is not None:
        name = registry.by_slug(settled.provider).manifest.display_name
        text = f"This was paid by {name}, which is payment in full: nothing else may be charged for it"
        raise GatewayError("already_paid", text, payment_id=settled.id)
    # Of single-flight payments the index allows one; a mere promise would slip past it.
    found = session.execute(by_sole.where(_OPEN).limit(1)).first() if not manifest.single_flight else None
    return to_payment(found, vault) if found is not None else None


def sole_payment(session: orm.Session, registry: Registry, payable_id: int) -> int | None:
    """The id of a payment that must be the only one for this payable: it is open, or has paid it. Money that comes for
    another payment of it is the patient's credit. Asked under the payable's lock."""
    stands = P.c.state.in_((*OPEN_STATES, PaymentState.SUCCEEDED))
    query = sa.select(P.c.id).where(P.c.payable_id == payable_id, P.c.provider.in_(registry.sole_payers), stands)
    found: int | None = session.execute(query.limit(1)).scalar()
    return found


def _for_sole_payer(session: orm.Session, vault: Vault, payable: Any, manifest: Manifest) -> PaymentFacts | None:
    name, others = manifest.display_name, PAYMENTS.where(P.c.payable_id == payable.id)
    kept = sa.and_(P.c.captured > P.c.refunded, P.c.state.in_((PaymentState.SUCCEEDED, PaymentState.REFUNDED)))
    paid = session.execute(others.where(kept).limit(1)).first()
    if paid is not None or payable.amount_paid > 0:
        text = f"A part of this was paid already, and {name} must be the only payment for a service"
        raise GatewayError("not_payable", text, payment_id=paid.id if paid is not None else None)
    claimed = session.execute(sa.select(R.c.id).where(R.c.payable_id == payable.id, STANDS).limit(1)).first()
    if claimed is not None:
        text = f"There is a claim of the patient's own for this service, so {name} cannot pay it. Let it go first"
        raise GatewayError("not_payable", text)
    promise = session.execute(others.where(_OPEN, ~P.c.single_flight).order_by(P.c.id).limit(1)).first()
    return to_payment(promise, vault) if promise is not None else None
