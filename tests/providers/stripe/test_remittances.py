"""Payouts as remittances: what they are made of, page after page, and what is not believed."""

from __future__ import annotations

import socket
import time
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from tests.providers.stripe.canned import Canned, http
from tests.providers.stripe.conftest import Control
from tests.providers.stripe.orders import order, refund_order
from tests.providers.stripe.test_charges import paid
from tests.providers.stripe.test_faults import Make
from tp_gateway.contract import Remittance, RemittanceItem, RemittanceKind, RemittanceState
from tp_gateway.providers.stripe import StripeProvider
from tp_gateway.providers.stripe.failure import Failure

SINCE, UNTIL = datetime(2025, 1, 19, tzinfo=UTC), datetime(2025, 1, 20, tzinfo=UTC)
PAYOUT = {
    "id": "po_1",
    "object": "payout",
    "amount": 17664,
    "currency": "aud",
    "arrival_date": 1737417600,
    "automatic": True,
    "livemode": False,
    "statement_descriptor": "CLINIC",
    "status": "paid",
}
MOVED = {
    "id": "txn_1",
    "object": "balance_transaction",
    "type": "charge",
    "amount": 18000,
    "fee": 336,
    "net": 17664,
    "currency": "aud",
    "source": "ch_1",
}
OWN = MOVED | {"id": "txn_2", "type": "payout", "amount": -17664, "fee": 0, "net": -17664, "source": "po_1"}


@pytest.fixture
def at_once(sandbox: Control) -> Control:
    sandbox.ask("settings", {"settlement_days": 0, "payouts": "manual"})
    return sandbox


def now(provider: StripeProvider, soon: float) -> list[Remittance]:
    moment = datetime.now(UTC)
    return list(provider.list_remittances(moment - timedelta(minutes=1), moment + timedelta(seconds=1), soon))


def test_transactions_are_those_that_payments_were_told(
    provider: StripeProvider, at_once: Control, soon: float
) -> None:
    outcomes = [paid(provider, order()) for _ in range(3)]
    refund = provider.refund(refund_order(str(outcomes[1].reference), 700))
    at_once.ask("dispute", {"payment_intent": str(outcomes[2].reference)})
    payout = at_once.ask("payouts", {})["payout"]
    [told] = now(provider, soon)
    assert (told.reference, told.amount, told.currency) == (payout["id"], payout["amount"], "AUD")
    assert (told.state, told.statement_text) == (RemittanceState.IN_TRANSIT, "STRIPE")
    assert sum(item.net for item in told.items) == told.amount
    kinds = [str(item.kind) for item in told.items]
    assert kinds == ["payment", "payment", "payment", "refund", "dispute"]
    assert [item.transaction for item in told.items[:3]] == [one.transaction for one in outcomes]
    assert [item.reference for item in told.items[:3]] == [one.evidence for one in outcomes]
    assert (told.items[3].transaction, told.items[3].reference) == (refund.transaction, refund.reference)
    [dispute] = at_once.books("disputes")
    assert (told.items[4].reference, told.items[4].fee, told.items[4].net) == (dispute["id"], 2500, -20500)


def test_more_than_a_page_of_each(provider: StripeProvider, at_once: Control, soon: float) -> None:
    form = {"amount": "18000", "currency": "aud", "payment_method": "pm_card_visa", "confirm": "true"}
    many = {**form, "return_url": "https://clinic.example/"}
    for _ in range(104):
        at_once.stripe("POST", "/v1/payment_intents", **many)
    first = at_once.ask("payouts", {})["payout"]["id"]
    for _ in range(103):
        at_once.stripe("POST", "/v1/payment_intents", **many)
        at_once.ask("payouts", {})
    told = now(provider, soon + 20)
    assert [len(one.items) for one in told] == [104, *[1] * 103], "oldest first"
    assert told[0].reference == first
    assert all(sum(item.net for item in one.items) == one.amount for one in told)
    items = [item.transaction for one in told for item in one.items]
    assert len(set(items)) == len(items) == 207


def test_paid_failed_and_what_came_back(provider: StripeProvider, at_once: Control, soon: float) -> None:
    paid(provider, order())
    first = at_once.ask("payouts", {})["payout"]["id"]
    for status in ("paid", "failed"):
        at_once.ask("payouts", {"payout": first, "status": status})
        [told] = now(provider, soon)
        assert str(told.state) == status and len(told.items) == 1
    second = at_once.ask("payouts", {})["payout"]["id"]
    failed, again = now(provider, soon)
    assert (failed.reference, again.reference) == (first, second)
    [back] = again.items
    assert (back.kind, back.net, back.reference) == (RemittanceKind.RETURNED, failed.amount, first)


