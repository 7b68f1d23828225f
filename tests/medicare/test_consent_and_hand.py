"""Claims that wait: for the patient's consent, or for staff who lodge them in HPOS by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.clinic import Key, manager, patient, refused
from tests.medicare.conftest import BENEFIT, Surgery, consent
from tp_gateway.models import Payment, table


def test_without_consent_nothing_is_lodged(surgery: Surgery) -> None:
    made = surgery.bulk_bill(surgery.session(), consent=None)
    assert (made["status"], made["action"]["type"]) == ("pending", "medicare_consent")
    assert surgery.state(made["id"]) == ("awaiting_customer", "awaiting_consent")
    surgery.nights(2)
    assert not surgery.lodgements()


def test_with_the_consent_it_is_lodged_at_once(surgery: Surgery) -> None:
    made = surgery.bulk_bill(surgery.session(), consent=None)
    key = Key(8, "evidence", "k1", "a")
    given = surgery.evidence(made["id"], key, consent=consent())
    assert given["state"] == "processing" and surgery.claim(made["id"])["consent_kept_until"]
    assert surgery.evidence(made["id"], key, consent=consent())["state"] == "processing", "a repeat changes nothing"
    assert refused(surgery.evidence, made["id"], consent=consent()).code == "not_payable"
    surgery.nights(2)
    assert surgery.state(made["id"]) == ("succeeded", "paid")
    assert len(surgery.lodgements()) == 1
    moves = [row.to_state for row in surgery.rows("SELECT to_state FROM transitions ORDER BY id")]
    assert moves == ["created", "submitting", "awaiting_customer", "submitting", "processing", "succeeded"]


def test_a_consent_that_comes_with_the_next_request_takes_the_place_of_the_first(surgery: Surgery) -> None:
    first = surgery.bulk_bill(surgery.session(), consent=None)
    again = surgery.bulk_bill(consent=None)
    assert again["id"] == first["id"], "a second click"
    second = surgery.bulk_bill()
    assert surgery.state(first["id"]) == ("failed", "withdrawn")
    assert surgery.state(second["id"]) == ("processing", "with_medicare") and len(surgery.there()) == 1


def test_a_patient_can_cancel_before_it_is_lodged_and_not_after(surgery: Surgery) -> None:
    made = surgery.bulk_bill(surgery.session(), consent=None)
    assert surgery.gateway.payments.cancel(patient, made["id"]).state == "failed"
    lodged = surgery.bulk_bill()
    assert refused(surgery.gateway.payments.cancel, patient, lodged["id"]).code == "payment_in_progress"


def test_a_consent_that_never_comes_ends_the_claim(surgery: Surgery) -> None:
    made = surgery.bulk_bill(surgery.session(), consent=None)
    row = table(Payment)
    waits = surgery.rows("SELECT expires_at FROM payments")
    assert waits, made
    with surgery.database.transaction() as session:
        past = datetime.now(UTC) - timedelta(days=1)
        session.execute(row.update().values(expires_at=past, next_check_at=past))
    surgery.gateway.recovery.sweep()
    assert surgery.state(made["id"]) == ("failed", "withdrawn")
    assert surgery.payment(made["id"]).reason == "expired"


# --- by hand ----------------------------------------------------------------------------------------------------------


def test_by_hand_from_the_draft_to_the_money(by_hand: Surgery) -> None:
    made = by_hand.bulk_bill(by_hand.session())
    assert by_hand.state(made["id"]) == ("awaiting_customer", "draft")
    assert by_hand.evidence(made["id"], result="lodged", claim_id="A0001@")["state"] == "processing"
    by_hand.pass_time()
    by_hand.work()
    assert by_hand.state(made["id"]) == ("processing", "with_medicare"), "nobody is asked"
    paid = by_hand.evidence(made["id"], result="paid", benefit="101.55", paid_on="2026-11-20", run="0012")
    assert paid["status"] == "succeeded"
    claim = by_hand.claim(made["id"])
    assert (claim["claim_id"], claim["benefit"], claim["paid_with"]["number"]) == ("A0001@", "101.55", "0012")
    assert by_hand.entries(made["id"]) == {"charge": BENEFIT, "write_off": 18000 - BENEFIT}


def test_by_hand_the_consent_comes_first(by_hand: Surgery) -> None:
    made = by_hand.bulk_bill(by_hand.session(), consent=None)
    assert refused(by_hand.evidence, made["id"], result="lodged", claim_id="A0001@").code == "not_payable"
    by_hand.evidence(made["id"], consent=consent())
    assert by_hand.state(made["id"]) == ("awaiting_customer", "draft")


def test_by_hand_rejected_in_medicares_words(by_hand: Surgery) -> None:
    made = by_hand.bulk_bill(by_hand.session())
    by_hand.evidence(made["id"], result="lodged", claim_id="A0001@")
    by_hand.evidence(made["id"], result="rejected", code="160", text="Maximum number of services")
    assert by_hand.state(made["id"]) == ("failed", "rejected")
    assert by_hand.claim(made["id"])["text"] == "Maximum number of services"


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"result": "paid"},
        {"result": "lodged"},
        {"result": "rejected"},
        {"result": "paid", "benefit": "180.01", "paid_on": "2026-11-20"},
        {"result": "paid", "benefit": "1.005", "paid_on": "2026-11-20"},
        {"result": "found"},
        {"result": "lodged", "claim_id": "A0001@", "consent": consent()},
        {"shoe_size": 42},
    ],
)
def test_evidence_that_says_too_little_or_too_much(by_hand: Surgery, said: dict[str, object]) -> None:
    made = by_hand.bulk_bill(by_hand.session())
    refusal = refused(by_hand.gateway.review.record, manager, made["id"], said, None, None)
    assert refusal.code == "validation_error" and by_hand.state(made["id"])[1] == "draft"


def test_a_key_says_the_same_once_more(by_hand: Surgery) -> None:
    made = by_hand.bulk_bill(by_hand.session())
    key = Key(8, "evidence", "k1", "a")
    said = {"result": "paid", "benefit": "101.55", "paid_on": "2026-11-20"}
    assert by_hand.evidence(made["id"], key, **said) == by_hand.evidence(made["id"], key, **said)
    assert by_hand.entries(made["id"])["charge"] == BENEFIT
    assert refused(by_hand.evidence, made["id"], Key(8, "evidence", "k2", "a"), **said).code == "not_payable"


def test_evidence_is_for_providers_that_read_it(surgery: Surgery) -> None:
    paid = surgery.pay(appointment_id=surgery.session())
    assert refused(surgery.evidence, paid.id, result="paid").code == "not_payable"
