"""Which function answers which operation. A table; the functions live with their resources."""

import re
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

from sandbox.stripe import (
    account,
    bank_debits,
    charges,
    customers,
    disputes,
    payment_intents,
    payment_methods,
    payouts,
    refunds,
    setup_intents,
    webhook_endpoints,
)
from sandbox.stripe.api_call import Call
from sandbox.stripe.books import Object


class Route(NamedTuple):
    operation: str  # its name in params.json
    function: Callable[[Call], Object]
    kind: str  # what it answers with, or a list of
    listed: bool = False
    browser: bool = False  # open to publishable keys (docs.stripe.com/keys)


def _resource(path: str, kind: str, module: object, *, browser: bool = False, without: str = "") -> list[Route]:
    names = {
        "create": f"POST {path}",
        "every": f"GET {path}",
        "retrieve": f"GET {path}/*",
        "update": f"POST {path}/*",
        "delete": f"DELETE {path}/*",
    }
    return [
        Route(operation, getattr(module, name), kind, listed=name == "every", browser=browser and name == "retrieve")
        for name, operation in names.items()
        if hasattr(module, name) and name not in without.split()
    ]


ROUTES: list[Route] = [
    *_resource("/v1/payment_intents", "payment_intent", payment_intents, browser=True),
    Route("POST /v1/payment_intents/*/confirm", payment_intents.confirm, "payment_intent", browser=True),
    Route("POST /v1/payment_intents/*/cancel", payment_intents.cancel, "payment_intent"),
    Route("POST /v1/payment_intents/*/capture", payment_intents.capture, "payment_intent"),
    *_resource("/v1/charges", "charge", charges),
    *_resource("/v1/refunds", "refund", refunds),
    Route("POST /v1/refunds/*/cancel", refunds.cancel, "refund"),
    *_resource("/v1/customers", "customer", customers),
    Route("GET /v1/customers/*/payment_methods", customers.methods, "payment_method", listed=True),
    Route("GET /v1/customers/*/payment_methods/*", customers.method, "payment_method"),
    *_resource("/v1/payment_methods", "payment_method", payment_methods, without="create"),
    Route("POST /v1/payment_methods", payment_methods.create, "payment_method", browser=True),
    Route("POST /v1/payment_methods/*/attach", payment_methods.attach, "payment_method"),
    Route("POST /v1/payment_methods/*/detach", payment_methods.detach, "payment_method"),
    *_resource("/v1/setup_intents", "setup_intent", setup_intents, browser=True),
    Route("POST /v1/setup_intents/*/confirm", setup_intents.confirm, "setup_intent", browser=True),
    Route("POST /v1/setup_intents/*/cancel", setup_intents.cancel, "setup_intent"),
    Route("GET /v1/mandates/*", bank_debits.mandate, "mandate"),
    Route("GET /v1/setup_attempts", setup_intents.tries, "setup_attempt", listed=True),
    Route("GET /v1/balance_transactions", account.transactions, "balance_transaction", listed=True),
    Route("GET /v1/balance_transactions/*", account.transaction, "balance_transaction"),
    Route("GET /v1/balance", account.balance, "balance"),
    *_resource("/v1/payouts", "payout", payouts),
    Route("GET /v1/account", account.account, "account"),
    Route("GET /v1/events", webhook_endpoints.events, "event", listed=True),
    Route("GET /v1/events/*", webhook_endpoints.event, "event"),
    *_resource("/v1/webhook_endpoints", "webhook_endpoint", webhook_endpoints),
    *_resource("/v1/disputes", "dispute", disputes),
    Route("POST /v1/disputes/*/close", disputes.close, "dispute"),
]


@cache
def _patterns() -> list[tuple[re.Pattern[str], Route]]:
    return [(re.compile(re.escape(route.operation).replace(r"\*", "([^/]+)") + "$"), route) for route in ROUTES]


def find(method: str, path: str) -> tuple[Route, list[str]] | None:
    """The route of a request and the ids in its path."""
    line = f"{method} {path}"
    for pattern, route in _patterns():
        match = pattern.match(line)
        if match:
            return route, list(match.groups())
    return None
