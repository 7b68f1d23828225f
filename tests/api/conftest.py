"""The whole application as a client sees it: webtest in front, a Stripe sandbox over its socket behind, both databases.

`api` is a clinic (tests/clinic.py) with an application: `api.post(path, body)` calls as the patient unless told else.
"""

from __future__ import annotations

import io
import json
import logging
import time
from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import jwt
import pytest
import urllib3
from webtest import TestApp, TestRequest, TestResponse

import tp_gateway
from sandbox.stripe import StripeSandbox
from tests.api import witness
from tests.banking import ACCOUNT
from tests.clinic import MANAGER, PATIENT, WEBHOOK_SECRET, Clinic, sandbox, settings
from tests.invariants import check_invariants
from tp_gateway import config, observability

STATEMENTS = "/api/billing/statements/"
LINES = f"{STATEMENTS}lines/"
ORIGIN = "http://localhost:3000"
JWT_KEY = "test-key-of-the-clinic-with-more-than-32-bytes"
_A_DAY = timedelta(days=1)
Kind = tuple[tuple[str, str], ...]


_IDLE: defaultdict[Kind, list[Any]] = defaultdict(list)
"""Applications that no test uses now. To make Pyramid's part of one takes as long as most tests."""
_OWN = ("tp_gateway.database_url", "tp_gateway.stripe.api_base", "tp_gateway.medicare.api_base")


def application(ini: dict[str, str]) -> tuple[Kind, Any]:
    """With all of its parts new, and with views that were used before where the settings allow it."""
    kind = tuple(sorted((name, value) for name, value in ini.items() if name not in _OWN))
    built_in = witness.BUILT_IN.issuperset(ini["tp_gateway.providers"].split())
    if not (built_in and _IDLE[kind]):
        return kind, tp_gateway.make_app(ini)
    settings = config.load(ini)
    observability.configure_logging(settings.log_level)
    parts = tp_gateway.make_parts(settings)
    app = _IDLE[kind].pop()
    app.registry.update(parts)
    return kind, app


class Api(Clinic):
    """`as_user` chooses whose token is sent, None sends none. `log` is all that was logged, one JSON object a line."""

    def __init__(self, database_url: str, sandbox_url: str, **more: str) -> None:
        self.database_url, self.sandbox_url = database_url, sandbox_url
        ini = settings(database_url, sandbox_url, **{"tp_gateway.cors_origins": ORIGIN, **more})
        self._handlers = list(logging.getLogger().handlers)
        self._kind, app = application(ini)
        self.app = TestApp(app, lint=True)
        self.log = io.StringIO()
        logging.getLogger().handlers[0].setStream(self.log)  # type: ignore[attr-defined]
        self.gateway = self.app.app.registry["gateway"]
        self.database = self.gateway.database

    def close(self) -> None:
        logging.getLogger().handlers[:] = self._handlers
        super().close()
        _IDLE[self._kind].append(self.app.app)

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        as_user: int | None = PATIENT,
        status: int | str = "*",
        headers: dict[str, str] | None = None,
        **environ: str,
    ) -> TestResponse:
        """`body` is sent as JSON, or as it is if it is bytes; `status` is what must come back."""
        sent = {"Authorization": f"Bearer {token(as_user)}"} if as_user is not None else {}
        if body is not None:
            sent["Content-Type"] = "application/json"
        sent.update(headers or {})
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        request = TestRequest.blank(path, environ, method=method, headers=sent, body=data)
        answer = self.app.do_request(request, expect_errors=True)  # which looks at no status
        assert status in ("*", answer.status_code), f"{answer.status}: {answer.text}"
        witness.check(self.app.app.registry, answer)
        return answer

    def post(self, path: str, body: Any = None, **more: Any) -> TestResponse:
        return self.call("POST", path, body, **more)

    def get(self, path: str, **more: Any) -> TestResponse:
        return self.call("GET", path, **more)

    def put(self, path: str, body: Any, **more: Any) -> TestResponse:
        """As a machine, since only machines put."""
        service = self.app.app.registry["verifier"].mint_service_token("django", _A_DAY)
        headers = {"Authorization": f"Bearer {service}", **more.pop("headers", {})}
        return self.call("PUT", path, body, as_user=None, headers=headers, **more)

    def pay_by_http(self, status: int | str = "*", **more: Any) -> TestResponse:
        body = {
            "appointment_id": 123,
            "amount": "180.00",
            "payment_method": "card",
            "payment_method_id": "pm_card_visa",
        }
        headers = more.pop("headers", None)
        as_user = more.pop("as_user", PATIENT)
        return self.post("/api/billing/payments/", body | more, status=status, headers=headers, as_user=as_user)

    def log_lines(self, event: str | None = None) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.log.getvalue().splitlines()]
        return [line for line in lines if event is None or line["event"] == event]

    def finish_in_browser(self, intent: str, method: str = "pm_card_visa") -> dict[str, Any]:
        """What Stripe.js does with the card form: confirm with the publishable key."""
        secret = next(one["client_secret"] for one in self.books()["payment_intents"] if one["id"] == intent)
        form = {"payment_method": method, "client_secret": secret}
        url = f"{self.sandbox_url}/v1/payment_intents/{intent}/confirm"
        headers = {"Authorization": "Bearer pk_test_clinic"}
        answer = urllib3.request("POST", url, body=urlencode(form), headers=headers)
        found: dict[str, Any] = answer.json()
        return found


