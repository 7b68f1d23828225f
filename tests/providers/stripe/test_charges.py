"""prepare, execute, close, fetch: what each road of a card payment comes to."""

import pytest

from tests.providers.stripe.conftest import Control
from tests.providers.stripe.orders import order, payer, refund_order
from tp_gateway.contract import Flow, Order, Outcome, OutcomeState, Prepared, Reason, SavedMethod
from tp_gateway.providers.stripe import StripeProvider


def prepared(provider: StripeProvider, an_order: Order) -> str:
    made = provider.prepare(an_order)
    assert isinstance(made, Prepared), made
    return made.reference


def paid(provider: StripeProvider, an_order: Order) -> Outcome:
    return provider.execute(an_order, prepared(provider, an_order))


def test_a_card_is_charged_in_two_steps(provider: StripeProvider, sandbox: Control) -> None:
    an_order = order()
    made = provider.prepare(an_order)
    assert isinstance(made, Prepared)
    assert made.reference.startswith("pi_") and made.action == {}
    assert sandbox.books("charges") == []

    outcome = provider.execute(an_order, made.reference)

    charge = sandbox.books("charges")[0]
    assert (outcome.state, outcome.settled, outcome.currency) == (OutcomeState.SUCCEEDED, 18000, "AUD")
    assert (outcome.reference, outcome.evidence) == (made.reference, charge["id"])
    assert outcome.transaction == charge["balance_transaction"] and outcome.fee
    assert outcome.receipt_url == charge["receipt_url"]
    assert outcome.saved_method is None and not outcome.closed and outcome.reason is Reason.NONE
    assert provider.fetch(an_order, made.reference) == outcome


def test_repeating_a_step_changes_nothing(provider: StripeProvider, sandbox: Control) -> None:
    an_order = order()
    reference = prepared(provider, an_order)
    assert prepared(provider, an_order) == reference
    first = provider.execute(an_order, reference)
    assert provider.execute(an_order, reference) == first
    assert len(sandbox.books("charges")) == 1
    keys = {request["idempotency_key"] for request in sandbox.requests() if request["method"] == "POST"}
    assert keys == {f"{an_order.idempotency_key}:prepare", f"{an_order.idempotency_key}:execute"}


def test_accounts_may_come_late(provider: StripeProvider, sandbox: Control) -> None:
    sandbox.ask("balance", {"late_seconds": None})
    an_order = order()
    outcome = paid(provider, an_order)
    assert outcome.state is OutcomeState.SUCCEEDED and outcome.evidence
    assert outcome.transaction is None and outcome.fee is None
    sandbox.ask("balance", {"post": True})
    later = provider.fetch(an_order, outcome.reference)
    assert later.transaction and later.fee


@pytest.mark.catalogue(33)
@pytest.mark.parametrize(
    ("token", "reason", "code", "message"),
    [
        (
            "visa_chargeDeclinedInsufficientFunds",
            Reason.INSUFFICIENT_FUNDS,
            "insufficient_funds",
            "Insufficient funds",
        ),
        ("visa_chargeDeclined", Reason.CARD_DECLINED, "generic_decline", "Card was declined"),
        ("visa_chargeDeclinedStolenCard", Reason.CARD_DECLINED, "stolen_card", "Card was declined"),
        ("visa_chargeDeclinedLostCard", Reason.CARD_DECLINED, "lost_card", "Card was declined"),
        ("chargeDeclinedFraudulent", Reason.CARD_DECLINED, "fraudulent", "Card was declined"),
        ("chargeDeclinedExpiredCard", Reason.CARD_DECLINED, "expired_card", "Card was declined"),
        ("chargeDeclinedIncorrectCvc", Reason.CARD_DECLINED, "incorrect_cvc", "Card was declined"),
        ("chargeDeclinedProcessingError", Reason.CARD_DECLINED, "processing_error", "Card was declined"),
    ],
)
def test_a_decline_says_little_to_the_patient(
    provider: StripeProvider, soon: float, token: str, reason: Reason, code: str, message: str
) -> None:
    an_order = order(f"pm_card_{token}")
    outcome = paid(provider, an_order)
    assert (outcome.state, outcome.closed) == (OutcomeState.DECLINED, False)
    assert (outcome.reason, outcome.provider_code, outcome.message) == (reason, code, message)
    assert provider.fetch(an_order, outcome.reference) == outcome

    closed = provider.close(order(), str(outcome.reference))
    assert (closed.state, closed.closed, closed.reason) == (OutcomeState.DECLINED, True, reason)
    assert provider.fetch(an_order, outcome.reference) == closed


