"""What a provider that screens is told beside the amount: the appointment that is paid for, and what else the same
patient has with it. Reads only; no other provider is ever told."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from tp_gateway.contract import Earlier, RebateState, Service
from tp_gateway.crypto import Vault
from tp_gateway.database import Database
from tp_gateway.models import Appointment, Payment, RebateClaim, table
from tp_gateway.models.states import OPEN_STATES, PaymentState

A, P, R = table(Appointment), table(Payment), table(RebateClaim)
_MOST = 200
"""The newest of each kind: more than anybody's sessions of two years."""
_COUNTS = (*OPEN_STATES, PaymentState.SUCCEEDED)
_ENDED = (RebateState.REJECTED, RebateState.DELETED)


class Background:
    def __init__(self, database: Database, vault: Vault) -> None:
        self._database, self._vault = database, vault

    def service(self, appointment_id: int | None) -> Service | None:
        if appointment_id is None:
            return None
        with self._database.read() as session:
            row = session.execute(sa.select(A).where(A.c.id == appointment_id)).one()
        return Service(row.starts_at, row.duration_minutes, row.status, row.practitioner_id)

    def earlier(self, slug: str, patient_id: int, but: str, subject: str | None = None) -> tuple[Earlier, ...]:
        """The patient's payments and rebate claims by this provider, newest first, without the one whose uuid is `but`;
        with a `subject`, also rebate claims about the same one under another account."""
        payments = sa.select(P.c.uuid, P.c.id, P.c.state, P.c.provider_state_sealed, P.c.created_at).where(
            P.c.provider == slug, P.c.patient_id == patient_id, P.c.uuid != but
        )
        same = [R.c.patient_id == patient_id]
        if subject is not None:
            same.append(R.c.subject_hash.in_(self._vault.fingerprints(subject)))
        claims = sa.select(R.c.uuid, R.c.payment_id.label("id"), R.c.state, R.c.provider_state_sealed, R.c.created_at)
        claims = claims.where(R.c.provider == slug, R.c.uuid != but, sa.or_(*same))
        with self._database.read() as session:
            found = [
                (row.created_at, self._earlier(row, row.state in _COUNTS))
                for row in session.execute(payments.order_by(P.c.id.desc()).limit(_MOST))
            ]
            found += [
                (row.created_at, self._earlier(row, row.state not in _ENDED))
                for row in session.execute(claims.order_by(R.c.id.desc()).limit(_MOST))
            ]
        return tuple(one for _, one in sorted(found, key=lambda pair: pair[0], reverse=True))

    def _earlier(self, row: Any, counts: bool) -> Earlier:
        return Earlier(row.uuid, row.id, counts, self._vault.open_json(row.provider_state_sealed))
