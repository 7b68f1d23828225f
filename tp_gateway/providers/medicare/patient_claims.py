"""A patient's own claim (Medicare pays the patient): lodged by the clinic for a service that was paid in full. There
are no reports about these claims, so that an unclear one can only be sent again under its correlation id."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from tp_gateway.contract import RebateFact, RebateOrder, RebateState, money
from tp_gateway.providers.medicare.claim import CURRENCY
from tp_gateway.providers.medicare.codes import is_correlation_id_used, is_duplicate
from tp_gateway.providers.medicare.identifiers import MedicareCard
from tp_gateway.providers.medicare.lodging import is_definite, person, referral, services, worst
from tp_gateway.providers.medicare.rendered import Rendered
from tp_gateway.providers.medicare.transports import (
    ClaimResult,
    ClaimStatus,
    Deleted,
    Failure,
    Refused,
    Unclear,
)
from tp_gateway.providers.medicare.transports.results import Assessment, Message
from tp_gateway.providers.medicare.transports.values import Claimant, MedicalEvent, PatientClaim

TIME_TO_DECIDE = timedelta(minutes=60)
_ALREADY_DELETED = "9647"
_STATES = {
    ClaimStatus.ASSESSED: RebateState.LODGED,
    ClaimStatus.PENDABLE: RebateState.PENDABLE,
    ClaimStatus.PENDED: RebateState.PENDED,
    ClaimStatus.REJECTED: RebateState.REJECTED,
}


@dataclass(frozen=True, slots=True, repr=False)
class Kept:
    """What is kept of a claim (encrypted). `authorised_on` is when the patient asked for it, in the clinic's
    calendar."""

    rendered: Rendered
    authorised_on: date
    warnings: list[str]

    def state(
        self, claim_id: str | None = None, benefit: int | None = None, said: Message | None = None
    ) -> dict[str, Any]:
        what = self.rendered
        shown = {
            "claim_id": claim_id,
            "items": [number for number, _ in what.items],
            "service_date": what.day.isoformat(),
            "card": MedicareCard(what.subject[:10], what.subject[10:]).masked(),
            "benefit": None if benefit is None else money.to_decimal_text(benefit, CURRENCY),
            "text": said.text if said else "",
        }
        kept = {"authorised_on": self.authorised_on.isoformat(), "warnings": list(self.warnings)}
        seen = {"shown": {"claim": shown}, "shown_to_staff": {"warnings": list(self.warnings)}}
        return {"rendered": what.plain(), "kept": kept, **seen}

    @classmethod
    def read(cls, state: Mapping[str, Any]) -> Kept:
        kept = state["kept"]
        on = date.fromisoformat(kept["authorised_on"])
        return cls(Rendered.read(state["rendered"]), on, list(kept["warnings"]))


def patient_claim(kept: Kept, asked: Mapping[str, Any], payee: str | None) -> PatientClaim:
    """The same claim, however often it is made. `asked` is what `RebateFields.typed` gave."""
    what, (referred, override) = kept.rendered, referral(asked["referral"])
    patient = person(asked["patient"])
    return PatientClaim(
        patient=patient,
        claimant=Claimant(person(asked["claimant"]) if asked["claimant"] else patient),
        provider_number=what.provider_number,
        events=(MedicalEvent(what.day, services(what.items)),),
        paid=True,
        authorised_on=kept.authorised_on,
        payee_number=payee if payee != what.provider_number else None,
        referral=referred,
        referral_override=override,
    )


def answered(kept: Kept, order: RebateOrder, answer: ClaimResult | Failure, now: datetime) -> RebateFact:
    if isinstance(answer, ClaimResult):
        return _assessed(kept, answer, now)
    if isinstance(answer, Refused):
        message = worst(answer.messages)
        if is_duplicate(message.code) and order.repeated:
            return _arrived(kept, message)
        if not is_definite(message.code):
            return RebateFact(RebateState.UNKNOWN, message.code)
        return RebateFact(RebateState.REJECTED, message.code, provider_state=kept.state(said=message))
    if isinstance(answer, Unclear) and answer.messages:
        message = answer.messages[0]
        if is_correlation_id_used(message.code):
            return _arrived(kept, message)
        return RebateFact(RebateState.UNKNOWN, message.code)
    return RebateFact(RebateState.UNKNOWN)


def deleted(answer: Deleted | Failure) -> RebateFact:
    if isinstance(answer, Deleted):
        return RebateFact(RebateState.DELETED)
    if isinstance(answer, Refused):
        code = worst(answer.messages).code
        return RebateFact(RebateState.DELETED if code == _ALREADY_DELETED else RebateState.LODGED, code)
    return RebateFact(RebateState.UNKNOWN)


def _arrived(kept: Kept, message: Message) -> RebateFact:
    """An earlier request under this correlation id has arrived, and its answer was lost. Nothing tells it again: staff
    look it up in HPOS."""
    return RebateFact(RebateState.UNKNOWN, message.code, final=True, provider_state=kept.state(said=message))


def _assessed(kept: Kept, answer: ClaimResult, now: datetime) -> RebateFact:
    said, found = _said(answer.assessment), answer.assessment
    state = _STATES[answer.status]
    return RebateFact(
        state,
        said.code if said else "",
        decide_before=now + TIME_TO_DECIDE if state is RebateState.PENDABLE else None,
        provider_state=kept.state(found.claim_id, found.benefit, said),
    )


def _said(found: Assessment) -> Message | None:
    if found.error is not None:
        return found.error
    return next((one.error for event in found.events for one in event.services if one.error), None)
