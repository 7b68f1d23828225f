"""Holds and disputes at Stripe: what is sent, and what its answers mean."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.providers.stripe.canned import Canned, http
from tests.providers.stripe.conftest import Control
from tests.providers.stripe.orders import ENVIRONMENT, order, settings
from tp_gateway.contract import (
    CaptureOrder,
    DisputeMovement,
    DisputeStatus,
    Flow,
    Order,
    OutcomeState,
    Prepared,
    Reason,
    Subject,
)
from tp_gateway.providers.stripe import StripeProvider
from tp_gateway.providers.stripe.failure import Failure


def held(provider: StripeProvider, **changes: Any) -> tuple[Order, str]:
    asked = order(manual_capture=True, **changes)
    prepared = provider.prepare(asked)
    assert isinstance(prepared, Prepared)
    outcome = provider.execute(asked, prepared.reference)
    assert (outcome.state, outcome.authorized, outcome.settled) == (OutcomeState.AUTHORIZED, 18000, None)
    assert outcome.capture_before is not None
    assert timedelta(days=6) < outcome.capture_before - datetime.now(UTC) < timedelta(days=8)
    return asked, prepared.reference


def capture_order(reference: str, amount: int = 18000, key: str = "k1") -> CaptureOrder:
    return CaptureOrder("p", reference, amount, "AUD", f"{reference}:{key}", time.monotonic() + 10)


def at(url: str) -> StripeProvider:
    return StripeProvider.build(settings(api_base=url), ENVIRONMENT)


def test_an_ordinary_order_asks_for_no_hold(provider: StripeProvider, sandbox: Control) -> None:
    provider.prepare(order())
    provider.prepare(order(manual_capture=True))
    sent = [one["form"] for one in sandbox.ask("requests")["requests"] if one["path"] == "/v1/payment_intents"]
    assert [form.get("capture_method") for form in sent[-2:]] == [None, "manual"]


@pytest.mark.parametrize("amount", [18000, 10000, 1])
def test_captured(provider: StripeProvider, amount: int) -> None:
    asked, reference = held(provider)
    outcome = provider.capture(capture_order(reference, amount))
    assert (outcome.state, outcome.settled, outcome.currency) == (OutcomeState.SUCCEEDED, amount, "AUD")
    assert outcome.transaction is not None and outcome.fee is not None
    again = provider.fetch(asked, reference)
    assert (again.settled, again.evidence) == (amount, outcome.evidence)


def test_captured_once_whatever_the_key(provider: StripeProvider) -> None:
    _, reference = held(provider)
    provider.capture(capture_order(reference, 5000))
    for key in ("k1", "k2"):
        outcome = provider.capture(capture_order(reference, 5000 if key == "k1" else 7000, key))
        assert (outcome.state, outcome.settled) == (OutcomeState.SUCCEEDED, 5000)


def test_let_go(provider: StripeProvider, soon: float) -> None:
    _, reference = held(provider)
    for _ in range(2):
        outcome = provider.void(reference, soon)
        assert (outcome.state, outcome.closed, outcome.reason) == (OutcomeState.DECLINED, True, Reason.CANCELED)
    after = provider.capture(capture_order(reference))
    assert (after.state, after.closed) == (OutcomeState.DECLINED, True)


def test_let_go_after_it_was_captured(provider: StripeProvider, soon: float) -> None:
    _, reference = held(provider)
    provider.capture(capture_order(reference))
    assert provider.void(reference, soon).state is OutcomeState.SUCCEEDED


def test_expired(provider: StripeProvider, sandbox: Control) -> None:
    asked, reference = held(provider)
    sandbox.ask("clock", {"advance": 7 * 86400})
    outcome = provider.fetch(asked, reference)
    assert (outcome.state, outcome.closed, outcome.reason) == (OutcomeState.DECLINED, True, Reason.EXPIRED)


def test_refused_it_is_still_held(provider: StripeProvider) -> None:
    asked, reference = held(provider)
    outcome = provider.capture(capture_order(reference, 18001))
    assert (outcome.state, outcome.closed) == (OutcomeState.DECLINED, False)
    assert provider.fetch(asked, reference).state is OutcomeState.AUTHORIZED
    unknown = provider.capture(capture_order("pi_3NoSuchIntent"))
    assert (unknown.state, unknown.reason) == (OutcomeState.UNKNOWN, Reason.NO_SUCH_OBJECT)


def test_a_browser_may_hold_too(provider: StripeProvider) -> None:
    prepared = provider.prepare(order(None, flow=Flow.BROWSER, manual_capture=True))
    assert isinstance(prepared, Prepared) and prepared.action["client_secret"]


# --- disputes ---------------------------------------------------------------------------------------------------------


def disputed(provider: StripeProvider, sandbox: Control, token: str = "pm_card_createDispute") -> dict[str, Any]:
    asked = order(token)
    prepared = provider.prepare(asked)
    assert isinstance(prepared, Prepared)
    assert provider.execute(asked, prepared.reference).state is OutcomeState.SUCCEEDED
    return next(one for one in sandbox.books("disputes") if one["payment_intent"] == prepared.reference)


def test_a_dispute_as_it_stands(provider: StripeProvider, sandbox: Control, soon: float) -> None:
    made = disputed(provider, sandbox)
    fact = provider.fetch_dispute(made["id"], soon)
    assert fact is not None
    assert (fact.status, fact.amount, fact.currency) == (DisputeStatus.NEEDS_RESPONSE, 18000, "AUD")
    assert (fact.payment_reference, fact.reason, fact.refundable) == (made["payment_intent"], "fraudulent", False)
    [moved] = made["balance_transactions"]
    assert fact.movements == (DisputeMovement(moved["id"], -18000, 2500),)
    assert fact.evidence_due_by == datetime.fromtimestamp(made["evidence_details"]["due_by"], UTC)
    assert fact.labels["tp_gateway_environment"] == "clinic-test", "the charge has the labels of its intent"
    sandbox.ask("dispute", {"payment_intent": made["payment_intent"], "close": "won"})
    after = provider.fetch_dispute(made["id"], soon)
    assert after is not None and after.status is DisputeStatus.WON
    assert [(one.amount, one.fee) for one in after.movements] == [(-18000, 2500), (18000, 0)]


def test_an_inquiry(provider: StripeProvider, sandbox: Control, soon: float) -> None:
    fact = provider.fetch_dispute(disputed(provider, sandbox, "pm_card_createDisputeInquiry")["id"], soon)
    assert fact is not None
    assert (fact.status, fact.movements, fact.refundable) == (DisputeStatus.WARNING_NEEDS_RESPONSE, (), True)


@pytest.mark.parametrize("reference", ["du_1NoSuchDispute", "../payment_intents", "du_1/close"])
def test_no_such_dispute(provider: StripeProvider, soon: float, reference: str) -> None:
    assert provider.fetch_dispute(reference, soon) is None


def changed(**more: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda made: {**made, **more}


@pytest.mark.parametrize(
    "change",
    [
        changed(object="charge"),
        changed(id="du_another"),
        changed(livemode=True),
        changed(status="escalated"),
        changed(amount=0),
        changed(amount="18000"),
        changed(currency="zzz"),
        changed(created=None),
        changed(balance_transactions=None),
        changed(balance_transactions=[{"id": "txn_1", "amount": 1.5, "fee": 0, "currency": "aud"}]),
        changed(balance_transactions=["txn_1"]),
        lambda made: {},
        lambda made: [],
    ],
)
def test_an_answer_that_makes_no_sense_is_no_answer(
    provider: StripeProvider, sandbox: Control, soon: float, change: Callable[[Any], Any]
) -> None:
    made = disputed(provider, sandbox)
    with Canned(http(change(made))) as server, pytest.raises(Failure):
        at(server.url).fetch_dispute(made["id"], soon)


def test_an_account_in_another_currency(provider: StripeProvider, sandbox: Control, soon: float) -> None:
    """The books are in the payment's: what left is what is disputed, and the fee is not ours to convert."""
    made = disputed(provider, sandbox)
    moved = {**made["balance_transactions"][0], "currency": "usd", "amount": -11700, "fee": 1500}
    back = {**moved, "id": "txn_back", "amount": 11900, "fee": 0}
    with Canned(http({**made, "balance_transactions": [moved, back]})) as server:
        fact = at(server.url).fetch_dispute(made["id"], soon)
    assert fact is not None
    assert [(one.amount, one.fee) for one in fact.movements] == [(-18000, 0), (18000, 0)]


def test_the_sweep_finds_a_dispute_and_its_changes(provider: StripeProvider, sandbox: Control, soon: float) -> None:
    made = disputed(provider, sandbox)

    def listed() -> list[str]:
        start, end = datetime.now(UTC) - timedelta(hours=1), datetime.now(UTC) + timedelta(minutes=1)
        seen = [one for one in provider.list_since(start, end, soon) if one.kind == "dispute.listed"]
        assert {(one.subject, one.reference, one.evidence) for one in seen} == {(Subject.DISPUTE, made["id"], None)}
        return [one.event_id for one in seen]

    first = listed()
    assert listed() == first, "the same sight twice is one"
    sandbox.ask("dispute", {"payment_intent": made["payment_intent"], "close": "won"})
    assert listed() != first