def test_processing_is_pending(provider: StripeProvider, sandbox: Control, soon: float) -> None:
    sandbox.ask("settings", {"processing_seconds": 3600})
    an_order = order()
    outcome = paid(provider, an_order)
    assert outcome.state is OutcomeState.PENDING and outcome.settled is None
    assert provider.close(order(), str(outcome.reference)).state is OutcomeState.PENDING
    sandbox.ask("clock", {"advance": 3601})
    assert provider.fetch(an_order, outcome.reference).state is OutcomeState.SUCCEEDED


@pytest.mark.catalogue(30)
def test_three_d_secure_by_stripe_js(provider: StripeProvider, sandbox: Control) -> None:
    an_order = order("pm_card_threeDSecure2Required")
    outcome = paid(provider, an_order)
    assert outcome.state is OutcomeState.NEEDS_ACTION
    assert outcome.action["type"] == "use_stripe_sdk" and outcome.action["status"] == "requires_action"
    assert outcome.action["client_secret"].startswith(f"{outcome.reference}_secret_")
    assert outcome.action["stripe_sdk_url"].endswith(f"/_sandbox/challenge/{outcome.reference}")
    assert provider.fetch(an_order, outcome.reference) == outcome
    sandbox.answer_bank(str(outcome.reference), "complete")
    assert provider.fetch(an_order, outcome.reference).state is OutcomeState.SUCCEEDED


def test_three_d_secure_by_redirect_and_failed(provider: StripeProvider, sandbox: Control) -> None:
    an_order = order("pm_card_threeDSecure2Required", parameters={"return_url": "https://clinic.example/back"})
    outcome = paid(provider, an_order)
    assert outcome.action["type"] == "redirect_to_url" and outcome.action["redirect_url"].startswith("http")
    sandbox.answer_bank(str(outcome.reference), "fail")
    outcome = provider.fetch(an_order, outcome.reference)
    assert (outcome.state, outcome.closed) == (OutcomeState.DECLINED, False)
    assert (outcome.reason, outcome.message) == (Reason.AUTHENTICATION_FAILED, "Card was declined")


def test_the_browser_finishes_it(provider: StripeProvider, sandbox: Control, soon: float) -> None:
    an_order = order(None, flow=Flow.BROWSER)
    made = provider.prepare(an_order)
    assert isinstance(made, Prepared)
    assert made.action["type"] == "confirm_in_browser" and made.action["status"] == "requires_payment_method"
    secret = made.action["client_secret"]
    waiting = provider.fetch(an_order, made.reference)
    assert waiting.state is OutcomeState.NEEDS_ACTION and waiting.reason is Reason.NONE
    assert waiting.action == made.action

    confirm = f"/v1/payment_intents/{made.reference}/confirm"
    sandbox.stripe(
        "POST", confirm, "pk_test_browser", client_secret=secret, payment_method="pm_card_visa_chargeDeclined"
    )
    failed = provider.fetch(an_order, made.reference)
    assert (failed.state, failed.reason) == (OutcomeState.NEEDS_ACTION, Reason.CARD_DECLINED)
    assert failed.message == "Card was declined" and failed.action["client_secret"] == secret

    sandbox.stripe("POST", confirm, "pk_test_browser", client_secret=secret, payment_method="pm_card_visa")
    assert provider.fetch(an_order, made.reference).state is OutcomeState.SUCCEEDED
    assert provider.close(order(), made.reference).state is OutcomeState.SUCCEEDED


