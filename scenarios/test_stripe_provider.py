"""What the gateway asks of Stripe, from a paid card to a hold that is let go; see the package's text."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.providers.stripe.orders import method_order, payer, refund_order
from tests.providers.stripe.orders import order as some_order
from tp_gateway.contract import (
    CaptureOrder,
    Flow,
    Order,
    Outcome,
    OutcomeState,
    Prepared,
    Reason,
    RefundState,
    SavedMethod,
)
from tp_gateway.providers.stripe import StripeProvider

AMOUNT = 18000


def order(method: str | None = "pm_card_visa", **changes: Any) -> Order:
    made = some_order(method, seconds=40, **changes)
    return replace(made, labels={"tp_gateway_payment": made.id, "tp_gateway_payable": "7"})


def prepared(provider: StripeProvider, an_order: Order) -> str:
    made = provider.prepare(an_order)
    assert isinstance(made, Prepared), made
    return made.reference


def paid(provider: StripeProvider, an_order: Order) -> Outcome:
    return provider.execute(an_order, prepared(provider, an_order))


def reference(outcome: Outcome) -> str:
    assert outcome.reference, outcome
    return outcome.reference


def capture_order(an_order: Order, of: str, amount: int) -> CaptureOrder:
    key = f"{an_order.idempotency_key}:capture"
    return CaptureOrder(an_order.id, of, amount, an_order.currency, key, time.monotonic() + 40)


def eventually(look: Callable[[], Any]) -> Any:
    """The first true value: Stripe's accounts and lists may lag behind its answers."""
    limit = time.monotonic() + 60
    while not (found := look()):
        assert time.monotonic() < limit, "it did not come about in a minute"
        time.sleep(0.05)  # between two looks; nothing depends on its length
    return found


def test_the_key_works(provider: StripeProvider, soon: float) -> None:
    health = provider.check(soon)
    assert health.ok, health


def test_a_card_is_charged(provider: StripeProvider) -> None:
    an_order = order()
    outcome = paid(provider, an_order)
    assert (outcome.state, outcome.settled, outcome.currency) == (OutcomeState.SUCCEEDED, AMOUNT, "AUD")
    assert outcome.evidence and outcome.receipt_url
    booked = eventually(lambda: (found := provider.fetch(an_order, outcome.reference)).transaction and found)
    assert booked.settled == AMOUNT and booked.fee and booked.evidence == outcome.evidence


def test_repeating_each_step_charges_once(provider: StripeProvider) -> None:
    an_order = order()
    of = prepared(provider, an_order)
    assert prepared(provider, an_order) == of
    first = provider.execute(an_order, of)
    again = provider.execute(an_order, of)
    assert (again.state, again.evidence, again.settled) == (first.state, first.evidence, AMOUNT)


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("pm_card_visa_chargeDeclined", Reason.CARD_DECLINED),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", Reason.INSUFFICIENT_FUNDS),
        ("pm_card_chargeDeclinedExpiredCard", Reason.CARD_DECLINED),
        ("pm_card_chargeDeclinedIncorrectCvc", Reason.CARD_DECLINED),
        ("pm_card_chargeDeclinedProcessingError", Reason.CARD_DECLINED),
    ],
)
def test_a_decline_is_definite_and_can_be_closed(
    provider: StripeProvider, soon: float, token: str, reason: Reason
) -> None:
    an_order = order(token)
    outcome = paid(provider, an_order)
    assert (outcome.state, outcome.reason, outcome.closed) == (OutcomeState.DECLINED, reason, False)
    closed = provider.close(order(), reference(outcome))
    assert (closed.state, closed.closed) == (OutcomeState.DECLINED, True)
    after = provider.fetch(an_order, outcome.reference)
    assert (after.state, after.closed) == (OutcomeState.DECLINED, True)


