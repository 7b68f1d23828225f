"""One sandbox for most tests, emptied after each; whatever a test sent and got is held to Stripe's document."""

from collections.abc import Iterator

import pytest
import stripe

from sandbox.stripe import StripeSandbox
from tests.sandbox.helpers import Raw, Receiver, client


@pytest.fixture(scope="session")
def shared_sandbox() -> Iterator[StripeSandbox]:
    with StripeSandbox(check_contract=True, delivery_backoff=(0.01, 0.01, 0.01)) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(shared_sandbox: StripeSandbox) -> Iterator[StripeSandbox]:
    yield shared_sandbox
    found = Raw(shared_sandbox.url).control("GET", "violations")
    shared_sandbox.reset()
    assert found["violations"] == []


@pytest.fixture
def api(sandbox: StripeSandbox) -> stripe.StripeClient:
    return client(sandbox.url)


@pytest.fixture
def raw(sandbox: StripeSandbox) -> Raw:
    return Raw(sandbox.url)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()
