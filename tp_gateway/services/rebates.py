"""Rebate claims as callers see them: lodge one for a service that was paid in full, decide about it, take it back. It
is no payment; sending is `rebate_sending`'s."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from enum import StrEnum
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway.contract import PreparedRebate, RebateFact, RebateState, Veto
from tp_gateway.crypto import Vault
from tp_gateway.database import Database, InsertOnce
from tp_gateway.errors import GatewayError, NotFound
from tp_gateway.identity import Identity
from tp_gateway.models import RebateClaim, table
from tp_gateway.models.rebate_claim import STANDS
from tp_gateway.models.states import PaymentState
from tp_gateway.registry import GuardedProvider, Registry, refusal
from tp_gateway.services.background import Background
from tp_gateway.services.bookkeeping import net_taken
from tp_gateway.services.clock import Clock
from tp_gateway.services.facts import Answer, Key, PaymentFacts, RebateFacts
from tp_gateway.services.idempotency import Idempotency
from tp_gateway.services.practice_settings import PracticeSettingsStore
from tp_gateway.services.reading import Standing, present, standing
from tp_gateway.services.rebate_reading import newest, one
from tp_gateway.services.rebate_sending import RebateSending
from tp_gateway.timing import Timing

R = table(RebateClaim)
_MAKE = InsertOnce(R, ["payable_id"], STANDS)
RenderRebate = Callable[[RebateFacts], Answer]


class Decision(StrEnum):
    ACCEPT = "accept"
    """Lodge the pendable claim as it is."""
    LET_GO = "let_go"
    LODGED = "lodged"
    """Staff have found out that an unclear one is there."""
    REJECTED = "rejected"
    """Staff have found out that it is not, or was refused."""


_BY_HAND = {Decision.LODGED: RebateState.LODGED, Decision.REJECTED: RebateState.REJECTED}


class Rebates:
    def __init__(
        self,
        database: Database,
        registry: Registry,
        vault: Vault,
        timing: Timing,
        background: Background,
        sending: RebateSending,
        idempotency: Idempotency,
        settings: PracticeSettingsStore,
        clock: Clock,
    ) -> None:
        self._database, self._registry, self._vault, self._timing = database, registry, vault, timing
        self._background, self._sending, self._idempotency = background, sending, idempotency
        self._settings, self._clock = settings, clock

    def lodge(
        self, who: Identity, slug: str, payment_id: int, asked: Mapping[str, Any], render: RenderRebate, key: Key | None
    ) -> Answer:
        """Lodge the claim for what `payment_id` has paid.

        GatewayError: NotFound (also for a provider that lodges none), ValidationError, `not_payable` (not paid in full
        by other means, or the provider's rules are against it), `payment_in_progress` (there is one).
        """
        provider, payment = self._provider(slug), self._visible(who, payment_id)
        schema = provider.manifest.rebate_schema
        assert schema is not None  # noqa: S101 - the registry has seen to it
        parameters = provider.validated("rebate_schema", schema, asked)
        provider.require_available()
        draft = self._draft(who, slug, payment, parameters)
        prepared = self._prepare(provider, draft, payment)
        with self._database.transaction() as session:
            before = standing(session, self._vault, payment_id, lock=True)
            repeat = self._idempotency.claim(session, key, self._clock())
            if repeat is not None:
                return repeat.answer or self._present_answer(session, slug, payment_id, render)
            _require_paid(session, self._registry, before)
            claim = self._insert(session, replace(draft, amount=before.payable_amount), prepared)
            self._idempotency.attach(session, key, payment_id=payment_id)
        with provider.place(wait=True) as taken:
            # Where there is no room after all the sweep sends it.
            claim = self._sending.send(claim, who.actor) if taken else claim
        return self._answer(claim, render, key)

    def decide(self, who: Identity, slug: str, payment_id: int, decision: Decision) -> RebateFacts:
        """GatewayError: NotFound; `permission_denied` where it is for staff to say; `not_payable` where there is
        nothing to decide, no more time to, or nothing paid any more that could be claimed."""
        claim = self.get(who, slug, payment_id)
        if decision in _BY_HAND and not who.is_staff:
            raise GatewayError("permission_denied")
        if decision is Decision.ACCEPT:  # it may have gone back while somebody thought about it
            with self._database.read() as session:
                _require_paid(session, self._registry, standing(session, self._vault, payment_id))
        wanted = RebateState.UNKNOWN if decision in _BY_HAND else RebateState.PENDABLE
        in_time = R.c.decide_before > self._clock() if wanted is RebateState.PENDABLE else sa.true()
        # An accepted one is on its way from here on, whatever becomes of this process.
        after = {"state": str(RebateState.SUBMITTING)} if decision is Decision.ACCEPT else {}
        taken = self._sending.take(claim.id, R.c.state == wanted, in_time, **after)
        if taken is None:
            raise GatewayError(
                "not_payable", f"This claim is {claim.state}: that cannot be decided about it (any more)"
            )
        if decision is Decision.ACCEPT:
            return self._sending.send(taken, who.actor, repeated=True)
        target = _BY_HAND.get(decision, RebateState.REJECTED)
        return self._sending.settle(taken, RebateFact(target, code=str(decision)), who.actor)

    def delete(self, who: Identity, slug: str, payment_id: int) -> RebateFacts:
        """Take a claim of today back. GatewayError: NotFound; `not_payable` if it was not lodged, or not today, or the
        provider refuses; `provider_error` if it did not confirm it yet (the sweep goes on asking)."""
        claim, zone = self.get(who, slug, payment_id), self._settings.read().system.zone
        if claim.state != RebateState.LODGED or claim.lodged_at is None:
            raise GatewayError("not_payable", f"This claim is {claim.state}: only a lodged one can be taken back")
        if claim.lodged_at.astimezone(zone).date() != self._clock().astimezone(zone).date():
            raise GatewayError("not_payable", "A claim can only be taken back on the day on which it was lodged")
        taken = self._sending.take(claim.id, R.c.state == RebateState.LODGED)  # and so it is due: see `take_back`
        if taken is None:
            return self.get(who, slug, payment_id)  # somebody was faster
        after, fact = self._sending.take_back(taken, who.actor)
        if after.state == RebateState.DELETED:
            return after
        if fact.state is RebateState.LODGED:
            raise GatewayError("not_payable", f"The claim cannot be taken back ({fact.code})")
        text = "It is not confirmed yet that the claim is taken back. We go on asking: look again in a moment"
        raise GatewayError("provider_error", text)

    def get(self, who: Identity, slug: str, payment_id: int) -> RebateFacts:
        """The newest claim of a payment. NotFound."""
        self._provider(slug)
        self._visible(who, payment_id)
        with self._database.read() as session:
            claim = newest(session, self._vault, slug, payment_id)
        if claim is None:
            raise NotFound
        return claim

    def _provider(self, slug: str) -> GuardedProvider:
        provider = self._registry.find(slug)
        if provider is None or not provider.manifest.capabilities.rebates:
            raise NotFound
        return provider

    def _visible(self, who: Identity, payment_id: int) -> PaymentFacts:
        payment = present(self._database, self._vault, payment_id)
        if not who.is_staff and payment.patient_id != who.user_id:
            raise NotFound
        return payment

    def _draft(self, who: Identity, slug: str, payment: PaymentFacts, parameters: Mapping[str, Any]) -> RebateFacts:
        with self._database.read() as session:
            before = standing(session, self._vault, payment.id)
            _require_paid(session, self._registry, before)
        now = self._clock()
        return RebateFacts(
            id=0,
            uuid=str(uuid4()),
            payment_id=payment.id,
            payable_id=payment.payable_id,
            patient_id=payment.patient_id,
            provider=slug,
            reference="",
            amount=before.payable_amount,
            currency=payment.currency,
            state=str(RebateState.SUBMITTING),
            code="",
            epoch=1,
            checks=0,
            next_check_at=now + timedelta(seconds=self._timing.lease),
            decide_before=None,
            created_by=who.actor,
            created_at=now,
            lodged_at=None,
            parameters=parameters,
        )

    def _prepare(self, provider: GuardedProvider, draft: RebateFacts, payment: PaymentFacts) -> PreparedRebate:
        """Asked twice: who it is about decides which earlier claims count."""
        subject: str | None = None
        while True:
            earlier = self._background.earlier(draft.provider, draft.patient_id, draft.uuid, subject)
            found = provider.prepare_rebate(self._sending.order(draft, payment, earlier=earlier))
            if isinstance(found, Veto):
                raise refusal(found)
            if subject is not None:
                return found
            subject = found.subject

    def _insert(self, session: orm.Session, draft: RebateFacts, prepared: PreparedRebate) -> RebateFacts:
        names = ("uuid", "payment_id", "payable_id", "patient_id", "provider", "amount", "currency", "state", "code")
        values: dict[str, Any] = {name: getattr(draft, name) for name in names}
        values |= {
            name: getattr(draft, name) for name in ("epoch", "checks", "next_check_at", "created_by", "created_at")
        }
        values |= {
            "reference": prepared.reference,
            "subject_sealed": self._vault.seal(prepared.subject),
            "subject_hash": self._vault.fingerprint(prepared.subject),
            "parameters_sealed": self._vault.seal_json(dict(draft.parameters)),
            "provider_state_sealed": self._vault.seal_json(dict(prepared.state)),
            "updated_at": draft.created_at,
        }
        new_id = next(iter(_MAKE.new(session, values)), None)
        if new_id is None:
            text = "There is a claim for this service already"
            raise GatewayError("payment_in_progress", text, payment_id=draft.payment_id)
        return one(session, self._vault, new_id)

    def _present_answer(self, session: orm.Session, slug: str, payment_id: int, render: RenderRebate) -> Answer:
        """The same key again, after the first request was cut off."""
        claim = newest(session, self._vault, slug, payment_id)
        if claim is None:
            raise NotFound
        answer = render(claim)
        return Answer(answer.status, answer.text, replayed=True)

    def _answer(self, claim: RebateFacts, render: RenderRebate, key: Key | None) -> Answer:
        answer = render(claim)
        if key is not None and claim.state not in (RebateState.SUBMITTING, RebateState.UNKNOWN):
            with self._database.transaction() as session:
                self._idempotency.finish(session, key, claim.payment_id, answer, self._clock())
        return answer


def _require_paid(session: orm.Session, registry: Registry, before: Standing) -> None:
    """In full, by the patient's own money, which neither went back nor is in dispute."""
    payment = before.payment
    wrong = payment.provider in registry.sole_payers or payment.state != PaymentState.SUCCEEDED or payment.disputed
    if wrong or before.due > 0 or net_taken(session, payment.payable_id) < before.payable_amount:
        text = "Only for a service that was paid in full, and not by a payment that settles it alone"
        raise GatewayError("not_payable", text, payment_id=payment.id)
