"""What starts and what is refused at start; nothing that we print holds a secret."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
import stripe

from tests.providers.stripe.conftest import Control
from tests.providers.stripe.orders import ENVIRONMENT, order, settings
from tests.providers.stripe.test_charges import paid
from tp_gateway.contract import ConfigurationError, Environment, Provider, fields
from tp_gateway.errors import ValidationError
from tp_gateway.providers.stripe import StripeProvider, tp_gateway_providers

PRODUCTION = Environment("clinic", production=True)
LIVE = {"api_key": "sk_live_abcDEF123", "webhook_secret": "whsec_abc"}


def test_the_contract_is_kept(provider: StripeProvider) -> None:
    assert list(tp_gateway_providers()) == [StripeProvider]
    assert isinstance(provider, Provider)
    manifest = StripeProvider.manifest
    assert (manifest.slug, manifest.method, manifest.contract_version) == ("stripe", "card", 1)
    assert {"AUD", "NZD", "USD", "GBP", "EUR", "JPY"} <= manifest.currencies
    for name in manifest.capabilities.members():
        assert callable(getattr(provider, name))
    secret = {node.name for node in manifest.settings_schema if getattr(node, "secret", False)}
    assert secret == {"api_key", "webhook_secret"}
    for example in manifest.examples:
        assert fields.validate(manifest.parameters_schema, dict(example)) == example


@pytest.mark.catalogue(87)
@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"api_key": "sk_test_abcDEF123"}, "api_key"),
        ({"api_key": "rk_test_abcDEF123"}, "api_key"),
        ({"webhook_secret": ""}, "webhook_secret"),
        ({"webhook_secret": " , "}, "webhook_secret"),
        ({"api_base": "https://stripe.example"}, "api_base"),
        ({"api_base": "http://127.0.0.1:4242"}, "api_base"),
        ({"publishable_key": "pk_test_x"}, "publishable_key"),
    ],
)
def test_unsafe_in_production(changes: dict[str, str], named: str) -> None:
    assert StripeProvider.build(settings(**LIVE), PRODUCTION)
    with pytest.raises(ConfigurationError, match=named) as refused:
        StripeProvider.build(settings(**{**LIVE, **changes}), PRODUCTION)
    assert "abcDEF123" not in str(refused.value)


def test_a_live_key_goes_nowhere_else() -> None:
    with pytest.raises(ConfigurationError, match="api_base"):
        StripeProvider.build(settings(**LIVE, api_base="http://127.0.0.1:1"), ENVIRONMENT)


def test_the_library_may_not_print_in_production(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRIPE_LOG", "debug")
    with pytest.raises(ConfigurationError, match="STRIPE_LOG"):
        StripeProvider.build(settings(**LIVE), PRODUCTION)


@pytest.mark.parametrize(
    "changes",
    [
        {"api_key": "pk_test_secretValue"},
        {"api_key": "secretValue"},
        {"api_key": "sk_test_secretValue\nX: y"},
        {"webhook_secret": "secretValue"},
        {"webhook_secret": "whsec_a,secretValue"},
        {"publishable_key": "sk_test_secretValue"},
        {"api_base": "http://secretValue.example"},
        {"api_base": "ftp://localhost"},
        {"api_base": "https://user:secretValue@api.stripe.com"},
        {"connect_timeout": "nan"},
        {"connect_timeout": "0"},
        {"read_timeout": "inf"},
        {"read_timeout": "-1"},
        {"pool_size": "0"},
        {"pool_size": "secretValue"},
        {"unknown": "x"},
    ],
    ids=str,
)
def test_settings_that_cannot_work(changes: dict[str, str]) -> None:
    with pytest.raises(ValidationError) as refused:
        settings(**changes)
    assert isinstance(refused.value.details, dict) and refused.value.details.keys() == changes.keys()
    assert "secretValue" not in str(refused.value.details)


@pytest.mark.parametrize(
    ("given", "accepted"),
    [
        ({}, True),
        ({"payment_method_types": ["card"]}, True),
        ({"return_url": "https://clinic.example/paid?a=1#b"}, True),
        ({"return_url": "http://localhost:3000/paid"}, True),
        ({"payment_method_types": []}, False),
        ({"payment_method_types": ["card", "card"]}, False),
        ({"payment_method_types": ["au_becs_debit"]}, False),
        ({"payment_method_types": "card"}, False),
        ({"payment_method_types": {"card": 1}}, False),
        ({"return_url": "http://clinic.example/"}, False),
        ({"return_url": "http://localhost.evil.example/"}, False),
        ({"return_url": "javascript:alert(1)"}, False),
        ({"return_url": "https://a@b.example/"}, False),
        ({"return_url": "https://b.example\\@a/"}, False),
        ({"return_url": "https://[::1"}, False),
        ({"return_url": "https://b.example:x/"}, False),
        ({"return_url": "https://b.example/" + "x" * 500}, False),
        ({"return_url": 7}, False),
        ({"confirm": True}, False),
    ],
    ids=str,
)
def test_parameters(given: dict[str, Any], accepted: bool) -> None:
    if accepted:
        assert fields.validate(StripeProvider.manifest.parameters_schema, given) == given
    else:
        with pytest.raises(ValidationError):
            fields.validate(StripeProvider.manifest.parameters_schema, given)


@pytest.mark.catalogue(82)
def test_nothing_secret_is_shown_or_logged(
    make: Callable[..., StripeProvider], sandbox: Control, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("stripe", "urllib3"):
        caplog.set_level(logging.DEBUG, logger=name)
    provider = make(api_key="sk_test_canaryKey", webhook_secret="whsec_canarySecret")
    outcome = paid(provider, order("pm_card_threeDSecure2Required"))
    secret = outcome.action["client_secret"]
    shown = repr(provider) + str(provider) + repr(provider._client) + caplog.text
    assert caplog.text  # urllib3 did log its lines
    for canary in ("canary", secret, "_secret_"):
        assert canary not in shown


def test_the_library_is_left_alone(provider: StripeProvider, soon: float) -> None:
    assert provider.check(soon).ok
    assert stripe.api_key is None and stripe.default_http_client is None and stripe.max_network_retries == 2
    assert stripe.enable_telemetry is False
