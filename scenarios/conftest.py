"""The provider under test, and which Stripe it talks to."""

import os
import time
import uuid
from collections.abc import Iterator

import pytest

from sandbox.stripe import StripeSandbox
from tests.providers.stripe.orders import settings
from tp_gateway.contract import Environment
from tp_gateway.providers.stripe import StripeProvider

KEY = os.environ.get("STRIPE_TEST_KEY", "")


@pytest.fixture(scope="session")
def api() -> Iterator[dict[str, str]]:
    """The settings that say which Stripe; test mode only."""
    if KEY:
        if not KEY.startswith(("sk_test_", "rk_test_")):
            pytest.exit("STRIPE_TEST_KEY must be a key of Stripe's test mode (sk_test_… or rk_test_…)", returncode=2)
        yield {"api_key": KEY}
        return
    with StripeSandbox(check_contract=True) as sandbox:
        yield {"api_base": sandbox.url}
        assert sandbox.contract is not None
        assert sandbox.contract.violations() == []


@pytest.fixture(scope="session")
def environment() -> Environment:
    """Of this run alone, so that what earlier runs left at Stripe is another installation's."""
    return Environment(f"scenario-{uuid.uuid4()}", production=False)


@pytest.fixture(scope="session")
def provider(api: dict[str, str], environment: Environment) -> StripeProvider:
    return StripeProvider.build(settings(**api), environment)


@pytest.fixture
def soon() -> float:
    return time.monotonic() + 40
