"""Giving money back, and keeping cards."""

import time
from dataclasses import replace

import pytest

from tests.providers.stripe.conftest import Control
from tests.providers.stripe.orders import method_order, order, payer, refund_order
from tests.providers.stripe.test_charges import paid
from tp_gateway.contract import Outcome, OutcomeState, Payer, Prepared, Reason, RefundState, SavedMethod
from tp_gateway.providers.stripe import StripeProvider
from tp_gateway.providers.stripe.failure import Failure


def test_a_part_is_refunded_once_per_key(provider: StripeProvider, sandbox: Control) -> None:
    an_order = order()
    payment = str(paid(provider, an_order).reference)
    part = refund_order(payment, 8000, labels={"refund_of": "12"})
    outcome = provider.refund(part)
    assert provider.refund(part) == outcome
    assert (outcome.state, outcome.settled, outcome.currency) == (OutcomeState.SUCCEEDED, 8000, "AUD")
    assert outcome.reference == outcome.evidence and str(outcome.reference).startswith("re_")
    assert outcome.transaction
    made = sandbox.books("refunds")
    assert len(made) == 1 and made[0]["reason"] == "requested_by_customer"
    assert made[0]["metadata"] == {
        "refund_of": "12",
        "tp_gateway_refund": part.id,
        "tp_gateway_environment": "clinic-test",
    }
    (fact,) = provider.fetch(an_order, payment).refunds
    assert (fact.reference, fact.amount, fact.state, fact.our_id) == (
        outcome.reference,
        8000,
        RefundState.SUCCEEDED,
        part.id,
    )


def test_more_than_is_left_is_rejected(provider: StripeProvider) -> None:
    payment = str(paid(provider, order()).reference)
    for amount, state in ((18001, OutcomeState.DECLINED), (18000, OutcomeState.SUCCEEDED), (1, OutcomeState.DECLINED)):
        outcome = provider.refund(refund_order(payment, amount))
        assert outcome.state is state
        assert state is OutcomeState.SUCCEEDED or outcome.reason is Reason.REJECTED


def test_nothing_to_refund(provider: StripeProvider) -> None:
    made = provider.prepare(order())
    assert isinstance(made, Prepared)
    for payment in (made.reference, "pi_nothing"):
        outcome = provider.refund(refund_order(payment))
        assert (outcome.state, outcome.reason) == (OutcomeState.DECLINED, Reason.REJECTED)


def test_late_refunds(provider: StripeProvider, sandbox: Control) -> None:
    an_order = order("pm_card_pendingRefund")
    payment = str(paid(provider, an_order).reference)
    assert provider.refund(refund_order(payment)).state is OutcomeState.PENDING
    assert [fact.state for fact in provider.fetch(an_order, payment).refunds] == [RefundState.PENDING]
    sandbox.ask("clock", {"advance": 10})
    assert [fact.state for fact in provider.fetch(an_order, payment).refunds] == [RefundState.SUCCEEDED]


def test_failed_refunds(provider: StripeProvider, sandbox: Control) -> None:
    an_order = order("pm_card_refundFail")
    payment = str(paid(provider, an_order).reference)
    assert provider.refund(refund_order(payment)).state is OutcomeState.SUCCEEDED
    sandbox.ask("clock", {"advance": 10})
    (fact,) = provider.fetch(an_order, payment).refunds
    assert (fact.state, fact.provider_code) == (RefundState.FAILED, "expired_or_canceled_card")


@pytest.mark.catalogue(50)
@pytest.mark.parametrize("kind", ["lost", "error_after"])
def test_a_lost_refund_answer_is_unknown_and_found(provider: StripeProvider, sandbox: Control, kind: str) -> None:
    an_order = order()
    payment = str(paid(provider, an_order).reference)
    sandbox.fault("POST /v1/refunds", kind)
    a_refund = refund_order(payment)
    assert provider.refund(a_refund).state is OutcomeState.UNKNOWN
    assert [fact.our_id for fact in provider.fetch(an_order, payment).refunds] == [a_refund.id]


def test_saving_while_paying(provider: StripeProvider, sandbox: Control, soon: float) -> None:
    an_order = order(payer=payer(), save_method=True)
    made = provider.prepare(an_order)
    assert isinstance(made, Prepared) and made.payer
    assert provider.prepare(an_order) == made
    outcome = provider.execute(an_order, made.reference)
    assert outcome.payer == made.payer and len(sandbox.books("customers")) == 1
    saved = outcome.saved_method
    assert saved and saved.kind == "card" and saved.payer == made.payer and saved.fingerprint
    assert saved.details == {"brand": "visa", "last4": "4242", "exp_month": 12, "exp_year": 2035}
    assert provider.list_methods(made.payer, soon) == [saved]