class Bank(Api):
    """A clinic that takes bank transfers and imports statements."""

    def promise(self, amount: str | None = None, **invoice: Any) -> dict[str, Any]:
        """A transfer that is promised for a new invoice of 180.00 (or of `invoice`)."""
        made = self.invoice(**invoice)
        return self.promise_for(made.id, amount, as_user=made.patient_id)

    def promise_for(self, invoice_id: int, amount: str | None = None, as_user: int = PATIENT) -> dict[str, Any]:
        body = {"payment_method": "bank_transfer"} | ({"amount": amount} if amount else {})
        answer = self.post(f"/api/billing/invoices/{invoice_id}/pay/", body, as_user=as_user, status=200).json
        return dict(answer["payment"])

    def upload(self, data: bytes, status: int = 201, name: str = "March.csv", **more: Any) -> dict[str, Any]:
        as_user = more.pop("as_user", MANAGER)
        headers = {"Content-Type": "text/csv", **more.pop("headers", {})}
        path = f"{STATEMENTS}?filename={name}"
        return dict(self.post(path, data, as_user=as_user, headers=headers, status=status, **more).json)

    def lines(self, query: str = "") -> list[dict[str, Any]]:
        return list(self.get(f"{LINES}{query}", as_user=MANAGER, status=200).json["lines"])

    def line(self) -> dict[str, Any]:
        [found] = self.lines()
        return found

    def match(self, line_id: int, *allocations: dict[str, Any], status: int = 200, **more: Any) -> dict[str, Any]:
        body = {"allocations": list(allocations)}
        return dict(self.post(f"{LINES}{line_id}/match/", body, as_user=MANAGER, status=status, **more).json)

    def unmatch(self, line_id: int, status: int = 200) -> dict[str, Any]:
        return dict(self.post(f"{LINES}{line_id}/unmatch/", as_user=MANAGER, status=status).json)

    def shown(self, payment_id: int) -> dict[str, Any]:
        return dict(self.get(f"/api/billing/payments/{payment_id}/", as_user=MANAGER, status=200).json)

    def due(self, invoice_id: int) -> int:
        query = "SELECT y.amount - y.amount_paid FROM payables y WHERE y.invoice_id = :id"
        return int(self.rows(query, id=invoice_id)[0][0])

    def credit(self, patient_id: int = PATIENT) -> int:
        signed = "CASE WHEN credit = 'patient_credit' THEN amount WHEN debit = 'patient_credit' THEN -amount ELSE 0 END"
        query = f"SELECT COALESCE(SUM({signed}), 0) FROM ledger_entries WHERE patient_id = :id"
        return int(self.rows(query, id=patient_id)[0][0])


def token(user_id: Any, /, *, key: str = JWT_KEY, algorithm: str = "HS256", leave_out: str = "", **claims: Any) -> str:
    """An access token as the clinic's backend issues it, with `claims` changed and `leave_out` left out."""
    now = int(time.time())
    full = {
        "token_type": "access",
        "exp": now + 6 * 3600,  # some are made when the tests are collected, long before they are used
        "iat": now,
        "jti": uuid4().hex,
        "user_id": str(user_id) if isinstance(user_id, int) and not isinstance(user_id, bool) else user_id,
        **claims,
    }
    for name in leave_out.split():
        del full[name]
    return jwt.encode(full, key if algorithm != "none" else None, algorithm)


@pytest.fixture(scope="session")
def stripe_sandbox() -> Iterator[StripeSandbox]:
    with StripeSandbox(port=0, webhook_secrets=(WEBHOOK_SECRET,), check_contract=True) as running:
        yield running
        violations = sandbox(running.url, "GET", "violations")
        assert not violations.get("violations"), violations


@pytest.fixture
def api(database_url: str, stripe_sandbox: StripeSandbox) -> Iterator[Api]:
    sandbox(stripe_sandbox.url, "POST", "reset")
    made = Api(database_url, stripe_sandbox.url)
    made.open()
    made.appointment()
    yield made
    try:
        check_invariants(made.database.engine, made.books(), at_rest=False)
    finally:
        made.close()


@pytest.fixture
def quiet_api(sqlite_database_url: str) -> Iterator[Api]:
    """For what never reaches a provider: SQLite only, and nobody listens where Stripe should be."""
    made = Api(sqlite_database_url, "http://127.0.0.1:1")
    made.open()
    made.appointment()
    yield made
    made.close()


@pytest.fixture
def bank(database_url: str, stripe_sandbox: StripeSandbox) -> Iterator[Bank]:
    sandbox(stripe_sandbox.url, "POST", "reset")
    made = Bank(database_url, stripe_sandbox.url, **ACCOUNT)
    made.open()
    yield made
    try:
        check_invariants(made.database.engine, made.books(), at_rest=False)
    finally:
        made.close()
