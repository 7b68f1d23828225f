"""What staff say of a claim, and when: nothing is believed that cannot be."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.clinic import refused
from tests.medicare.conftest import BENEFIT, YESTERDAY, Surgery, consent


@pytest.mark.parametrize("end", ["rejected", "withdrawn"])
def test_a_claim_that_has_ended_is_not_lodged_again(by_hand: Surgery, end: str) -> None:
    """Its payment has failed and the patient may pay otherwise: it would be with Medicare and nobody would look."""
    made = by_hand.bulk_bill(by_hand.session())
    if end == "rejected":
        by_hand.evidence(made["id"], result="rejected", code="160")
    else:
        by_hand.pay(appointment_id=123)
    before = by_hand.state(made["id"])
    assert before == ("failed", end)
    assert refused(by_hand.evidence, made["id"], result="lodged", claim_id="A0002@").code == "not_payable"
    assert by_hand.state(made["id"]) == before


def test_money_after_a_rejection_is_believed(by_hand: Surgery) -> None:
    made = by_hand.bulk_bill(by_hand.session())
    by_hand.evidence(made["id"], result="rejected", code="160")
    by_hand.evidence(made["id"], result="paid", benefit="101.55", paid_on=YESTERDAY.date().isoformat())
    assert by_hand.state(made["id"]) == ("succeeded", "paid") and by_hand.entries(made["id"])["charge"] == BENEFIT


def test_nothing_was_paid_tomorrow(by_hand: Surgery) -> None:
    made = by_hand.bulk_bill(by_hand.session())
    later = (by_hand.gateway.today() + timedelta(days=1)).isoformat()
    refusal = refused(by_hand.evidence, made["id"], result="paid", benefit="101.55", paid_on=later)
    assert refusal.code == "validation_error" and "paid_on" in str(refusal.details)
    today = by_hand.gateway.today().isoformat()
    by_hand.evidence(made["id"], result="paid", benefit="101.55", paid_on=today)


WRONG = [
    {"type": "post", "assigned_at": YESTERDAY - timedelta(days=2)},
    {"type": "pre", "assigned_at": YESTERDAY + timedelta(hours=23)},
    {"type": "post", "assigned_at": "1950-01-01T00:00:00+00:00"},
]


@pytest.mark.parametrize("given", WRONG)
@pytest.mark.parametrize("later", [False, True])
def test_a_consent_is_dated_as_its_type_says(surgery: Surgery, given: dict[str, Any], later: bool) -> None:
    when = given["assigned_at"]
    wrong = consent(**{**given, "assigned_at": when if isinstance(when, str) else when.isoformat()})
    session = surgery.session(starts_at=YESTERDAY - timedelta(hours=2))
    if later:
        made = surgery.bulk_bill(session, consent=None)
        refusal = refused(surgery.evidence, made["id"], consent=wrong)
    else:
        refusal = refused(surgery.bulk_bill, session, consent=wrong)
    assert refusal.code == "validation_error" and "consent" in str(refusal.details)
    assert not surgery.lodgements()


def test_a_consent_of_the_same_day_is_either(surgery: Surgery) -> None:
    for number, kind in enumerate(("pre", "post", "verbal", "enduring"), 200):
        at = YESTERDAY - timedelta(days=number - 200)
        given = consent(type=kind, assigned_at=at.isoformat(), method="verbal" if kind == "verbal" else "signature")
        made = surgery.bulk_bill(surgery.session(number, starts_at=at), consent=given)
        assert made["status"] == "pending"
