"""One sandbox for all these tests, emptied after each; whatever went over the wire must have kept Stripe's document."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import urllib3

from sandbox.stripe import StripeSandbox
from tests.providers.stripe.orders import ENVIRONMENT, settings
from tp_gateway.contract import Environment
from tp_gateway.providers.stripe import StripeProvider


@dataclass
class Control:
    """The sandbox, spoken to by its control API."""

    sandbox: StripeSandbox
    pool: urllib3.PoolManager

    @property
    def url(self) -> str:
        return self.sandbox.url

    def ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        url = f"{self.url}/_sandbox/{path}"
        answer = self.pool.request("GET", url) if body is None else self.pool.request("POST", url, json=body)
        assert answer.status == 200, answer.data
        return answer.json()

    def fault(self, match: str, kind: str, **more: Any) -> None:
        self.ask("faults", {"match": match, "kind": kind, **more})

    def books(self, kind: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.ask("books")[kind]
        return found

    def requests(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.ask("requests")["requests"]
        return found

    def answer_bank(self, reference: str, outcome: str) -> None:
        """The customer on the bank's page."""
        self.ask(f"challenge/{reference}", {"outcome": outcome})

    def stripe(self, method: str, path: str, key: str = "sk_test_helper", **form: str) -> Any:
        """A call to Stripe that is not the gateway's: a browser's, or a hand's."""
        headers = {"Authorization": f"Bearer {key}"}
        return self.pool.request_encode_body(
            method, self.url + path, fields=form, headers=headers, encode_multipart=False
        ).json()

    def card(self, token: str) -> str:
        """What Stripe's card form gives the frontend for a test card."""
        made: str = self.stripe("POST", "/v1/payment_methods", type="card", **{"card[token]": token})["id"]
        return made


@pytest.fixture(scope="session")
def running() -> Iterator[Control]:
    pool = urllib3.PoolManager(retries=False)
    with StripeSandbox(port=0, check_contract=True) as sandbox:
        yield Control(sandbox, pool)
    pool.clear()


@pytest.fixture
def sandbox(running: Control) -> Iterator[Control]:
    yield running
    assert running.ask("violations")["violations"] == []
    running.ask("reset", {})


@pytest.fixture
def provider(sandbox: Control) -> StripeProvider:
    return StripeProvider.build(settings(api_base=sandbox.url), ENVIRONMENT)


@pytest.fixture
def make(sandbox: Control) -> Callable[..., StripeProvider]:
    def make(environment: Environment = ENVIRONMENT, **changes: Any) -> StripeProvider:
        return StripeProvider.build(settings(**{"api_base": sandbox.url, **changes}), environment)

    return make


@pytest.fixture
def soon() -> float:
    return time.monotonic() + 10