def test_staff_charge_a_saved_card(provider: StripeProvider, sandbox: Control) -> None:
    first = order(payer=payer(), save_method=True)
    saved = paid(provider, first).saved_method
    assert isinstance(saved, SavedMethod) and saved.payer
    an_order = order(saved.reference, flow=Flow.OFF_SESSION, payer=payer(saved.payer))
    assert paid(provider, an_order).state is OutcomeState.SUCCEEDED
    confirm = sandbox.requests()[-1]
    assert confirm["form"]["off_session"] == "true" and "use_stripe_sdk" not in confirm["form"]


def test_a_bank_that_wants_the_customer_makes_it_pending(
    provider: StripeProvider, sandbox: Control, soon: float
) -> None:
    first = order("pm_card_authenticationRequired", payer=payer(), save_method=True)
    sandbox.answer_bank(str(paid(provider, first).reference), "complete")
    saved = provider.fetch(first, sandbox.books("payment_intents")[0]["id"]).saved_method
    assert isinstance(saved, SavedMethod)

    an_order = order(saved.reference, flow=Flow.OFF_SESSION, payer=payer(saved.payer))
    outcome = paid(provider, an_order)
    assert (outcome.state, outcome.reason) == (OutcomeState.NEEDS_ACTION, Reason.AUTHENTICATION_REQUIRED)
    assert outcome.action["payment_method"] == saved.reference
    assert outcome.action["type"] == "confirm_in_browser" and outcome.message

    sandbox.stripe(
        "POST",
        f"/v1/payment_intents/{outcome.reference}/confirm",
        "pk_test_browser",
        client_secret=outcome.action["client_secret"],
        payment_method=outcome.action["payment_method"],
        use_stripe_sdk="true",
    )
    assert provider.fetch(an_order, outcome.reference).state is OutcomeState.NEEDS_ACTION
    sandbox.answer_bank(str(outcome.reference), "complete")
    assert provider.fetch(an_order, outcome.reference).state is OutcomeState.SUCCEEDED


def test_off_session_declines_are_declines(provider: StripeProvider) -> None:
    an_order = order("pm_card_chargeCustomerFail", flow=Flow.OFF_SESSION)
    outcome = paid(provider, an_order)
    assert (outcome.state, outcome.reason) == (OutcomeState.DECLINED, Reason.CARD_DECLINED)


def test_closing_an_unconfirmed_intent(provider: StripeProvider, sandbox: Control, soon: float) -> None:
    an_order = order()
    reference = prepared(provider, an_order)
    unconfirmed = provider.fetch(an_order, reference)
    assert (unconfirmed.state, unconfirmed.closed) == (OutcomeState.NOT_SENT, False)
    for _ in range(2):
        closed = provider.close(order(), reference)
        assert (closed.state, closed.closed, closed.reason) == (OutcomeState.DECLINED, True, Reason.CANCELED)
    assert sandbox.books("payment_intents")[0]["cancellation_reason"] == "abandoned"
    after = provider.execute(an_order, reference)
    assert (after.state, after.closed) == (OutcomeState.DECLINED, True)


def test_closing_what_succeeded_tells_the_truth(provider: StripeProvider, soon: float) -> None:
    outcome = paid(provider, order())
    assert provider.close(order(), str(outcome.reference)) == outcome


def test_executing_what_succeeded_tells_the_truth(provider: StripeProvider) -> None:
    an_order = order()
    outcome = paid(provider, an_order)
    # Another key, as if the first had been forgotten by Stripe after a day.
    again = order(id=an_order.id)
    assert provider.execute(again, outcome.reference) == outcome


