"""What the reverse sweep is told: everything of ours since a moment, and nothing of another installation."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.providers.stripe.conftest import Control
from tests.providers.stripe.orders import order, refund_order
from tests.providers.stripe.test_charges import paid, prepared
from tests.providers.stripe.test_faults import Make
from tp_gateway.contract import Environment, Flow, OutcomeState, Subject
from tp_gateway.providers.stripe import StripeProvider
from tp_gateway.providers.stripe.failure import Failure


def test_everything_of_ours_with_the_truth(make: Make, provider: StripeProvider, sandbox: Control, soon: float) -> None:
    since = datetime.now(UTC) - timedelta(minutes=1)
    orders = [order(), order(), order("pm_card_visa_chargeDeclined"), order(), order(None, flow=Flow.BROWSER)]
    outcomes = [paid(provider, one) for one in orders[:3]]
    provider.refund(refund_order(str(outcomes[1].reference), 700))
    unconfirmed, browser = prepared(provider, orders[3]), prepared(provider, orders[4])
    paid(make(Environment("other-clinic", production=False)), order())
    sandbox.stripe("POST", "/v1/payment_intents", amount="5000", currency="aud")

    until = datetime.now(UTC) + timedelta(seconds=1)
    heard = list(provider.list_since(since, until, soon))
    observations = [one for one in heard if one.evidence]
    seen = {str(one.reference): one for one in observations}
    assert len(seen) == len(observations) == 5
    assert all(one.subject is Subject.PAYMENT for one in heard)
    assert {one.event_id[:4] for one in heard if not one.evidence} == {"evt_"}, "as a webhook names it"
    # The core closes what is too old to be still worked on.
    assert all(one.occurred_at and one.occurred_at > since for one in observations)
    for an_order, reference in zip(orders, [*(one.reference for one in outcomes), unconfirmed, browser], strict=True):
        assert seen[str(reference)].labels["tp_gateway_payment"] == an_order.id
    first, second = (seen[str(one.reference)].evidence for one in outcomes[:2])
    assert first == outcomes[0]
    assert second and second.settled == 18000 and [fact.amount for fact in second.refunds] == [700]
    declined, never = seen[str(outcomes[2].reference)].evidence, seen[unconfirmed].evidence
    # A list does not know who was to finish it; that nothing was taken and it can still be charged is what counts.
    assert declined and declined.state is OutcomeState.NEEDS_ACTION and declined.action == {}
    assert never and never.state is OutcomeState.NOT_SENT

    again = list(provider.list_since(since, until, soon))
    assert [one.event_id for one in again] == [one.event_id for one in heard]
    assert list(provider.list_since(until + timedelta(hours=1), until + timedelta(hours=2), soon)) == []
    assert list(provider.list_since(since - timedelta(hours=1), since, soon)) == []


def test_a_new_refund_of_an_old_payment_is_heard_of(provider: StripeProvider, sandbox: Control, soon: float) -> None:
    reference = str(paid(provider, order()).reference)
    sandbox.ask("clock", {"advance": 40 * 86400})
    sandbox.ask("refund", {"payment_intent": reference, "amount": 700})
    since = datetime.now(UTC) + timedelta(days=39)
    heard = list(provider.list_since(since, since + timedelta(days=2), soon))
    assert "refund.created" in {one.kind for one in heard}
    assert all((one.subject, one.reference, one.evidence) == (Subject.PAYMENT, reference, None) for one in heard)


def test_a_listing_that_fails_says_so(provider: StripeProvider, sandbox: Control, soon: float) -> None:
    for listing in ("GET /v1/payment_intents", "GET /v1/events"):
        sandbox.fault(listing, "error_before")
        with pytest.raises(Failure):
            list(provider.list_since(datetime.now(UTC) - timedelta(hours=1), datetime.now(UTC), soon))
