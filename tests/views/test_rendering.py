"""Facts to JSON, where the whole application cannot easily be brought: every reason of a failure, who sees what."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from tp_gateway.errors import TITLES
from tp_gateway.identity import Identity
from tp_gateway.services.facts import PaymentFacts, RebateFacts
from tp_gateway.views import rendering
from tp_gateway.views.errors import STATUSES

PATIENT, MANAGER = Identity(45, "patient"), Identity(8, "practice_manager")
FACTS = PaymentFacts(
    id=789,
    uuid="0d3c2f5e-0000-4000-8000-000000000000",
    payable_id=1,
    payable_uuid="y",
    patient_id=45,
    appointment_id=123,
    invoice_id=None,
    provider="stripe",
    method="card",
    flow="direct",
    amount=18000,
    currency="AUD",
    state="succeeded",
    epoch=1,
    checks=0,
    next_check_at=None,
    observed_at=None,
    expires_at=datetime(2025, 1, 20, 10, 30, tzinfo=UTC),
    reference="pi_1",
    method_reference="pm_1",
    save_method=False,
    captured=18000,
    refunded=0,
    evidence="ch_1",
    transaction_id="txn_1",
    receipt_url=None,
    reason="",
    provider_code="stolen_card",
    needs_review=True,
    late_success=False,
    description="",
    created_by="user:45",
    created_at=datetime(2025, 1, 19, 21, 30, tzinfo=timezone(timedelta(hours=11))),
    settled_at=datetime(2025, 1, 19, 10, 30, tzinfo=UTC),
    parameters=None,
    client_metadata=None,
    action={},
    provider_state={},
)
WAITING = replace(FACTS, state="awaiting_customer", action={"type": "use_stripe_sdk", "client_secret": "pi_1_secret_x"})


def test_every_code_has_a_status_and_no_status_is_without_a_code() -> None:
    assert STATUSES.keys() == TITLES.keys()


@pytest.mark.parametrize(
    ("reason", "status", "code"),
    [
        ("insufficient_funds", 400, "payment_failed"),
        ("card_declined", 402, "card_declined"),
        ("authentication_failed", 402, "card_declined"),
        ("something_new", 402, "card_declined"),
        ("", 402, "card_declined"),
        ("invalid_method", 400, "validation_error"),
        ("rejected", 502, "provider_error"),
        ("provider_busy", 503, "service_unavailable"),
        ("not_sent", 503, "service_unavailable"),
        ("unclear", 503, "service_unavailable"),
        ("canceled", 409, "not_payable"),
        ("expired", 409, "not_payable"),
    ],
)
def test_how_a_failure_is_told(reason: str, status: int, code: str) -> None:
    failed = replace(FACTS, state="failed", reason=reason)
    answers = [
        rendering.payment_answer(failed, PATIENT, 201),
        rendering.invoice_answer(failed, PATIENT, date(2025, 1, 19)),
    ]
    for answer in [*answers, rendering.intent_answer(failed)]:
        body = json.loads(answer.text)
        assert (answer.status, body["code"], body["payment_id"]) == (status, code, 789)
        assert set(body) == {"error", "details", "code", "payment_id"}


def test_patients_do_not_see_the_providers_words() -> None:
    shown = rendering.payment(FACTS, PATIENT)
    assert "stolen" not in json.dumps(shown)
    assert not {"provider_code", "needs_review", "created_by"} & set(shown)
    assert {"provider_code", "needs_review"} <= set(rendering.payment(FACTS, MANAGER))


def test_a_client_secret_is_for_the_patient_and_for_who_began_it() -> None:
    assert rendering.payment(WAITING, PATIENT)["next_action"]["client_secret"] == "pi_1_secret_x"
    assert rendering.payment(WAITING, MANAGER)["next_action"] == {"type": "use_stripe_sdk"}
    began = replace(WAITING, created_by="user:8")
    assert "client_secret" in rendering.payment(began, MANAGER)["next_action"]
    assert "next_action" not in rendering.summary(WAITING, PATIENT)


@pytest.mark.catalogue(91)
def test_moments_are_utc() -> None:
    assert rendering.payment(FACTS, PATIENT)["created_at"] == "2025-01-19T10:30:00Z"


@pytest.mark.parametrize(
    ("state", "flow", "message"),
    [
        ("succeeded", "direct", "Payment processed successfully"),
        ("created", "direct", "Your payment is being confirmed. Please do not pay again."),
        ("submitting", "direct", "Your payment is being confirmed. Please do not pay again."),
        ("unknown", "direct", "Your payment is being confirmed. Please do not pay again."),
        ("processing", "direct", "Your payment is being confirmed. Please do not pay again."),
        ("awaiting_customer", "direct", "Please complete the authentication requested by your bank."),
        ("awaiting_customer", "browser", "Please complete the payment."),
    ],
)
def test_messages(state: str, flow: str, message: str) -> None:
    assert rendering.message(replace(FACTS, state=state, flow=flow)) == message


@pytest.mark.parametrize(
    ("action", "message"),
    [
        ({"type": "redirect"}, "Please complete the payment."),
        ({"type": "approve", "message": "Please open your banking app."}, "Please open your banking app."),
    ],
)
def test_where_no_card_was_given_no_bank_asks_for_authentication(action: dict[str, str], message: str) -> None:
    waiting = replace(WAITING, method_reference=None, action=action)
    assert rendering.message(waiting) == message


@pytest.mark.parametrize(("reference", "field"), [("pm_1", "payment_method_id"), (None, "payment_method")])
def test_a_method_that_cannot_be_used_is_told_by_a_field_that_was_sent(reference: str | None, field: str) -> None:
    """A provider whose own fields say who pays (a PayID, a voucher) has no `payment_method_id`."""
    failed = replace(FACTS, state="failed", reason="invalid_method", method_reference=reference)
    told = rendering.failure_answer(failed)
    assert (told.status, list(json.loads(told.text)["details"])) == (400, [field])


def test_a_provider_shows_nothing_of_a_claim_under_a_name_of_ours() -> None:
    at = FACTS.created_at
    claim = RebateFacts(
        7, "u", 789, 1, 45, "medicare", "r", 18000, "AUD", "lodged", "", 1, 0, None, None, "user:45", at, at
    )
    shown = {"patient_id": 46, "created_by": "x", "benefit": "98.95"}
    told = rendering.rebate(replace(claim, provider_state={"shown": shown}), PATIENT)
    assert told["benefit"] == "98.95" and not {"patient_id", "created_by"} & told.keys()
