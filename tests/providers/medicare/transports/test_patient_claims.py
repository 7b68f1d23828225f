"""Claims whose benefit goes to the claimant: the four answers, sending again, taking back; and verifying a patient."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tests.providers.medicare.transports.claims import PERSON, patient_claim, recent
from tests.providers.medicare.transports.conftest import Control
from tp_gateway.providers.medicare.transports import (
    ClaimResult,
    ClaimStatus,
    Deleted,
    Refused,
    Transport,
    Unclear,
    Verified,
)
from tp_gateway.providers.medicare.transports.values import Card, DeleteReason, Verification

NewId = Callable[[], str]


def test_patient_claims(transport: Transport, sandbox: Control, soon: float, new_id: NewId) -> None:
    result = transport.submit_patient_claim(patient_claim(), new_id(), soon)
    assert isinstance(result, ClaimResult)
    assert (result.status, result.assessment.benefit) == (ClaimStatus.ASSESSED, 18_700)
    pended = transport.submit_patient_claim(patient_claim(22_008, "80100"), new_id(), soon)
    assert isinstance(pended, ClaimResult) and pended.status is ClaimStatus.PENDED
    rejected = transport.submit_patient_claim(patient_claim(22_061, "91170"), new_id(), soon)
    assert isinstance(rejected, ClaimResult) and rejected.status is ClaimStatus.REJECTED
    error = rejected.assessment.events[0].services[0].error
    assert error and error.code == "160" and rejected.assessment.benefit == 0
    part = patient_claim(22_000, "91184", paid=False, contribution=12_000)
    assert isinstance(transport.submit_patient_claim(part, new_id(), soon), ClaimResult)
    assert {claim["function"] for claim in sandbox.claims()} == {"patient_claim"}


def test_a_pendable_claim_is_accepted_by_the_same_id(
    transport: Transport, sandbox: Control, soon: float, new_id: NewId
) -> None:
    cid, claim = new_id(), patient_claim(22_007)
    first = transport.submit_patient_claim(claim, cid, soon)
    assert isinstance(first, ClaimResult) and first.status is ClaimStatus.PENDABLE
    sandbox.advance(minutes=59)
    second = transport.submit_patient_claim(claim, cid, soon)
    assert isinstance(second, ClaimResult) and second.status is ClaimStatus.ASSESSED
    assert second.assessment.claim_id == first.assessment.claim_id
    third = transport.submit_patient_claim(claim, cid, soon)
    assert isinstance(third, Unclear) and third.messages[0].code == "9777"


def test_a_pendable_claim_expires(transport: Transport, sandbox: Control, soon: float, new_id: NewId) -> None:
    cid, claim = new_id(), patient_claim(22_007)
    transport.submit_patient_claim(claim, cid, soon)
    sandbox.advance(minutes=61)
    assert isinstance(transport.submit_patient_claim(claim, cid, soon), Unclear)
    assert sandbox.claims()[0]["state"] == "expired"


def test_same_day_delete(transport: Transport, sandbox: Control, soon: float, new_id: NewId) -> None:
    cid, delete = new_id(), transport.delete_same_day
    transport.submit_patient_claim(patient_claim(), cid, soon)
    other = replace(PERSON, card=Card("2951201842", "1"))

    def codes(person: object, correlation_id: str) -> tuple[str, ...]:
        answer = delete(person, DeleteReason.ITEM, correlation_id, soon)  # type: ignore[arg-type]
        assert isinstance(answer, Refused), answer
        return answer.codes

    assert codes(PERSON, new_id()) == ("9775",)
    assert codes(other, cid) == ("9646",)
    assert delete(PERSON, DeleteReason.ITEM, cid, soon) == Deleted()
    assert codes(PERSON, cid) == ("9647",)
    late = new_id()
    transport.submit_patient_claim(patient_claim(), late, soon)
    sandbox.advance(days=1)
    assert codes(PERSON, late) == ("9645",)


def test_patient_verification(transport: Transport, sandbox: Control, soon: float, new_id: NewId) -> None:
    verified = transport.verify_patient(Verification(PERSON, recent()), new_id(), soon)
    assert isinstance(verified, Verified) and verified.eligible
    sandbox.rule("verified", "patient_verification", code="9633")
    new_card = transport.verify_patient(Verification(PERSON), new_id(), soon)
    assert isinstance(new_card, Verified) and not new_card.eligible
    assert (new_card.status.code, new_card.card) == ("9633", Card("4951525562", "1"))
