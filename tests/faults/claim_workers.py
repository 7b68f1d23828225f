"""What a process of a storm of claims does, until it is killed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.clinic import Clinic, manager, render
from tests.faults import workers
from tests.faults.clients import Answer
from tests.faults.workers import Cast, Jobs, in_a_loop
from tests.medicare.conftest import IRN, Surgery, bulk_bill, consent
from tp_gateway.identity import Identity
from tp_gateway.services import facts
from tp_gateway.services.facts import Key, RebateFacts
from tp_gateway.services.rebates import Decision

HOUR = 3600


def about(medicare_number: str, *, consented: bool) -> dict[str, Any]:
    person = {"family_name": "Canaryfamily", "given_name": "Canarygiven", "date_of_birth": "1980-02-03"}
    whose = {**person, "medicare_number": medicare_number, "irn": IRN}
    return bulk_bill(patient=whose, consent=consent() if consented else None)


def render_rebate(claim: RebateFacts) -> facts.Answer:
    return facts.Answer(201, json.dumps({"id": claim.id, "state": claim.state, "code": claim.code}))


def _bulk_bill(
    clinic: Clinic, patient: int, key: str | None, appointment_id: int, medicare_number: str, consented: bool
) -> Answer:
    fields = about(medicare_number, consented=consented)
    wanted = clinic.wanted(
        appointment_id=appointment_id, method="medicare", method_id=None, amount=None, parameters=fields
    )
    known = _key(patient, "pay", key)
    told = clinic.gateway.payments.pay(Identity(patient, "patient"), wanted, render, known).text
    return Answer({**json.loads(told), "text": told})


def _consent(clinic: Clinic, patient: int, key: str | None, payment_id: int) -> Answer:
    known = _key(manager.user_id or 0, "evidence", key)
    said = {"consent": consent()}
    return Answer(json.loads(clinic.gateway.review.record(manager, payment_id, said, render, known).text))


def _lodge(clinic: Clinic, patient: int, key: str | None, payment_id: int, medicare_number: str) -> Answer:
    who, asked = Identity(patient, "patient"), about(medicare_number, consented=False)
    known = _key(patient, "rebate", key)
    return Answer(
        json.loads(clinic.gateway.rebates.lodge(who, "medicare", payment_id, asked, render_rebate, known).text)
    )


def _decide(clinic: Clinic, patient: int, key: None, payment_id: int, decision: str) -> Answer:
    who = Identity(patient, "patient")
    return Answer({"state": clinic.gateway.rebates.decide(who, "medicare", payment_id, Decision(decision)).state})


def _take_back(clinic: Clinic, patient: int, key: None, payment_id: int) -> Answer:
    return Answer({"state": clinic.gateway.rebates.delete(Identity(patient, "patient"), "medicare", payment_id).state})


def _round(clinic: Surgery, name: str) -> Answer:
    rounds: dict[str, Callable[[], object]] = {
        "sweep": clinic.gateway.recovery.sweep,
        "rebates": clinic.gateway.rebate_sending.sweep,
        "outbox": clinic.gateway.outbox.relay,
        "half an hour": lambda: _half_an_hour(clinic),
    }
    return in_a_loop(rounds[name])


def _half_an_hour(surgery: Surgery) -> None:
    """Passes at Medicare, and everything of ours is due: also what somebody is at, as if he had taken too long."""
    surgery.ask("clock", {"advance": HOUR // 2})
    surgery.pass_time()


def _key(user: int, route: str, key: str | None) -> Key | None:
    return Key(user, route, key, key) if key else None


JOBS: Jobs = {
    **workers.JOBS,
    "bulk_bill": _bulk_bill,
    "consent": _consent,
    "lodge": _lodge,
    "decide": _decide,
    "take_back": _take_back,
    "round": _round,
}
CLAIMS = Cast(JOBS, ("sweep", "half an hour", "sweep", "rebates", "sweep", "outbox"), steps=45, every=3)