def test_an_order_is_found_by_our_id(provider: StripeProvider) -> None:
    prepared(provider, order())
    an_order = order()
    outcome = paid(provider, an_order)
    prepared(provider, order())
    assert provider.fetch(an_order, None) == outcome
    missing = provider.fetch(order(), None)
    assert (missing.state, missing.reason) == (OutcomeState.UNKNOWN, Reason.NO_SUCH_OBJECT)


@pytest.mark.parametrize("reference", ["pi_nothing", "pi_1/../../account", "pi_1?x=1", ""])
def test_no_such_object_proves_nothing(provider: StripeProvider, soon: float, reference: str) -> None:
    for outcome in (
        provider.fetch(order(), reference),
        provider.close(order(), reference),
        provider.execute(order(), reference),
    ):
        assert (outcome.state, outcome.reason) == (OutcomeState.UNKNOWN, Reason.NO_SUCH_OBJECT)


def test_a_refused_request_is_for_an_operator(provider: StripeProvider) -> None:
    outcome = provider.prepare(order(amount=1))
    assert isinstance(outcome, Outcome)
    assert (outcome.state, outcome.closed, outcome.reason) == (OutcomeState.DECLINED, True, Reason.REJECTED)
    assert outcome.message == "" and outcome.provider_code == "amount_too_small"


@pytest.mark.catalogue(65)
def test_cards_that_cannot_be_used(provider: StripeProvider, sandbox: Control) -> None:
    spent = sandbox.card("tok_visa")
    assert paid(provider, order(spent)).state is OutcomeState.SUCCEEDED
    others = paid(provider, order(payer=payer(), save_method=True)).saved_method
    assert others
    for method in (spent, others.reference, "pm_nothing"):
        an_order = order(method)
        made = provider.prepare(an_order)
        outcome = provider.execute(an_order, made.reference) if isinstance(made, Prepared) else made
        assert (outcome.state, outcome.reason) == (OutcomeState.DECLINED, Reason.INVALID_METHOD), method
        assert outcome.message and method not in outcome.message
    assert len([charge for charge in sandbox.books("charges") if charge["paid"]]) == 2


def test_every_refund_is_told(provider: StripeProvider, sandbox: Control) -> None:
    an_order = order("pm_card_pendingRefund")
    outcome = paid(provider, an_order)
    ours = refund_order(str(outcome.reference), 100)
    provider.refund(ours)
    for _ in range(11):
        sandbox.ask("refund", {"payment_intent": outcome.reference, "amount": 200})
    told = provider.fetch(an_order, outcome.reference)
    assert told.state is OutcomeState.SUCCEEDED and told.settled == 18000
    assert len(told.refunds) == 12 and sum(fact.amount for fact in told.refunds) == 2300
    assert [fact.amount for fact in told.refunds if fact.our_id == ours.id] == [100]
    # More than the charge carries inside: one listing.
    assert [request["path"] for request in sandbox.requests()][-1] == "/v1/refunds"


@pytest.mark.catalogue(85)
def test_only_opaque_ids_leave(provider: StripeProvider, sandbox: Control) -> None:
    an_order = order(payer=payer(), save_method=True)
    outcome = paid(provider, an_order)
    provider.refund(refund_order(str(outcome.reference)))
    create, customer = {}, {}
    for request in sandbox.requests():
        if request["method"] == "POST" and request["path"] == "/v1/payment_intents":
            create = request["form"]
        if request["path"] == "/v1/customers":
            customer = request["form"]
    assert an_order.payer
    assert customer == {"metadata": {"tp_gateway_environment": "clinic-test", "tp_gateway_payer": an_order.payer.key}}
    assert create == {
        "amount": "18000",
        "currency": "aud",
        "customer": outcome.payer,
        "payment_method": "pm_card_visa",
        "allowed_payment_method_types": ["card"],
        "setup_future_usage": "off_session",
        "metadata": {
            "payment": an_order.id,
            "payable": "7",
            "tp_gateway_environment": "clinic-test",
            "tp_gateway_payment": an_order.id,
        },
    }