@pytest.mark.parametrize("token", ["pm_nothing", "pm_1NothingOfThisNameAtAll"])
def test_a_method_that_is_not_there(provider: StripeProvider, token: str) -> None:
    an_order = order(token)
    made = provider.prepare(an_order)
    outcome = made if isinstance(made, Outcome) else provider.execute(an_order, made.reference)
    assert (outcome.state, outcome.reason) == (OutcomeState.DECLINED, Reason.INVALID_METHOD)


def test_the_bank_asks_the_customer(provider: StripeProvider, soon: float) -> None:
    an_order = order("pm_card_threeDSecure2Required")
    outcome = paid(provider, an_order)
    assert outcome.state is OutcomeState.NEEDS_ACTION
    assert outcome.action["client_secret"].startswith(f"{outcome.reference}_secret_")
    assert provider.fetch(an_order, outcome.reference).state is OutcomeState.NEEDS_ACTION
    assert provider.close(order(), reference(outcome)).closed
    assert provider.fetch(an_order, outcome.reference).reason is Reason.CANCELED


def test_the_browser_finishes(provider: StripeProvider, soon: float) -> None:
    made = provider.prepare(order(None, flow=Flow.BROWSER))
    assert isinstance(made, Prepared)
    assert made.action["client_secret"].startswith(f"{made.reference}_secret_")
    assert provider.close(order(), made.reference).closed


def test_a_card_is_saved_while_paying_and_charged_without_the_customer(provider: StripeProvider, soon: float) -> None:
    first = paid(provider, order(payer=payer(), save_method=True))
    saved = first.saved_method
    assert first.state is OutcomeState.SUCCEEDED and isinstance(saved, SavedMethod) and saved.payer
    assert (saved.kind, saved.details["brand"], saved.details["last4"]) == ("card", "visa", "4242")
    assert [one.reference for one in provider.list_methods(saved.payer, soon)] == [saved.reference]

    later = paid(provider, order(saved.reference, flow=Flow.OFF_SESSION, payer=payer(saved.payer)))
    assert (later.state, later.settled) == (OutcomeState.SUCCEEDED, AMOUNT)

    provider.drop_method(saved.reference, soon)
    provider.drop_method(saved.reference, soon)
    assert provider.list_methods(saved.payer, soon) == []
    gone = order(saved.reference, flow=Flow.OFF_SESSION, payer=payer(saved.payer))
    made = provider.prepare(gone)
    outcome = made if isinstance(made, Outcome) else provider.execute(gone, made.reference)
    assert (outcome.state, outcome.reason) == (OutcomeState.DECLINED, Reason.INVALID_METHOD)


def test_a_saved_card_declines_later(provider: StripeProvider) -> None:
    saved = provider.save_method(method_order("pm_card_chargeCustomerFail", payer()))
    assert isinstance(saved, SavedMethod) and saved.payer
    outcome = paid(provider, order(saved.reference, flow=Flow.OFF_SESSION, payer=payer(saved.payer)))
    assert (outcome.state, outcome.reason) == (OutcomeState.DECLINED, Reason.CARD_DECLINED)


def test_the_bank_wants_the_customer_for_a_saved_card(provider: StripeProvider) -> None:
    an_order = order("pm_card_authenticationRequired", flow=Flow.OFF_SESSION)
    outcome = paid(provider, an_order)
    assert (outcome.state, outcome.reason) == (OutcomeState.NEEDS_ACTION, Reason.AUTHENTICATION_REQUIRED)


def test_refunded_in_parts(provider: StripeProvider) -> None:
    an_order = order()
    payment = reference(paid(provider, an_order))
    part, rest = refund_order(payment, 5000), refund_order(payment, AMOUNT - 5000)
    first = provider.refund(part)
    assert first.state in (OutcomeState.SUCCEEDED, OutcomeState.PENDING) and first.settled == 5000
    assert provider.refund(part).reference == first.reference, "the same order, the same refund"
    assert provider.refund(rest).settled == AMOUNT - 5000
    facts = provider.fetch(an_order, payment).refunds
    assert {(fact.amount, fact.our_id) for fact in facts} == {(5000, part.id), (AMOUNT - 5000, rest.id)}
    assert all(fact.state is not RefundState.FAILED for fact in facts)
    too_much = provider.refund(refund_order(payment, 1))
    assert (too_much.state, too_much.reason) == (OutcomeState.DECLINED, Reason.REJECTED)


