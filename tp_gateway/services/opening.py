"""T1: in one transaction lock the payable and check who may pay what (`door`), claim the key, and write the payment
down. Nothing was sent yet; if we die right after it, no money can have moved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway.contract import Flow, Manifest, Payer
from tp_gateway.crypto import Vault
from tp_gateway.database import InsertOnce
from tp_gateway.identity import Identity
from tp_gateway.models import Payment, table
from tp_gateway.models.payment import IS_OPEN_SINGLE_FLIGHT
from tp_gateway.models.states import PaymentState
from tp_gateway.registry import Registry
from tp_gateway.services import history
from tp_gateway.services.clock import Clock
from tp_gateway.services.door import lock
from tp_gateway.services.exclusivity import in_the_way
from tp_gateway.services.facts import Answer, Key, PaymentFacts, Wanted
from tp_gateway.services.idempotency import Idempotency
from tp_gateway.services.reading import PAYMENTS, standing, to_payment
from tp_gateway.timing import Timing

P = table(Payment)
_OPEN = InsertOnce(P, ["payable_id"], IS_OPEN_SINGLE_FLIGHT)
_OPEN_PAYMENT = PAYMENTS.where(P.c.payable_id == sa.bindparam("payable"), IS_OPEN_SINGLE_FLIGHT)


@dataclass(frozen=True, slots=True)
class Opened:
    """The payment is written down and ours to drive."""

    payment: PaymentFacts
    payer: Payer | None


@dataclass(frozen=True, slots=True)
class Repeated:
    """The key was used before: a stored answer, or the payment that it started."""

    answer: Answer | None
    payment: PaymentFacts | None


@dataclass(frozen=True, slots=True)
class Joined:
    """A second click: the same payer waits for himself, so he gets the attempt that is there."""

    payment: PaymentFacts


@dataclass(frozen=True, slots=True)
class Blocked:
    """Another payment of this payable is open."""

    payment: PaymentFacts


class Opening:
    def __init__(
        self, vault: Vault, registry: Registry, timing: Timing, idempotency: Idempotency, clock: Clock
    ) -> None:
        self._vault, self._registry, self._timing = vault, registry, timing
        self._idempotency, self._clock = idempotency, clock

    def open(
        self,
        session: orm.Session,
        who: Identity,
        wanted: Wanted,
        manifest: Manifest,
        parameters: Mapping[str, Any],
        key: Key | None,
    ) -> Opened | Joined | Repeated | Blocked:
        """GatewayError for everything that may not be paid; the transaction then leaves nothing behind."""
        door = lock(session, who, wanted, manifest)
        now, row = self._clock(), door.row
        repeat = self._idempotency.claim(session, key, now)
        if repeat is not None:
            payment = standing(session, self._vault, repeat.payment_id).payment if repeat.payment_id else None
            return Repeated(repeat.answer, payment)
        flow, method_reference = door.flow_and_method()
        amount = door.amount()
        rival = in_the_way(session, self._vault, self._registry, row, manifest)
        if rival is not None:
            self._idempotency.release(session, key)
            return Blocked(rival)
        kept = dict(parameters) or None
        values = {
            "uuid": str(uuid4()),
            "payable_id": row.id,
            "patient_id": row.patient_id,
            "appointment_id": row.appointment_id,
            "invoice_id": row.invoice_id,
            "provider": manifest.slug,
            "method": manifest.method,
            "flow": str(flow),
            "amount": amount,
            "currency": row.currency,
            "next_check_at": now + timedelta(seconds=self._timing.lease),
            "expires_at": now + timedelta(seconds=self._timing.browser_expiry),
            "method_reference": method_reference,
            "save_method": wanted.save_method,
            "manual_capture": wanted.manual_capture,
            "description": wanted.description,
            "created_by": who.actor,
            "created_at": now,
            "parameters": kept,
            "client_metadata": dict(wanted.metadata) if wanted.metadata else None,
        }
        more: dict[str, Any] = {"single_flight": manifest.single_flight, "updated_at": now}
        if kept and _is_secret(manifest):
            more |= {"parameters": None, "parameters_sealed": self._vault.seal_json(kept)}
        more |= history.payment_move(manifest.slug, None, PaymentState.CREATED, actor=who.actor)
        new_id = next(iter(_OPEN.new(session, values | more)), None)
        asked = PaymentFacts(
            id=new_id or 0,
            payable_uuid=row.uuid,
            state=PaymentState.CREATED,
            invoice=door.invoice(),
            zone_name=row.zone_name,
            **values,
        )
        if new_id is None:
            there = to_payment(session.execute(_OPEN_PAYMENT, {"payable": row.id}).one(), self._vault)
            if _is_same_attempt(there, asked):
                self._idempotency.attach(session, key, payment_id=there.id)
                return Joined(there)
            self._idempotency.release(session, key)
            return Blocked(there)
        self._idempotency.attach(session, key, payment_id=new_id)
        return Opened(asked, door.payer())


def _is_same_attempt(there: PaymentFacts, asked: PaymentFacts) -> bool:
    if there.state != PaymentState.AWAITING_CUSTOMER:
        return False
    same = (
        *("created_by", "flow", "provider", "invoice_id", "amount", "currency"),
        *("save_method", "manual_capture", "parameters"),
    )
    same_card = asked.flow == Flow.BROWSER or there.method_reference == asked.method_reference
    return same_card and all(getattr(there, name) == getattr(asked, name) for name in same)


def _is_secret(manifest: Manifest) -> bool:
    return any(getattr(node, "secret", False) for node in manifest.parameters_schema.children)
