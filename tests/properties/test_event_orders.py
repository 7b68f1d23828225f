"""The provider promises no order of its events and sends some of them twice. Whatever comes when, one thing is true in
the end."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest

from sandbox.stripe import StripeSandbox
from tests.invariants import check_invariants
from tests.properties.conftest import Fresh, Rewinding
from tests.properties.world import REFUND_SECONDS, World
from tp_gateway.contract import Flow
from tp_gateway.registry import GuardedProvider

BANK_SECONDS = 600
THREE_D_SECURE, PENDING_REFUND = "pm_card_authenticationRequired", "pm_card_pendingRefund"
SIX = [
    "payment_intent.created",
    "payment_intent.requires_action",
    "payment_intent.payment_failed",  # of the first attempt
    "payment_intent.processing",
    "payment_intent.succeeded",
    "refund.updated",
]
ORDERS = list(itertools.permutations(range(6)))
SOME_ORDERS = ORDERS[::24]
FEW_ORDERS = SOME_ORDERS[::2]
CONTENTS = {
    "payments": "state, captured, refunded, evidence, transaction_id, reason, needs_review, late_success, reference",
    "payables": "amount_paid, open",
    "ledger_entries": "kind, debit, credit, amount, currency, evidence",
    "refunds": "state, amount, reference, reopen",
    "transitions": "payment_id, refund_id, from_state, to_state",
    "outbox_messages": "topic",
    "inbox_events": "event_id, kind",
}
"""What must be the same after every order. (Not the number of times that we looked.)"""


@pytest.fixture
def world(fresh: Fresh, stripe_sandbox: StripeSandbox) -> Iterator[World]:
    with fresh() as url:
        made = World(url, stripe_sandbox.url)
        begin(made)
        yield made
        made.close()


@pytest.mark.catalogue(39)
@pytest.mark.long
def test_some_orders_of_the_events_end_in_one_state(world: World, rewinding: Rewinding) -> None:
    end_in_one_state(world, rewinding, SOME_ORDERS)


@pytest.mark.soak
@pytest.mark.catalogue(39)
def test_all_720_orders(world: World, rewinding: Rewinding) -> None:
    end_in_one_state(world, rewinding, ORDERS)


@pytest.mark.catalogue(39)
@pytest.mark.catalogue(40)
def test_events_that_arrive_before_our_own_answer_is_written(
    world: World, rewinding: Rewinding, monkeypatch: pytest.MonkeyPatch
) -> None:
    overtaken_by_events(world, rewinding, monkeypatch, FEW_ORDERS)


@pytest.mark.soak
@pytest.mark.catalogue(39)
@pytest.mark.catalogue(40)
def test_every_order_before_our_own_answer_is_written(
    world: World, rewinding: Rewinding, monkeypatch: pytest.MonkeyPatch
) -> None:
    overtaken_by_events(world, rewinding, monkeypatch, ORDERS)


def end_in_one_state(world: World, rewinding: Rewinding, orders: Sequence[tuple[int, ...]]) -> None:
    """The customer did it all in the browser and we heard of nothing: then the events come."""
    waiting = world.pay(flow=Flow.BROWSER, amount=18000)
    world.confirm_in_browser(waiting.body["reference"], THREE_D_SECURE)
    events = the_rest_of_it(world, waiting.body["reference"])
    assert [row.state for row in world.rows("SELECT state FROM payments")] == ["awaiting_customer"]
    put_back, first = rewinding(world.database), None
    for number, order in enumerate(orders):
        put_back()
        arrive(world, [events[index] for index in order], number)
        found = contents(world)
        if first is None:
            first = found
            check_the_end(world, waiting.id)
        assert found == first, f"order {order}"


def overtaken_by_events(
    world: World, rewinding: Rewinding, monkeypatch: pytest.MonkeyPatch, orders: Sequence[tuple[int, ...]]
) -> None:
    """The process that confirmed the payment is slow: before it writes down that the bank asks, everything is over and
    told by events. Its old news changes nothing, and its caller hears the truth."""
    ways: dict[str, Any] = {}
    execute = GuardedProvider.execute

    def slow(provider: GuardedProvider, order: Any, reference: str | None) -> Any:
        outcome = execute(provider, order, reference)
        events = the_rest_of_it(world, str(reference))
        arrive(world, [events[index] for index in ways["order"]], ways["number"])
        return outcome

    monkeypatch.setattr(GuardedProvider, "execute", slow)
    put_back = rewinding(world.database)
    for number, order in enumerate(orders):
        put_back()
        world.empty_the_sandbox()
        ways |= {"number": number, "order": order}
        paid = world.pay(method_id=THREE_D_SECURE)
        assert paid.body["status"] == "succeeded", f"order {order}"
        check_the_end(world, paid.id)


def begin(world: World) -> None:
    world.begin().appointment()


def the_rest_of_it(world: World, intent: str) -> list[dict[str, Any]]:
    """The bank asks; the customer fails, takes another card, and it succeeds after a while; a part is given back, which
    also takes a while. Returns the six events of it, as they happened."""
    world.change_sandbox(processing_seconds=BANK_SECONDS)
    world.answer_the_bank(intent, "fail")
    world.confirm_in_browser(intent, PENDING_REFUND)
    world.let_pass(timedelta(seconds=BANK_SECONDS + 1))
    world.refund_in_the_dashboard(intent, 5000)
    world.let_pass(timedelta(seconds=REFUND_SECONDS + 1))
    world.change_sandbox(processing_seconds=0)
    of_it = [event for event in world.events() if is_about(event, intent) and event["type"] in SIX]
    assert sorted(event["type"] for event in of_it) == sorted(SIX)
    return sorted(of_it, key=lambda event: SIX.index(event["type"]))


def is_about(event: dict[str, Any], intent: str) -> bool:
    thing = event["data"]["object"]
    return intent in (thing["id"], thing.get("payment_intent"))


def arrive(world: World, events: Sequence[dict[str, Any]], number: int) -> None:
    """In this order; some twice, at once or after the rest; the worker wakes between some. `number` chooses."""
    wakes, doubled = number * 37 % 64, number * 11 % 64
    again = [event for position, event in enumerate(events) if doubled >> position & 1]
    if number % 2:
        deliveries = [*events, *again]
    else:
        deliveries = [one for event in events for one in [event] * (2 if event in again else 1)]
    for position, event in enumerate(deliveries):
        world.deliver(event)
        if wakes >> position % 6 & 1:
            world.gateway.inbox.work()
    world.gateway.inbox.work()


def contents(world: World) -> dict[str, list[tuple[Any, ...]]]:
    return {
        table: sorted((tuple(row) for row in world.rows(f"SELECT {columns} FROM {table}")), key=repr)
        for table, columns in CONTENTS.items()
    }


def check_the_end(world: World, payment_id: int) -> None:
    payment = world.payment(payment_id)
    assert (payment.state, payment.captured, payment.refunded) == ("succeeded", 18000, 5000)
    assert {row.state for row in world.rows("SELECT state FROM inbox_events")} == {"applied"}
    check_invariants(world.database.engine, world.books())