def test_refunded_wholly(provider: StripeProvider) -> None:
    payment = reference(paid(provider, order()))
    outcome = provider.refund(refund_order(payment, AMOUNT))
    assert outcome.state in (OutcomeState.SUCCEEDED, OutcomeState.PENDING) and outcome.settled == AMOUNT


def test_nothing_to_refund(provider: StripeProvider) -> None:
    outcome = provider.refund(refund_order(prepared(provider, order())))
    assert (outcome.state, outcome.reason) == (OutcomeState.DECLINED, Reason.REJECTED)


@pytest.mark.parametrize("amount", [AMOUNT, 7000])
def test_a_hold_is_captured_once(provider: StripeProvider, amount: int) -> None:
    an_order = order(manual_capture=True)
    held = paid(provider, an_order)
    assert (held.state, held.authorized, held.settled) == (OutcomeState.AUTHORIZED, AMOUNT, None)
    assert held.capture_before and held.capture_before > datetime.now(UTC)
    wanted = capture_order(an_order, reference(held), amount)
    taken = provider.capture(wanted)
    assert (taken.state, taken.settled) == (OutcomeState.SUCCEEDED, amount)
    again = provider.capture(replace(wanted, idempotency_key=f"{wanted.idempotency_key}:2"))
    assert (again.state, again.settled, again.evidence) == (OutcomeState.SUCCEEDED, amount, taken.evidence)
    assert provider.fetch(an_order, held.reference).settled == amount


def test_a_hold_is_let_go(provider: StripeProvider, soon: float) -> None:
    an_order = order(manual_capture=True)
    held = reference(paid(provider, an_order))
    for _ in range(2):
        outcome = provider.void(held, soon)
        assert (outcome.state, outcome.closed) == (OutcomeState.DECLINED, True)
    assert provider.capture(capture_order(an_order, held, AMOUNT)).state is OutcomeState.DECLINED


def test_closing_what_succeeded_tells_the_truth(provider: StripeProvider, soon: float) -> None:
    outcome = paid(provider, order())
    closed = provider.close(order(), reference(outcome))
    assert (closed.state, closed.settled, closed.evidence) == (OutcomeState.SUCCEEDED, AMOUNT, outcome.evidence)


def test_found_by_our_id(provider: StripeProvider) -> None:
    an_order = order()
    outcome = paid(provider, an_order)
    found = eventually(lambda: (one := provider.fetch(an_order, None)).reference and one)
    assert (found.reference, found.state, found.settled) == (outcome.reference, OutcomeState.SUCCEEDED, AMOUNT)
    missing = provider.fetch(order(), None)
    assert (missing.state, missing.reason) == (OutcomeState.UNKNOWN, Reason.NO_SUCH_OBJECT)


def test_listed_since(provider: StripeProvider) -> None:
    since = datetime.now(UTC) - timedelta(seconds=5)
    good, bad = order(), order("pm_card_visa_chargeDeclined")
    outcomes = {good.id: paid(provider, good), bad.id: paid(provider, bad)}

    def listed() -> dict[str, Outcome]:
        until = datetime.now(UTC) + timedelta(seconds=1)
        heard = provider.list_since(since, until, time.monotonic() + 40)
        found = {one.labels["tp_gateway_payment"]: one.evidence for one in heard if one.evidence}
        return {key: found[key] for key in outcomes} if outcomes.keys() <= found.keys() else {}

    seen = eventually(listed)
    assert (seen[good.id].state, seen[good.id].settled) == (OutcomeState.SUCCEEDED, AMOUNT)
    assert seen[bad.id].settled is None and seen[bad.id].reference == outcomes[bad.id].reference
