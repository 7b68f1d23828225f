"""The patient's own claim for a service that he has paid: lodged by the clinic, no payment and no revenue."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.clinic import Key, manager, other_patient, patient, refused
from tests.medicare.conftest import CARD, IRN, Surgery, bulk_bill, events
from tp_gateway.crypto import Vault
from tp_gateway.errors import NotFound
from tp_gateway.identity import Identity
from tp_gateway.models import RebateClaim, table
from tp_gateway.services import rotation
from tp_gateway.services.facts import Answer, RebateFacts
from tp_gateway.services.rebates import Decision

R = table(RebateClaim)


def render(claim: RebateFacts) -> Answer:
    return Answer(201, json.dumps({"id": claim.id, "state": claim.state, "code": claim.code}))


def asked(**more: Any) -> dict[str, Any]:
    return bulk_bill(consent=None, **more)


def lodge(
    surgery: Surgery, payment_id: int, who: Identity = patient, key: Key | None = None, **more: Any
) -> dict[str, Any]:
    answer = surgery.gateway.rebates.lodge(who, "medicare", payment_id, asked(**more), render, key)
    told: dict[str, Any] = json.loads(answer.text)
    return told


def paid(surgery: Surgery, appointment_id: int = 123, **more: Any) -> int:
    return surgery.pay(appointment_id=surgery.session(appointment_id, **more)).id


def state(surgery: Surgery, payment_id: int) -> str:
    return surgery.gateway.rebates.get(manager, "medicare", payment_id).state


def decide(surgery: Surgery, payment_id: int, decision: Decision, who: Identity = patient) -> RebateFacts:
    return surgery.gateway.rebates.decide(who, "medicare", payment_id, decision)


def test_lodged_for_a_service_paid_by_card(surgery: Surgery) -> None:
    payment_id = paid(surgery)
    before = surgery.rows("SELECT COUNT(*) AS n FROM ledger_entries")[0].n
    assert lodge(surgery, payment_id)["state"] == "lodged"
    [there] = surgery.there()
    claim = surgery.gateway.rebates.get(patient, "medicare", payment_id)
    assert (there["function"], there["correlation_id"], there["charge"]) == ("patient_claim", claim.reference, 18000)
    shown = claim.provider_state["shown"]["claim"]
    assert (shown["benefit"], shown["card"], shown["claim_id"]) == ("153.00", "**** ***70 1", there["claim_id"])
    assert surgery.rows("SELECT COUNT(*) AS n FROM ledger_entries")[0].n == before, "it is no revenue"
    assert len(surgery.rows("SELECT 1 FROM payments")) == 1
    assert "claim.lodged" in events(surgery)


def test_only_what_was_paid_in_full_and_by_the_patient(surgery: Surgery) -> None:
    invoice = surgery.invoice(18000, appointment_id=surgery.session())
    part = surgery.pay(invoice_id=invoice.id, amount=Decimal("50.00"))
    assert refused(lodge, surgery, part.id).code == "not_payable"
    surgery.session(124, starts_at=datetime.now(UTC) - timedelta(days=2))
    billed = surgery.bulk_bill(124)
    surgery.nights(2)
    assert surgery.state(billed["id"])[0] == "succeeded"
    assert refused(lodge, surgery, billed["id"]).code == "not_payable"
    back = paid(surgery, 125)
    surgery.refund(back)
    assert refused(lodge, surgery, back).code == "not_payable"
    assert not [claim for claim in surgery.there() if claim["function"] == "patient_claim"]


def test_one_claim_for_a_service(surgery: Surgery) -> None:
    payment_id = paid(surgery)
    lodge(surgery, payment_id)
    assert refused(lodge, surgery, payment_id).code == "payment_in_progress"


def test_a_key_repeats_the_answer(surgery: Surgery) -> None:
    payment_id, key = paid(surgery), Key(45, "rebate", "k1", "a")
    assert lodge(surgery, payment_id, key=key) == lodge(surgery, payment_id, key=key)
    assert len(surgery.there()) == 1


def test_it_is_the_patients_own(surgery: Surgery) -> None:
    payment_id = paid(surgery)
    with pytest.raises(NotFound):
        lodge(surgery, payment_id, who=other_patient)
    lodge(surgery, payment_id)
    for slug in ("stripe", "nobody"):
        with pytest.raises(NotFound):
            surgery.gateway.rebates.get(patient, slug, payment_id)
    with pytest.raises(NotFound):
        surgery.gateway.rebates.get(other_patient, "medicare", payment_id)


def test_pendable_and_accepted(surgery: Surgery) -> None:
    surgery.rule("pendable", function="patient_claim", code="162", text="In Medicare's own words")
    payment_id = paid(surgery)
    assert lodge(surgery, payment_id) == {"id": 1, "state": "pendable", "code": "162"}
    claim = surgery.gateway.rebates.get(patient, "medicare", payment_id)
    assert claim.decide_before is not None
    assert timedelta(minutes=59) < claim.decide_before - surgery.gateway.clock() < timedelta(minutes=61)
    assert decide(surgery, payment_id, Decision.ACCEPT).state == "lodged"
    assert [there["state"] for there in surgery.there()] == ["assessed"]
    assert refused(decide, surgery, payment_id, Decision.ACCEPT).code == "not_payable"


@pytest.mark.parametrize("by", ["patient", "time"])
def test_pendable_and_let_go(surgery: Surgery, by: str) -> None:
    surgery.rule("pendable", function="patient_claim")
    payment_id = paid(surgery)
    lodge(surgery, payment_id)
    if by == "patient":
        decide(surgery, payment_id, Decision.LET_GO)
    else:
        past = datetime.now(UTC) - timedelta(minutes=1)
        with surgery.database.transaction() as session:
            session.execute(R.update().values(decide_before=past, next_check_at=past))
        assert refused(decide, surgery, payment_id, Decision.ACCEPT).code == "not_payable", "too late"
        surgery.gateway.rebate_sending.sweep()
    claim = surgery.gateway.rebates.get(patient, "medicare", payment_id)
    assert (claim.state, claim.code) == ("rejected", "let_go" if by == "patient" else "expired")
    surgery.ask("clock", {"advance": 3700})
    assert [there["state"] for there in surgery.there()] == ["expired"]
    assert lodge(surgery, payment_id)["state"] == "lodged", "another one may be lodged"


@pytest.mark.parametrize(("kind", "expected"), [("pended", "pended"), ("reject", "rejected"), ("refuse", "rejected")])
def test_other_ends(surgery: Surgery, kind: str, expected: str) -> None:
    surgery.rule(kind, function="patient_claim", code="9601" if kind == "pended" else "160")
    payment_id = paid(surgery)
    assert lodge(surgery, payment_id)["state"] == expected
    surgery.pass_time()
    surgery.work()
    assert state(surgery, payment_id) == expected


@pytest.mark.parametrize("accepted", [True, False])
@pytest.mark.parametrize("kind", ["lost", "code"])
def test_an_unclear_answer_leaves_one_claim(surgery: Surgery, kind: str, accepted: bool) -> None:
    """Sent again under its own correlation id. If it had arrived nothing tells how it ended: staff look it up."""
    surgery.rule(kind, function="patient_claim", accepted=accepted, code="3004")
    payment_id = paid(surgery)
    assert lodge(surgery, payment_id)["state"] == "unknown"
    surgery.pass_time()
    surgery.work()
    assert len(surgery.there()) == 1
    if not accepted:
        assert state(surgery, payment_id) == "lodged"
        return
    claim = surgery.gateway.rebates.get(manager, "medicare", payment_id)
    assert (claim.state, claim.code, claim.next_check_at) == ("unknown", "9777", None)
    assert refused(decide, surgery, payment_id, Decision.LODGED).code == "permission_denied"
    assert decide(surgery, payment_id, Decision.LODGED, who=manager).state == "lodged"


def test_taken_back_on_the_same_day(surgery: Surgery) -> None:
    payment_id = paid(surgery)
    lodge(surgery, payment_id)
    surgery.rule("lost", function="same_day_delete")
    assert refused(surgery.gateway.rebates.delete, patient, "medicare", payment_id).code == "provider_error"
    assert surgery.gateway.rebates.delete(patient, "medicare", payment_id).state == "deleted"
    assert [there["state"] for there in surgery.there()] == ["deleted"]
    assert refused(surgery.gateway.rebates.delete, patient, "medicare", payment_id).code == "not_payable"
    assert lodge(surgery, payment_id)["state"] == "lodged"


def test_not_on_another_day_nor_what_medicare_does_not_let_go(surgery: Surgery) -> None:
    payment_id = paid(surgery)
    lodge(surgery, payment_id)
    surgery.ask("clock", {"advance": 86_400})
    refusal = refused(surgery.gateway.rebates.delete, patient, "medicare", payment_id)
    assert refusal.code == "not_payable" and "9645" in str(refusal.details)
    with surgery.database.transaction() as session:
        session.execute(R.update().values(lodged_at=datetime.now(UTC) - timedelta(days=1)))
    assert "on which it was lodged" in str(
        refused(surgery.gateway.rebates.delete, patient, "medicare", payment_id).details
    )


def test_health_data_is_sealed_and_still_found(surgery: Surgery) -> None:
    payment_id = paid(surgery)
    lodge(surgery, payment_id)
    [row] = surgery.rows("SELECT * FROM rebate_claims")
    text = str(dict(row._mapping))
    for secret in (CARD, "Canary", "80110", "1980-02-03"):
        assert secret not in text
    vault = surgery.gateway.rebates._vault
    assert vault.open(row.subject_sealed) == CARD + IRN and row.subject_hash == vault.fingerprint(CARD + IRN)
    assert len(row.subject_hash) == 64


def test_the_hash_is_renewed_with_the_keys(surgery: Surgery) -> None:
    lodge(surgery, paid(surgery))
    old, new = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=", "bmV3LW5ldy1uZXctbmV3LW5ldy1uZXctbmV3LW5ldyE="
    vault = Vault([new, old])
    assert rotation.renew(surgery.database, vault) > 0
    [row] = surgery.rows("SELECT subject_hash FROM rebate_claims")
    assert row.subject_hash == Vault([new]).fingerprint(CARD + IRN)


def test_sessions_of_the_same_card_under_another_account_count(surgery: Surgery) -> None:
    """Two of family and carer a year; the second account has the same card."""
    days = [datetime.now(UTC) - timedelta(days=number) for number in (1, 2, 3)]
    for number, day in enumerate(days[:2], 1):
        lodge(surgery, paid(surgery, number, starts_at=day), item="91201")
    other = surgery.pay(who=other_patient, appointment_id=surgery.session(3, patient_id=46, starts_at=days[2])).id
    lodge(surgery, other, who=other_patient, item="91201")
    shown = surgery.gateway.rebates.get(manager, "medicare", other).provider_state["shown_to_staff"]
    assert any("2 of 2 family and carer" in warning for warning in shown["warnings"])


def test_by_hand_it_is_lodged_in_hpos(by_hand: Surgery) -> None:
    assert refused(lodge, by_hand, paid(by_hand)).code == "not_payable"
