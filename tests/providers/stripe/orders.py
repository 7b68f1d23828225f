"""Orders as the core would give them. No fixtures and no assertions here."""

import time
import uuid
from typing import Any

from tp_gateway.contract import Environment, Flow, MethodOrder, Order, Payer, RefundOrder, fields
from tp_gateway.providers.stripe import StripeProvider

ENVIRONMENT = Environment("clinic-test", production=False)
SECRET = "whsec_sandbox"


def settings(**changes: Any) -> dict[str, Any]:
    given = {"api_key": "sk_test_ourKey123456", "webhook_secret": SECRET, **changes}
    return fields.validate(StripeProvider.manifest.settings_schema, given)


def order(method: str | None = "pm_card_visa", seconds: float = 10, **changes: Any) -> Order:
    key = str(uuid.uuid4())
    facts: dict[str, Any] = {
        "id": key,
        "flow": Flow.DIRECT,
        "amount": 18000,
        "currency": "AUD",
        "idempotency_key": key,
        "deadline": time.monotonic() + seconds,
        "method_reference": method,
        "labels": {"payment": key, "payable": "7"},
    }
    return Order(**{**facts, **changes})


def refund_order(payment: str, amount: int = 5000, **changes: Any) -> RefundOrder:
    key = str(uuid.uuid4())
    facts: dict[str, Any] = {
        "id": key,
        "payment_reference": payment,
        "amount": amount,
        "currency": "AUD",
        "idempotency_key": f"{key}:refund",
        "deadline": time.monotonic() + 10,
    }
    return RefundOrder(**{**facts, **changes})


def method_order(method: str, payer: Payer) -> MethodOrder:
    return MethodOrder(payer, method, time.monotonic() + 10)


def payer(reference: str | None = None) -> Payer:
    return Payer(str(uuid.uuid4()), reference)
