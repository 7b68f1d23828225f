"""Disputes as callers see them: asked for when something was heard, looked at again while they are open, listed, and
made due again by staff. What a look shows is written by `dispute_settlement`."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from tp_gateway import observability
from tp_gateway.contract import DisputeStatus
from tp_gateway.crypto import Vault
from tp_gateway.database import Database, rows_changed
from tp_gateway.errors import GatewayError
from tp_gateway.identity import Identity
from tp_gateway.models import Dispute, Payment, table
from tp_gateway.models.states import InboxState
from tp_gateway.registry import ProviderFailed, Registry
from tp_gateway.services import bookkeeping
from tp_gateway.services.clock import Clock
from tp_gateway.services.dispute_books import DisputeBooking
from tp_gateway.services.dispute_reading import DISPUTES, one_dispute, to_dispute
from tp_gateway.services.dispute_settlement import DisputeSettlement, tell
from tp_gateway.services.facts import DisputeFacts
from tp_gateway.services.one_by_one import one_by_one
from tp_gateway.services.reading import standing
from tp_gateway.timing import Timing

D, P = table(Dispute), table(Payment)
log = observability.logger(__name__)


class Disputes:
    def __init__(
        self,
        database: Database,
        registry: Registry,
        vault: Vault,
        timing: Timing,
        settlement: DisputeSettlement,
        clock: Clock,
    ) -> None:
        self._database, self._registry, self._vault, self._timing = database, registry, vault, timing
        self._settlement, self._clock = settlement, clock

    def look(self, slug: str, reference: str) -> InboxState:
        """Ask the provider about one dispute and apply what it says. APPLIED; IGNORED if it is not ours to know;
        RECEIVED if the provider did not answer."""
        provider = self._registry.find(slug)
        if provider is None or not provider.manifest.capabilities.disputes:
            return InboxState.IGNORED
        began = self._clock()
        try:
            fact = provider.fetch_dispute(reference, time.monotonic() + self._timing.fetch)
        except ProviderFailed:
            return InboxState.RECEIVED
        if fact is None:
            log.warning("no_such_dispute", provider=slug, reference=reference)
            return InboxState.IGNORED
        with self._database.transaction() as session:
            applied = self._settlement.apply(session, slug, fact, began)
        return InboxState.IGNORED if applied is None else InboxState.APPLIED

    def sweep(self, limit: int = 25) -> int:
        """Look at disputes that are due. Several sweeps at once are safe. Returns how many were looked at."""
        slugs = [provider.slug for provider in self._registry if provider.manifest.capabilities.disputes]
        due = sa.select(D.c.id, D.c.provider, D.c.reference).where(
            D.c.next_check_at <= self._clock(), D.c.provider.in_(slugs)
        )
        with self._database.read() as session:
            rows = session.execute(due.order_by(D.c.next_check_at).limit(limit)).all()
        return one_by_one("disputes", rows, self._sweep_one).done

    def list(
        self,
        *,
        status: str | None = None,
        payment_id: int | None = None,
        patient_id: int | None = None,
        limit: int = 50,
        before_id: int | None = None,
    ) -> list[DisputeFacts]:
        """Newest first. For staff: nothing here asks whose they are."""
        wanted: Mapping[Any, Any] = {D.c.status: status, D.c.payment_id: payment_id, P.c.patient_id: patient_id}
        query = DISPUTES.where(*(column == value for column, value in wanted.items() if value is not None))
        if before_id is not None:
            query = query.where(D.c.id < before_id)
        with self._database.read() as session:
            return [to_dispute(row) for row in session.execute(query.order_by(D.c.id.desc()).limit(limit))]

    def reopen(self, who: Identity, dispute_id: int) -> DisputeFacts:
        """What was lost is due again. GatewayError: NotFound; `not_payable` unless it was lost, and there is something
        that still counts as paid."""
        with self._database.transaction() as session:
            payment_id = one_dispute(session, dispute_id).payment_id
            if payment_id is None:
                raise GatewayError("not_payable", "No payment here is known to be the one that is disputed")
            before = standing(session, self._vault, payment_id, lock=True)
            dispute, now = one_dispute(session, dispute_id), self._clock()
            if dispute.status != DisputeStatus.LOST:
                raise GatewayError("not_payable", "Only what was lost can become due again", payment_id=payment_id)
            booking = DisputeBooking(session, before, who.actor, now, dispute_id, dispute.reference)
            delta = booking.reopen()
            if delta == 0:
                raise GatewayError("not_payable", "There is nothing to make due again", payment_id=payment_id)
            bookkeeping.update_invoice_status(session, before, delta, now)
            changes = {"reopened": booking.balance().reopened, "updated_at": now}
            session.execute(sa.update(D).where(D.c.id == dispute_id).values(changes))
            after = one_dispute(session, dispute_id)
            tell(session, "dispute.reopened", after, now)
        return after

    def _sweep_one(self, due: Any) -> int:
        now = self._clock()
        lease = now + timedelta(seconds=self._timing.lease)
        mine = sa.update(D).where(D.c.id == due.id, D.c.next_check_at <= now).values(next_check_at=lease)
        with self._database.transaction() as session:
            if rows_changed(session, mine) != 1:
                return 0
        self.look(due.provider, due.reference)
        return 1
