"""A bulk bill on its way: what is sent, and what Medicare's answer to it means. An answer that could hide an accepted
claim is never read as a refusal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from tp_gateway.contract import Outcome, OutcomeState, Reason
from tp_gateway.providers.medicare.claim import BulkBillClaim, State
from tp_gateway.providers.medicare.codes import CodeClass, classify, is_correlation_id_used, is_duplicate
from tp_gateway.providers.medicare.dates import local_day
from tp_gateway.providers.medicare.referral import OverrideCode, read
from tp_gateway.providers.medicare.transports import Accepted, Failure, NotSent, Refused
from tp_gateway.providers.medicare.transports.results import Message
from tp_gateway.providers.medicare.transports.values import (
    BulkBill,
    BulkBillEvent,
    Card,
    MedicalEvent,
    Person,
    Referral,
    Service,
)

FIRST_LOOK = 600.0
"""Seconds after lodging at which a report may first be there; usually it takes a night."""


def person(asked: Mapping[str, Any]) -> Person:
    """`asked` is what `Patient` read."""
    card = Card(asked["medicare_number"], asked["irn"])
    return Person(asked["family_name"], asked["given_name"], asked["date_of_birth"], card)


def referral(asked: Mapping[str, Any]) -> tuple[Referral | None, str | None]:
    """(referral, override code): one of the two."""
    found = read(asked)
    if isinstance(found, OverrideCode):
        return None, str(found)
    return Referral(found.provider_number, found.issued_on, str(found.period_code), found.period_months), None


def services(items: tuple[tuple[str, int], ...]) -> tuple[Service, ...]:
    return tuple(Service(number, charge) for number, charge in items)


def bulk_bill(
    claim: BulkBillClaim, asked: Mapping[str, Any], consented_at: datetime, payee: str | None, zone: ZoneInfo
) -> BulkBill:
    """The same claim, however often it is made: a repeat under one correlation id says the same."""
    what, (referred, override) = claim.what(), referral(asked["referral"])
    event = BulkBillEvent(
        patient=person(asked["patient"]),
        event=MedicalEvent(what.day, services(what.items)),
        authorised_on=local_day(consented_at, zone),
        created_at=datetime.fromisoformat(claim.made_at),
        referral=referred,
        referral_override=override,
    )
    return BulkBill(what.provider_number, (event,), payee if payee != what.provider_number else None)


def answered(
    claim: BulkBillClaim, reference: str, answer: Accepted | Failure, now: datetime, *, repeated: bool
) -> Outcome:
    """What the answer to lodging means. `repeated`: it may have been sent under this reference before."""
    if isinstance(answer, Accepted):
        moment = now.astimezone(UTC).isoformat()
        there = replace(claim, state=State.WITH_MEDICARE, claim_id=answer.claim_id, lodged_at=moment, code="", text="")
        return pending(there, reference, FIRST_LOOK)
    if isinstance(answer, NotSent):
        return Outcome(OutcomeState.NOT_SENT, reference, reason=Reason.UNREACHABLE, provider_code="not_sent")
    if isinstance(answer, Refused):
        return _refused(claim, reference, answer, repeated=repeated)
    return unknown(claim, reference, answer.messages[0] if answer.messages else None)


def _refused(claim: BulkBillClaim, reference: str, answer: Refused, *, repeated: bool) -> Outcome:
    message = worst(answer.messages)
    if is_duplicate(message.code) and repeated:
        return unknown(claim, reference, message)  # the first of the two has arrived: its report will say
    if is_duplicate(message.code):
        return duplicate(claim, reference, message.code, message.text)
    if not is_definite(message.code):
        return unknown(claim, reference, message)
    return rejected(claim, reference, message.code, message.text)


def duplicate(claim: BulkBillClaim, reference: str, code: str, text: str) -> Outcome:
    """Medicare has the service from another claim: one of ours that was given up without anybody knowing, or nobody's
    of ours."""
    if not claim.unclear:
        return rejected(claim, reference, code, text)
    linked = replace(claim, state=State.WITH_MEDICARE, asked_as=claim.unclear[0], code=code, text=text)
    return pending(linked, reference, FIRST_LOOK)


def worst(messages: tuple[Message, ...]) -> Message:
    """The one that decides: a refusal that is understood before one that is not."""
    return next((message for message in messages if is_definite(message.code)), messages[0])


def is_definite(code: str) -> bool:
    """Does it say for certain that Medicare will not pay by this request? (Codes of another class have been seen for
    claims that are there, and an id that was used says nothing of what became of the first.)"""
    return classify(code) in (CodeClass.FIX, CodeClass.FINAL) and not is_correlation_id_used(code)


def pending(claim: BulkBillClaim, reference: str, check_after: float | None) -> Outcome:
    return Outcome(OutcomeState.PENDING, reference, check_after=check_after, provider_state=claim.kept())


def unknown(
    claim: BulkBillClaim, reference: str, message: Message | None = None, reason: Reason | None = None
) -> Outcome:
    """`reason` NO_SUCH_OBJECT: Medicare has no such claim, so it may be sent again."""
    state = State.UNKNOWN if claim.claim_id is None else claim.state
    after = replace(claim, state=state, code=message.code if message else claim.code)
    after = replace(after, text=message.text if message else claim.text)
    return Outcome(
        OutcomeState.UNKNOWN,
        reference,
        reason=reason or Reason.NONE,
        provider_code=message.code if message else "",
        provider_state=after.kept(),
    )


def rejected(claim: BulkBillClaim, reference: str, code: str, text: str) -> Outcome:
    return Outcome(
        OutcomeState.DECLINED,
        reference,
        closed=True,
        reason=Reason.CLAIM_REJECTED,
        provider_code=code,
        provider_state=replace(claim, state=State.REJECTED, benefit=0, code=code, text=text).kept(),
    )


def waiting(claim: BulkBillClaim, reference: str, until: date) -> Outcome:
    """For a consent, or for staff to lodge it."""
    consent = claim.state is State.AWAITING_CONSENT
    message = (
        "The claim waits for the patient's consent that Medicare pays the clinic. Nothing was charged."
        if consent
        else "The clinic will lodge the claim with Medicare. Nothing was charged."
    )
    action = {"type": "medicare_consent" if consent else "medicare_by_hand", "message": message}
    return Outcome(OutcomeState.NEEDS_ACTION, reference, action=action, waits_until=until, provider_state=claim.kept())
