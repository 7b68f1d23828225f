"""Who may talk to the sandbox, from where and about what."""

import json

import pytest
import stripe

from sandbox.stripe import StripeSandbox
from tests.sandbox.helpers import RETURN, Raw, client


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "example.com"])
def test_only_loopback(host: str) -> None:
    with pytest.raises(ValueError, match="loopback"):
        StripeSandbox(host=host)


@pytest.mark.parametrize(
    "header",
    [
        "Bearer sk_live_1",
        "Bearer rk_live_1",
        "Bearer pk_live_1",
        "Bearer nonsense",
        "",
        "Basic c2tfbGl2ZV8xOg==",
        "Basic !",
        "Digest sk_test_1",
    ],
)
def test_refused_keys(raw: Raw, header: str) -> None:
    status, headers, body = raw.call("GET", "/v1/balance", Authorization=header)
    assert (status, json.loads(body)["error"]["type"]) == (401, "invalid_request_error")
    assert headers["request-id"]


def test_basic_authentication(raw: Raw) -> None:
    assert raw.call("GET", "/v1/balance", Authorization="Basic c2tfdGVzdF8xOg==")[0] == 200


def test_what_a_browser_may_do(sandbox: StripeSandbox, api: stripe.StripeClient) -> None:
    browser = client(sandbox.url, "pk_test_clinic")
    intent = api.v1.payment_intents.create({"amount": 5000, "currency": "aud"})
    method = browser.v1.payment_methods.create({"type": "card", "card": {"token": "tok_visa"}})
    secret = {"client_secret": intent.client_secret}
    assert browser.v1.payment_intents.retrieve(intent.id, secret).id == intent.id
    confirmed = browser.v1.payment_intents.confirm(intent.id, {**secret, "payment_method": method.id, **RETURN})
    assert confirmed.status == "succeeded"
    for wrong in ({}, {"client_secret": f"{intent.id}_secret_guess"}):
        with pytest.raises(stripe.InvalidRequestError) as caught:
            browser.v1.payment_intents.retrieve(intent.id, wrong)
        assert caught.value.param == "client_secret"
    for forbidden in (
        lambda: browser.v1.payment_intents.create({"amount": 5000, "currency": "aud"}),
        browser.v1.payment_intents.list,
        lambda: browser.v1.payment_intents.cancel(intent.id),
        lambda: browser.v1.refunds.create({"payment_intent": intent.id}),
    ):
        with pytest.raises(stripe.AuthenticationError):
            forbidden()


def test_browsers_may_call_from_any_page(raw: Raw) -> None:
    status, headers, _ = raw.call("OPTIONS", "/v1/payment_methods")
    assert (status, headers["access-control-allow-origin"]) == (204, "*")


def test_reset_and_unknown_controls(api: stripe.StripeClient, raw: Raw) -> None:
    api.v1.customers.create({})
    raw.control("POST", "reset")
    assert not any(raw.control("GET", "books").values())
    assert raw.call("GET", "/_sandbox/nonsense")[0] == 404
    assert raw.call("POST", "/_sandbox/deliveries", '{"mode": "sideways"}', Content_Type="application/json")[0] == 400
