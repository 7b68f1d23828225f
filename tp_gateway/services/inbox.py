"""Webhooks: a verified event is written down and acknowledged; then it is a hint to ask the provider. The order of
events cannot matter, and nothing is believed on a webhook's word alone."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from tp_gateway import observability
from tp_gateway.contract import Subject
from tp_gateway.crypto import Vault
from tp_gateway.database import Database
from tp_gateway.errors import GatewayError, InvalidSignature, NotFound
from tp_gateway.models import InboxEvent, table
from tp_gateway.models.states import InboxState
from tp_gateway.registry import Registry
from tp_gateway.services.claims import claim
from tp_gateway.services.clock import Clock, next_look
from tp_gateway.services.disputes import Disputes
from tp_gateway.services.events import write_down
from tp_gateway.services.one_by_one import one_by_one
from tp_gateway.services.payment_methods import PaymentMethods
from tp_gateway.services.recovery import Recovery, match_payment
from tp_gateway.timing import Timing

E = table(InboxEvent)
_KEEP_TRYING = timedelta(hours=72)
log = observability.logger(__name__)


class Inbox:
    """`arrived` is set when there is something to work off, so that the embedded worker need not wait for its
    interval."""

    def __init__(
        self,
        database: Database,
        registry: Registry,
        vault: Vault,
        timing: Timing,
        recovery: Recovery,
        methods: PaymentMethods,
        disputes: Disputes,
        clock: Clock,
    ) -> None:
        self._database, self._registry, self._vault, self._timing = database, registry, vault, timing
        self._recovery, self._methods, self._disputes, self._clock = recovery, methods, disputes, clock
        self.arrived = threading.Event()

    def receive(self, slug: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Verify and write down; an event that was received before changes nothing. NotFound for a provider without
        webhooks, GatewayError `invalid_signature`."""
        provider = self._registry.find(slug)
        if provider is None or not provider.manifest.capabilities.webhooks:
            raise NotFound
        try:
            observations = provider.parse_webhook(body, headers)
        except InvalidSignature:
            raise GatewayError(
                "invalid_signature", "The event is not signed by the provider, or too long ago"
            ) from None
        now = self._clock()
        with self._database.transaction() as session:
            write_down(session, slug, observations, now)
        self.arrived.set()

    def work(self, limit: int = 100) -> int:
        """Work off what is due: one look at the provider for all events about the same thing. Returns how many events
        were done with."""
        self.arrived.clear()
        groups: dict[tuple[str, str, str], list[Any]] = {}
        for event in self._claim(limit):
            about = event.payer if event.subject == Subject.METHODS else event.reference or str(event.labels)
            groups.setdefault((event.provider, event.subject, about or ""), []).append(event)
        return one_by_one("inbox", groups.values(), self._apply_or_postpone).done

    def _apply_or_postpone(self, events: Sequence[Any]) -> int:
        try:
            return self._apply(events)
        except Exception:
            self._postpone(events, InboxState.RECEIVED)
            raise

    def _claim(self, limit: int) -> Sequence[Any]:
        """Due events, each taken by one worker for the length of a lease."""
        now = self._clock()
        due = sa.select(E.c.id).where(E.c.next_attempt_at <= now).order_by(E.c.next_attempt_at).limit(limit)
        return claim(self._database, E, due, now, now + timedelta(seconds=self._timing.lease))

    def _apply(self, events: Sequence[Any]) -> int:
        """All `events` are about the same thing, so one look answers them all."""
        event = events[-1]
        if event.subject == Subject.METHODS:
            done = event.payer is None or self._methods.sync(event.provider, event.payer)
            return self._finish(events, InboxState.APPLIED) if done else self._postpone(events, InboxState.RECEIVED)
        if event.subject == Subject.DISPUTE:
            found = self._disputes.look(event.provider, event.reference)
            return self._postpone(events, found) if found is InboxState.RECEIVED else self._finish(events, found)
        with self._database.read() as session:
            payment = match_payment(session, self._vault, event.provider, event.reference, event.labels or {})
        if payment is None:
            return self._postpone(events, InboxState.UNMATCHED)
        seen = replace(payment, reference=payment.reference or (None if payment.is_open else event.reference))
        after = self._recovery.look(seen, f"provider:{payment.provider}")
        unclear = (
            payment.reference is not None and after.state == payment.state and after.observed_at == payment.observed_at
        )
        note = "" if after.state != payment.state else "nothing new"
        return (
            self._postpone(events, InboxState.RECEIVED) if unclear else self._finish(events, InboxState.APPLIED, note)
        )

    def _finish(self, events: Sequence[Any], state: InboxState, note: str = "") -> int:
        self._write(events, {"state": str(state), "next_attempt_at": None, "note": note})
        return len(events)

    def _postpone(self, events: Sequence[Any], state: InboxState) -> int:
        """Not yet: the provider did not answer, or the payment is not here. After three days a person is asked."""
        now = self._clock()
        if now - min(event.received_at for event in events) > _KEEP_TRYING:
            log.error("event_given_up", provider=events[0].provider, reference=events[0].reference)
            return self._finish(events, InboxState.UNMATCHED, "given up after 72 hours: needs a person")
        later = next_look(self._timing, now, max(event.attempts for event in events))
        self._write(events, {"state": str(state), "next_attempt_at": later})
        return 0

    def _write(self, events: Sequence[Any], values: Mapping[str, Any]) -> None:
        with self._database.transaction() as session:
            session.execute(sa.update(E).where(E.c.id.in_([event.id for event in events])).values(values))
