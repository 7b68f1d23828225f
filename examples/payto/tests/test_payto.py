"""What the conformance kit cannot know: how PayIDs are spelled, and what the service's words mean."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from payto import PayToProvider
from payto.agreements import outcome, refund_outcome
from payto.payid import as_registered
from payto.settings import Settings
from payto_sandbox import PayToSandbox
from payto_sandbox.books import NOT_REGISTERED, TOO_POOR
from payto_sandbox.server import API_KEY
from tp_gateway.contract import (
    ConfigurationError,
    Environment,
    Flow,
    Order,
    Outcome,
    OutcomeState,
    Prepared,
    Reason,
    fields,
)

MONDAY = date(2026, 11, 23)
INI = {"api_key": API_KEY, "webhook_secret": "one, two", "payee_name": "Sample Clinic", "approve_within_days": "3"}


@pytest.fixture
def sandbox() -> Iterator[PayToSandbox]:
    made = PayToSandbox()
    made.start()
    yield made
    made.stop()


@pytest.fixture
def provider(sandbox: PayToSandbox) -> PayToProvider:
    settings = fields.validate(Settings(), {**INI, "base_url": sandbox.url})
    return PayToProvider.build(settings, Environment("test", production=False))


def order(payid: str = "pat@example.com") -> Order:
    deadline = time.monotonic() + 10
    made = Order("f6a2", Flow.DIRECT, 18_000, "AUD", "f6a2", deadline, {"payid": payid}, number=7, made_on=MONDAY)
    return replace(made, labels={"tp_gateway_payment": "f6a2"})


@pytest.mark.parametrize(
    ("written", "registered"),
    [
        ("Pat@Example.com", "pat@example.com"),
        ("0491 570 156", "+61-491570156"),
        ("+61 491 570 156", "+61-491570156"),
        ("+61-491570156", "+61-491570156"),
        ("51 824 753 556", "51824753556"),
        ("51 824 753 557", None),  # not an ABN: its check digits are wrong
        ("03 9000 0000", None),  # no mobile
        ("pat@example", None),
        ("pat@example.com ", None),
        ("p" * 65 + "@example.com", None),
        ("pat@" + "e" * 260 + ".com", None),
        ("", None),
    ],
)
def test_a_payid_is_sent_as_banks_register_it(written: str, registered: str | None) -> None:
    assert as_registered(written) == registered


def test_nothing_is_asked_of_the_patient_before_it_is_executed(provider: PayToProvider, sandbox: PayToSandbox) -> None:
    prepared = provider.prepare(order())
    assert isinstance(prepared, Prepared)
    agreement = sandbox.books.agreements[prepared.reference]
    assert (agreement["state"], agreement["approve_by"]) == ("draft", "2026-11-26")
    assert agreement["description"] == "Payment 7"
    asked = provider.execute(order(), prepared.reference)
    assert (asked.state, asked.waits_until) == (OutcomeState.NEEDS_ACTION, MONDAY + timedelta(days=3))
    assert (asked.action["type"], asked.action["approve_by"]) == ("approve_in_banking_app", "2026-11-26")


def test_a_payid_that_no_bank_knows_is_said_at_once(provider: PayToProvider) -> None:
    found = provider.prepare(order(NOT_REGISTERED))
    assert isinstance(found, Outcome)
    assert (found.state, found.closed, found.reason) == (OutcomeState.DECLINED, True, Reason.INVALID_METHOD)


@pytest.mark.parametrize(
    ("payid", "answer", "reason"),
    [
        ("pat@example.com", "reject", Reason.CANCELED),
        ("pat@example.com", "expire", Reason.EXPIRED),
        (TOO_POOR, "approve", Reason.INSUFFICIENT_FUNDS),
    ],
)
def test_why_it_was_not_paid(
    provider: PayToProvider, sandbox: PayToSandbox, payid: str, answer: str, reason: Reason
) -> None:
    prepared = provider.prepare(order(payid))
    assert isinstance(prepared, Prepared)
    provider.execute(order(payid), prepared.reference)
    sandbox.books.answer(prepared.reference, answer)
    found = provider.fetch(order(payid), None)
    assert (found.state, found.closed, found.reason) == (OutcomeState.DECLINED, True, reason)


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ({"state": "approved", "id": "agr_1"}, OutcomeState.PENDING),
        ({"state": "draft", "id": "agr_1"}, OutcomeState.DECLINED),
        ({"state": "asleep", "id": "agr_1"}, OutcomeState.UNKNOWN),
        ({"state": "paid", "id": "agr_1", "payment": {"amount": 180.0}}, OutcomeState.UNKNOWN),
        ({"state": "submitted", "id": "agr_1", "approve_by": "soon"}, OutcomeState.UNKNOWN),
        ({}, OutcomeState.UNKNOWN),
    ],
)
def test_words_that_make_no_sense_are_no_answer(said: dict[str, Any], state: OutcomeState) -> None:
    found = outcome(said)
    assert found.state is state and not found.closed


def test_a_refund_that_the_patients_bank_sent_back_has_failed() -> None:
    found = refund_outcome({"state": "returned", "id": "rfd_1", "amount": 100, "currency": "AUD"})
    assert (found.state, found.closed) == (OutcomeState.DECLINED, True)


@pytest.mark.parametrize(
    ("wrong", "production"), [({"webhook_secret": " , "}, False), ({"base_url": "http://payto.example"}, True)]
)
def test_settings_that_cannot_work_are_refused_by_name(wrong: dict[str, str], production: bool) -> None:
    settings = fields.validate(Settings(), {"base_url": "https://payto.example", **INI, **wrong})
    with pytest.raises(ConfigurationError, match=rf"tp_gateway\.payto\.{next(iter(wrong))}"):
        PayToProvider.build(settings, Environment("test", production=production))
