"""Looks from the other side: asks the provider for what it has, and finds what is missing here. Money that no row
knows is adopted, objects that nobody wants are closed, and events that never arrived are put into the inbox."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway import observability
from tp_gateway.contract import Observation, Outcome, OutcomeState
from tp_gateway.crypto import Vault
from tp_gateway.database import Database
from tp_gateway.models import Refund, table
from tp_gateway.models.states import PaymentState as S
from tp_gateway.registry import GuardedProvider, ProviderFailed, Registry
from tp_gateway.services import cursors
from tp_gateway.services.adoption import Adoption
from tp_gateway.services.charge import Charge
from tp_gateway.services.clock import Clock
from tp_gateway.services.events import write_down
from tp_gateway.services.facts import PaymentFacts
from tp_gateway.services.one_by_one import Round, one_by_one
from tp_gateway.services.recovery import Recovery, match_payment
from tp_gateway.timing import Timing

T = table(Refund)
ORPHAN_AGE = timedelta(hours=1)
"""An unconfirmed object that no row here knows may belong to a request that is just being made; not after this."""
_SECONDS_A_WINDOW = 120.0
log = observability.logger(__name__)


class ReverseSweep:
    def __init__(
        self,
        database: Database,
        registry: Registry,
        vault: Vault,
        timing: Timing,
        recovery: Recovery,
        charge: Charge,
        adoption: Adoption,
        clock: Clock,
    ) -> None:
        self._database, self._registry, self._vault, self._timing = database, registry, vault, timing
        self._recovery, self._charge, self._adoption, self._clock = recovery, charge, adoption, clock

    def run(self, *, since: datetime | None = None) -> int:
        """Compare with every provider that can list: from where the last run ended, once for all processes per
        interval; or at once, from `since`, and then a provider that does not answer raises `ProviderFailed`. Returns
        how many differences were worked on."""
        found = 0
        for provider in self._registry:
            every = self._timing.reverse_sweep_interval
            start = since or cursors.due_from(self._database, _cursor(provider.slug), self._clock(), every)
            if start is None or not provider.manifest.capabilities.list_since:
                continue
            try:
                found += self._look_through(provider, start)
            except ProviderFailed:
                log.warning("reverse_sweep_failed", provider=provider.slug)
                if since is not None:
                    raise  # a person asked, and must not be told that there is nothing
        return found

    def _look_through(self, provider: GuardedProvider, start: datetime) -> int:
        """All windows are compared; the cursor stops before the first that was not compared whole, which the next run
        then compares again."""
        found, whole = 0, True
        for begin, end in cursors.windows(start, self._clock()):
            round_ = self._window(provider, begin, end)
            found += round_.done
            whole = whole and not round_.failed
            if whole:
                # What was too young to be closed is seen again by the next run.
                compared = min(end, self._clock() - 2 * ORPHAN_AGE)
                cursors.advance(self._database, _cursor(provider.slug), begin, compared)
        return found

    def _window(self, provider: GuardedProvider, start: datetime, end: datetime) -> Round:
        seen = provider.list_since(start, end, time.monotonic() + _SECONDS_A_WINDOW)
        with self._database.transaction() as session:
            missed = write_down(session, provider.slug, (one for one in seen if one.evidence is None), self._clock())
        known = [(one, one.evidence) for one in seen if one.evidence is not None]
        compared = one_by_one("reverse_sweep", known, lambda pair: self._compare(provider, *pair))
        return Round(missed + compared.done, compared.failed)

    def _compare(self, provider: GuardedProvider, seen: Observation, evidence: Outcome) -> bool:
        with self._database.read() as session:
            payment = match_payment(session, self._vault, provider.slug, seen.reference, seen.labels)
            refunds = _refunds_here(session, payment) if payment else {}
        if payment is None:
            return self._adopt_or_close(provider, seen, evidence)
        actor = f"provider:{provider.slug}"
        moved = evidence.state is OutcomeState.SUCCEEDED and payment.state not in (S.SUCCEEDED, S.REFUNDED)
        refunded = any(refunds.get(refund.reference) != refund.state for refund in evidence.refunds)
        if moved or refunded:
            self._recovery.look(replace(payment, reference=payment.reference or seen.reference), actor)
            return True
        if payment.state == S.FAILED and not evidence.closed and seen.reference is not None:
            # We said failed, and the object could still be charged: one whose reference we never stored.
            self._charge.close(replace(payment, reference=seen.reference), evidence)
            return True
        return False

    def _adopt_or_close(self, provider: GuardedProvider, seen: Observation, evidence: Outcome) -> bool:
        """Nothing here knows this object, though it carries our label (a restored backup, or a crash before T2)."""
        if evidence.state is OutcomeState.SUCCEEDED:
            adopted = self._adoption.adopt(provider, seen, evidence)
            if adopted is not None:
                # Its refunds come with a look at the whole.
                self._recovery.look(adopted, "sweep")
            return adopted is not None
        age = self._clock() - (seen.occurred_at or self._clock())
        if evidence.closed or age < ORPHAN_AGE or seen.reference is None:
            return False
        self._charge.close_orphan(provider, seen.reference)
        return True


def _cursor(slug: str) -> str:
    return f"reverse_sweep:{slug}"


def _refunds_here(session: orm.Session, payment: PaymentFacts) -> dict[str, str]:
    rows = session.execute(sa.select(T.c.reference, T.c.state).where(T.c.payment_id == payment.id))
    return {row.reference: row.state for row in rows}
