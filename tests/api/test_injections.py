"""What would be code somewhere else, in every field and every query parameter that there is: refused, or kept as it
is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from tests.api.conftest import Api
from tests.clinic import MANAGER, PATIENT

PAY = "/api/billing/payments/"
CARD = {"payment_method": "card", "payment_method_id": "pm_card_visa"}
ACCOUNT = {"bank_name": "CBA", "account_name": "Casey", "bsb": "062-000", "account_number": "87654321"}
STRINGS = [
    "' OR 1=1--",
    '"; DROP TABLE payments; --',
    "1) UNION SELECT account_sealed FROM payment_methods--",
    "${jndi:ldap://127.0.0.1/x}",
    "{{7*7}}",
    "%(id)s",
    "{0.__class__}",
    "../../etc/passwd",
    "<script>alert(1)</script>",
]
BODIES: dict[str, dict[str, Any]] = {
    PAY: {"appointment_id": 123, "amount": "180.00", "currency": "AUD", "description": "", "metadata": {"a": "b"}}
    | CARD,
    "/api/billing/stripe/create-payment-intent/": {"appointment_id": 123, "amount": 18000, "description": ""},
    "/api/billing/stripe/confirm-payment/": {"payment_intent_id": "pi_1", "appointment_id": 123},
    "/api/billing/payment-methods/": {"type": "bank_account", "bank_account": ACCOUNT},
    f"{PAY}1/refund/": {"amount": "1.00", "reason": ""},
}
QUERIES = ("patient_id", "invoice_id", "appointment_id", "status", "method", "limit", "before_id")
OURS = re.compile(r"SELECT|sqlite|psycopg|syntax|Traceback|tp_gateway", re.IGNORECASE)


def changed(body: Any, text: str) -> Iterator[tuple[str, Any]]:
    """The body with one of its leaves replaced by `text`, for each leaf."""
    for name, value in body.items():
        if isinstance(value, dict):
            for inner, deeper in changed(value, text):
                yield f"{name}.{inner}", body | {name: deeper}
        else:
            yield name, body | {name: text}


def text_of_errors(answer: Any, sent: str) -> str:
    """What we say ourselves: not what the client wrote and gets back."""
    return str(answer.text).replace(sent, "") if answer.status_code >= 400 else ""


@pytest.mark.catalogue(73)
@pytest.mark.parametrize("text", STRINGS)
def test_in_every_field_of_every_body(quiet_api: Api, text: str) -> None:
    tried = 0
    for path, body in BODIES.items():
        who = MANAGER if "refund" in path else PATIENT
        for field, one in changed(body, text):
            answer = quiet_api.post(path, one, as_user=who)
            assert answer.status_code in (201, 400, 404, 409, 503), (path, field, answer.text)
            assert not OURS.search(text_of_errors(answer, text)), (path, field, answer.text)
            tried += 1
    assert tried > 15
    for table in ("payments", "payment_methods", "users"):
        assert quiet_api.rows(f"SELECT count(*) AS rows FROM {table}"), table
    kept = {row.description for row in quiet_api.rows("SELECT description FROM payments")}
    assert text in kept and kept <= {text, ""}
    quiet_api.pay_by_http(status=503)


@pytest.mark.catalogue(73)
@pytest.mark.parametrize("text", STRINGS)
def test_in_every_query_parameter_header_and_path(quiet_api: Api, text: str) -> None:
    for name in QUERIES:
        answer = quiet_api.get(f"{PAY}?{name}={quote(text)}", status=400)
        assert answer.json["code"] == "validation_error" and text not in answer.text
    assert quiet_api.get(f"{PAY}?{quote(text)}=1", status=400).json["code"] == "validation_error"
    assert quiet_api.get(f"{PAY}{quote(text, safe='')}/", status=404).json["code"] == "not_found"
    headers = {"X-Request-Id": text, "User-Agent": text, "Origin": text}
    answer = quiet_api.get(PAY, headers=headers, status=200)
    assert text not in str(dict(answer.headers))