def test_saving_without_paying(provider: StripeProvider, sandbox: Control, soon: float) -> None:
    who = payer()
    saved = provider.save_method(method_order(sandbox.card("tok_mastercard"), who))
    assert isinstance(saved, SavedMethod) and saved.payer and saved.details["brand"] == "mastercard"
    who = replace(who, reference=saved.payer)
    second = provider.save_method(method_order(sandbox.card("tok_amex"), who))
    assert isinstance(second, SavedMethod)
    assert {method.reference for method in provider.list_methods(saved.payer, soon)} == {
        saved.reference,
        second.reference,
    }
    assert len(sandbox.books("customers")) == 1 and sandbox.books("charges") == []
    # The same card again: nothing changes.
    assert provider.save_method(method_order(second.reference, who)) == second

    provider.drop_method(saved.reference, soon)
    provider.drop_method(saved.reference, soon)
    provider.drop_method("pm_nothing", soon)
    assert provider.list_methods(saved.payer, soon) == [second]
    outcome = provider.save_method(method_order(saved.reference, who))
    assert isinstance(outcome, Outcome) and outcome.reason is Reason.INVALID_METHOD


def test_the_bank_may_ask_when_a_card_is_saved(provider: StripeProvider, sandbox: Control, soon: float) -> None:
    outcome = provider.save_method(method_order(sandbox.card("tok_authenticationRequiredOnSetup"), payer()))
    assert isinstance(outcome, Outcome) and outcome.state is OutcomeState.NEEDS_ACTION and outcome.payer
    assert outcome.action["client_secret"].startswith(f"{outcome.reference}_secret_")
    assert provider.list_methods(outcome.payer, soon) == []
    sandbox.answer_bank(str(outcome.reference), "complete")
    assert len(provider.list_methods(outcome.payer, soon)) == 1


def test_cards_that_cannot_be_saved(provider: StripeProvider, sandbox: Control) -> None:
    declined = provider.save_method(method_order("pm_card_visa_chargeDeclinedInsufficientFunds", payer()))
    assert isinstance(declined, Outcome)
    assert (declined.state, declined.reason) == (OutcomeState.DECLINED, Reason.INSUFFICIENT_FUNDS)
    others = provider.save_method(method_order(sandbox.card("tok_visa"), payer()))
    assert isinstance(others, SavedMethod)
    taken = provider.save_method(method_order(others.reference, payer()))
    assert isinstance(taken, Outcome)
    assert (taken.state, taken.reason) == (OutcomeState.DECLINED, Reason.INVALID_METHOD)


def test_a_card_that_could_not_be_dropped_is_said(provider: StripeProvider, sandbox: Control, soon: float) -> None:
    saved = provider.save_method(method_order("pm_card_visa", payer()))
    assert isinstance(saved, SavedMethod) and saved.payer
    sandbox.fault("POST /v1/payment_methods/*/detach", "lock_timeout")
    with pytest.raises(Failure):
        provider.drop_method(saved.reference, soon)
    assert provider.list_methods(saved.payer, soon) == [saved]


def test_many_cards_and_none(provider: StripeProvider, sandbox: Control, soon: float) -> None:
    assert provider.list_methods("cus_nothing", soon) == []
    customer = sandbox.stripe("POST", "/v1/customers")["id"]
    for _ in range(3):
        method = sandbox.card("tok_visa")
        sandbox.stripe("POST", f"/v1/payment_methods/{method}/attach", customer=customer)
    pages = provider._client.pages(f"/v1/customers/{customer}/payment_methods", soon, {"limit": 2, "type": "card"})
    assert len(list(pages)) == len(provider.list_methods(customer, soon)) == 3


def test_no_time_left_is_not_sent(provider: StripeProvider, sandbox: Control) -> None:
    late = time.monotonic() - 1
    outcome = provider.refund(refund_order("pi_1", deadline=late))
    assert (outcome.state, outcome.reason) == (OutcomeState.NOT_SENT, Reason.UNREACHABLE)
    assert not provider.check(late).ok
    saved = provider.save_method(replace(method_order("pm_card_visa", Payer("key")), deadline=late))
    assert isinstance(saved, Outcome) and saved.state is OutcomeState.NOT_SENT
    assert sandbox.requests() == []