def test_only_those_made_in_that_time(provider: StripeProvider, at_once: Control, soon: float) -> None:
    paid(provider, order())
    at_once.ask("payouts", {})
    moment = datetime.now(UTC)
    assert list(provider.list_remittances(moment - timedelta(days=2), moment - timedelta(days=1), soon)) == []
    assert list(provider.list_remittances(moment + timedelta(hours=1), moment + timedelta(days=1), soon)) == []


# --- answers that were never Stripe's ---------------------------------------------------------------------------------


def listed(make: Make, *pages: list[Any]) -> list[Remittance]:
    """What is told when these pages are answered, one request after the other."""
    left = [http({"object": "list", "data": page, "has_more": False}) for page in pages]

    def reply(connection: socket.socket) -> None:
        connection.sendall(left.pop(0))

    with Canned(reply) as server:
        told = list(make(api_base=server.url).list_remittances(SINCE, UNTIL, time.monotonic() + 5))
        assert not left, "all were asked for"
        return told


def test_what_a_payout_says(make: Make) -> None:
    item = RemittanceItem("txn_1", RemittanceKind.PAYMENT, 18000, 336, 17664, "ch_1")
    whole = Remittance("po_1", 17664, "AUD", date(2025, 1, 21), RemittanceState.PAID, "CLINIC", (item,))
    assert listed(make, [PAYOUT], [OWN, MOVED]) == [whole]


def test_one_made_by_hand_has_no_items_and_is_not_asked_for_them(make: Make) -> None:
    [told] = listed(make, [PAYOUT | {"automatic": False, "statement_descriptor": None}])
    assert (told.items, told.statement_text) == ((), "STRIPE")


@pytest.mark.parametrize(
    ("moved", "kind"),
    [
        ({"type": "payment", "source": "py_1"}, "payment"),
        ({"type": "payment_refund", "source": "pyr_1"}, "refund"),
        ({"type": "refund_failure", "source": "re_1"}, "refund"),
        ({"type": "adjustment", "source": "du_1"}, "dispute"),
        ({"type": "adjustment", "source": {"id": "dp_1"}}, "dispute"),
        ({"type": "adjustment", "source": None}, "other"),
        ({"type": "stripe_fee", "source": None}, "fee"),
        ({"type": "payout_cancel", "source": "po_0"}, "returned"),
        ({"type": "something_new", "source": "xx_1"}, "other"),
    ],
    ids=str,
)
def test_what_an_item_is(make: Make, moved: dict[str, Any], kind: str) -> None:
    [told] = listed(make, [PAYOUT], [MOVED | moved])
    assert str(told.items[0].kind) == kind


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": "tr_1"},
        {"object": "transfer"},
        {"amount": "17664"},
        {"amount": True},
        {"currency": "dollars"},
        {"arrival_date": None},
        {"arrival_date": "tomorrow"},
        {"livemode": True},
        {"status": "sent"},
    ],
    ids=str,
)
def test_a_payout_that_makes_no_sense_is_no_answer(make: Make, wrong: dict[str, Any]) -> None:
    with pytest.raises(Failure):
        listed(make, [PAYOUT | wrong])


@pytest.mark.parametrize(
    "wrong",
    [{"id": "ch_1"}, {"object": "charge"}, {"amount": 1.5}, {"fee": None}, {"net": "1"}, {"currency": "usd"}],
    ids=str,
)
def test_an_item_that_makes_no_sense_is_no_answer(make: Make, wrong: dict[str, Any]) -> None:
    with pytest.raises(Failure):
        listed(make, [PAYOUT], [MOVED | wrong])


def test_a_listing_that_fails_or_takes_too_long_says_so(
    provider: StripeProvider, at_once: Control, soon: float
) -> None:
    paid(provider, order())
    at_once.ask("payouts", {})
    for listing in ("GET /v1/payouts", "GET /v1/balance_transactions"):
        at_once.fault(listing, "error_before")
        with pytest.raises(Failure):
            now(provider, soon)
        at_once.fault(listing, "slow", seconds=5)
        began = time.monotonic()
        with pytest.raises(Failure):
            now(provider, began + 0.3)
        assert time.monotonic() - began < 3
