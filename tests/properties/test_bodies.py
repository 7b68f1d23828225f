"""Whatever is sent to whatever route: an answer, never a crash, and each refusal in the shape that the API promises."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import colander
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.stripe import StripeSandbox
from tests.api.conftest import Api, token
from tests.clinic import ADMIN, MANAGER, NOON, PATIENT, PSYCHOLOGIST, sandbox
from tests.conftest import SHORT
from tests.medicare.conftest import YESTERDAY, bulk_bill, consent
from tests.properties.conftest import Fresh
from tests.properties.profiles import fixed, searching
from tests.properties.world import signed
from tp_gateway.errors import TITLES
from tp_gateway.providers.medicare.evidence import EvidenceFields
from tp_gateway.providers.medicare.parameters import BulkBillFields, RebateFields
from tp_gateway.views import (
    capture,
    intents,
    invoice_operations,
    invoices,
    payment_methods,
    payments,
    practice,
    refund_files,
    refunds,
    settings,
    statements,
)
from tp_gateway.views.errors import STATUSES
from tp_gateway.views.schemas import Nothing

SERVICE = 0
"""In place of a user: the clinic's backend."""
LINES = "/api/billing/statements/lines/"
INVOICE = "/api/billing/invoices/1/"
BODIES: dict[tuple[str, str], tuple[str, int, type[colander.Schema]]] = {
    ("payments", "POST"): ("/api/billing/payments/", PATIENT, payments.PaymentBody),
    ("payment_refund", "POST"): ("/api/billing/payments/1/refund/", MANAGER, refunds.RefundBody),
    ("payment_cancel", "POST"): ("/api/billing/payments/1/cancel/", PATIENT, Nothing),
    ("payment_capture", "POST"): ("/api/billing/payments/1/capture/", MANAGER, capture.CaptureBody),
    ("payment_void", "POST"): ("/api/billing/payments/1/void/", MANAGER, Nothing),
    ("payment_evidence", "POST"): ("/api/billing/payments/2/evidence/", MANAGER, EvidenceFields),
    ("rebate_claim", "POST"): ("/api/billing/payments/1/medicare-claim/", PATIENT, RebateFields),
    ("refund_confirm", "POST"): ("/api/billing/refunds/1/confirm/", MANAGER, refund_files.Confirmation),
    ("refund_files", "POST"): ("/api/billing/refund-files/", MANAGER, refund_files.FileBody),
    ("refund_file_void", "POST"): ("/api/billing/refund-files/1/void/", MANAGER, Nothing),
    ("refund_file_confirm", "POST"): ("/api/billing/refund-files/1/confirm/", MANAGER, Nothing),
    ("statement_line_match", "POST"): (f"{LINES}1/match/", MANAGER, statements.MatchBody),
    ("statement_line_explain", "POST"): (f"{LINES}1/explain/", MANAGER, statements.ExplainBody),
    ("statement_line_unmatch", "POST"): (f"{LINES}1/unmatch/", MANAGER, Nothing),
    ("dispute_reopen", "POST"): ("/api/billing/disputes/1/reopen/", MANAGER, Nothing),
    ("create_intent", "POST"): ("/api/billing/stripe/create-payment-intent/", PATIENT, intents.IntentBody),
    ("confirm_payment", "POST"): ("/api/billing/stripe/confirm-payment/", PATIENT, intents.ConfirmBody),
    ("payment_methods", "POST"): ("/api/billing/payment-methods/", PATIENT, payment_methods.MethodBody),
    ("payment_method_default", "POST"): ("/api/billing/payment-methods/1/default/", PATIENT, Nothing),
    ("create_invoice", "POST"): ("/api/billing/create-invoice/", MANAGER, invoices.InvoiceBody),
    ("invoice_void", "POST"): (f"{INVOICE}void/", MANAGER, invoice_operations.ReasonBody),
    ("invoice_credit", "POST"): (f"{INVOICE}credit/", MANAGER, invoice_operations.CreditBody),
    ("invoice_write_off", "POST"): (f"{INVOICE}write-off/", MANAGER, invoice_operations.WriteOffBody),
    ("invoice_apply_credit", "POST"): (f"{INVOICE}apply-credit/", MANAGER, invoice_operations.ApplyCreditBody),
    ("invoice_return_credit", "POST"): (f"{INVOICE}return-credit/", MANAGER, invoice_operations.ReasonBody),
    ("invoice_pay", "POST"): ("/api/billing/invoices/1/pay/", PATIENT, invoices.InvoicePaymentBody),
    ("settings", "PUT"): ("/api/auth/admin/settings/", ADMIN, settings.SettingsBody),
    ("practice_users", "PUT"): ("/api/practice/users/", SERVICE, practice.UsersBody),
    ("practice_appointments", "PUT"): ("/api/practice/appointments/", SERVICE, practice.AppointmentsBody),
    ("practice_progress_notes", "PUT"): ("/api/practice/progress-notes/", SERVICE, practice.ProgressNotesBody),
    ("practice_availability", "PUT"): ("/api/practice/availability/", SERVICE, practice.AvailabilityBody),
}
"""(route, method) -> path, who sends, and what is expected; each route that takes a body stands here."""

USER = {"id": 77, "role": "patient", "active": True, "name": "A", "email": None, "created_at": "2025-01-01T00:00:00Z"}
APPOINTMENT = {"id": 124, "patient_id": PATIENT, "practitioner_id": PSYCHOLOGIST, "service": "x", "status": "confirmed"}
APPOINTMENT |= {"starts_at": NOON.isoformat(), "duration_minutes": 50, "fee": "180.00", "currency": "AUD"}
NOTE = {"id": 5, "appointment_id": 123, "patient_id": PATIENT, "created_at": NOON.isoformat(), "completed_at": None}
FREE = {"practitioner_id": PSYCHOLOGIST, "day": "2025-01-20", "minutes": 420}
ROWS = {"users": USER, "appointments": APPOINTMENT, "progress_notes": NOTE, "availability": FREE}
GOOD: dict[str, list[Any]] = {
    "appointment_id": [123, "123", 124],
    "invoice_id": [1, "1"],
    "amount": ["180.00", 180, "5.00", 18000],
    "currency": ["AUD", "aud"],
    "payment_method": ["card", "medicare"],
    "payment_method_id": ["pm_card_visa", "pm_card_visa_chargeDeclined", "pm_card_authenticationRequired", 1],
    "payment_intent_id": ["pi_123"],
    "save_payment_method": [True, False],
    "description": ["Session"],
    "metadata": [{"booking": "7"}],
    "reason": ["asked for"],
    "reopen": [True],
    "outcome": ["paid", "returned"],
    "allocations": [[{"payment_id": 1, "amount": "180.00"}], [{"patient_id": PATIENT, "amount": "5.00"}]],
    "bank_account": [{"account_name": "A", "bsb": "062-111", "account_number": "987654321"}],
    "clinic": [{"name": "Tailored Psychology", "abn": "12 345 678 901"}, {"email": None}],
    "system": [{"timezone": "Australia/Perth"}, {"gst_rate": 0.1}, {"gst_rate": "0.1"}],
    "notifications": [{"sms_enabled": False}],
    "billing": [{"invoice_terms_days": 14}, {"default_payment_method": "medicare"}],
    "users": [[USER], [USER, USER]],
    "appointments": [[APPOINTMENT]],
    "progress_notes": [[NOTE]],
    "availability": [[FREE]],
    "statement": [1],
    "decision": ["accept", "fail", "let_go"],
    "result": ["lodged", "paid", "rejected", "not_lodged", "reversed"],
    "consent": [consent()],
    "claim_id": ["A0001@"],
    "benefit": ["101.55", "180.00"],
    "paid_on": ["2026-11-20"],
    "code": ["160"],
    "item": ["80110", "99999"],
    "items": [[{"item": "80110", "charge": "180.00"}], [{"description": "A", "total": "180.00"}]],
    "lines": [[{"line": 1, "amount": "5.00"}], [{"line": 1}]],
    "patient_id": [PATIENT],
    "due_date": ["2025-02-19"],
    "patient": [bulk_bill()["patient"]],
    "referral": [bulk_bill()["referral"], {"override_code": "N"}],
    "provider_number": ["2447781L"],
    "service_date": ["2026-11-20", "2025-01-19"],
}
NASTY: list[Any] = [
    *("\0", "\ud800", "\u202e", "' OR 1=1--", "${jndi:x}", "../../", "NaN", "Infinity", "1e9", "\uff11", "x" * 600),
    *(-1, 0, 2**31, 2**63 - 1, 2**63, 2**64, 10**60, True, None, [], {}, [[]], {"": ""}, [None], {"a": {"b": []}}),
]
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=8,
)
odd = st.sampled_from(NASTY) | anything


def bodies(schema: type[colander.Schema]) -> st.SearchStrategy[bytes]:
    """Mostly right, a field or two wrong, or not JSON at all."""
    names = [node.name for node in schema().children]
    fields = {name: st.sampled_from(GOOD[name]) | odd if name in GOOD else odd for name in names}
    more = st.dictionaries(
        st.sampled_from(["id", "status", "patient_id", "mandate"]) | st.text(max_size=9), odd, max_size=2
    )
    rows = st.fixed_dictionaries({}, optional=fields)
    if pushed := ROWS.keys() & names:
        rows |= st.builds(
            _with_a_changed_row, st.sampled_from([ROWS[name] for name in pushed]), st.sampled_from(names), more
        )
    objects = st.builds(lambda known, unknown: {**unknown, **known}, rows, st.just({}) | more)
    text = (objects | anything).map(lambda value: json.dumps(value).encode())
    cut = st.builds(lambda body, at, put: body[:at] + put + body[at:], text, st.integers(0, 200), st.binary(max_size=3))
    return text | text | text | cut | st.binary(max_size=200)


def _with_a_changed_row(row: dict[str, Any], name: str, change: dict[str, Any]) -> dict[str, Any]:
    known = dict(zip(row, change.values(), strict=False))
    return {name: [{**row, **change}, {**row, **known}]}


@pytest.fixture
def api(fresh: Fresh, stripe_sandbox: StripeSandbox) -> Iterator[Api]:
    sandbox(stripe_sandbox.url, "POST", "reset")
    with fresh() as url:
        made = Api(url, stripe_sandbox.url, **{"tp_gateway.providers": "stripe medicare"})
        made.open()
        made.appointment()
        made.invoice()
        made.pay_by_http(status=201)
        made.appointment(200, starts_at=YESTERDAY)
        by_hand = {"payment_method": "medicare", "payment_method_id": None, "provider_number": "2447781L"}
        made.pay_by_http(appointment_id=200, status=201, **by_hand, **bulk_bill(consent=None))
        yield made
        made.close()


def test_every_route_that_takes_a_body_is_tried(api: Api) -> None:
    allowed = api.app.app.registry["allowed_methods"]
    there = {(route, method) for route, methods in allowed.items() for method in methods if method in ("POST", "PUT")}
    assert there == {*BODIES, ("webhook", "POST"), ("statements", "POST")}, "whose bodies are no JSON"


@pytest.mark.catalogue(71)
@pytest.mark.catalogue(72)
@pytest.mark.catalogue(73)
@pytest.mark.parametrize("fresh", SHORT, indirect=True)
@pytest.mark.parametrize(("route", "method"), BODIES)
def test_any_body_is_answered(api: Api, route: str, method: str) -> None:
    path, who, schema = BODIES[route, method]

    @fixed(35)
    @given(bodies(schema))
    def is_answered(body: bytes) -> None:
        send(api, method, path, who, body)

    is_answered()
    assert not api.log_lines("unhandled_error")


@pytest.mark.catalogue(71)
def test_any_bulk_bill_is_answered(api: Api) -> None:
    class Both(payments.PaymentBody, BulkBillFields):
        pass

    @fixed(35)
    @given(bodies(Both))
    def is_answered(body: bytes) -> None:
        send(api, "POST", "/api/billing/payments/", PATIENT, body)

    is_answered()
    assert not api.log_lines("unhandled_error")


@pytest.mark.soak
@pytest.mark.parametrize(("route", "method"), BODIES)
def test_any_body_is_answered_at_length(api: Api, route: str, method: str) -> None:
    path, who, schema = BODIES[route, method]

    @searching(2_000)
    @given(bodies(schema))
    def is_answered(body: bytes) -> None:
        send(api, method, path, who, body)

    is_answered()
    assert not api.log_lines("unhandled_error")


@pytest.mark.catalogue(44)
def test_any_signed_event_is_answered(api: Api) -> None:
    """Only Stripe can sign, and still: no body of hers brings us down."""
    real = api.books()["events"][0]
    paths = [("id",), ("type",), ("object",), ("created",), ("livemode",), ("account",), ("data",), ("data", "object")]
    paths += [("data", "object", name) for name in ("id", "object", "metadata", "customer", "payment_intent")]

    @fixed(35)
    @given(st.dictionaries(st.sampled_from(paths), odd, max_size=3), st.none() | anything)
    def is_answered(changes: dict[tuple[str, ...], Any], instead: Any) -> None:
        event = json.loads(json.dumps(real)) if instead is None else instead
        for path, value in changes.items() if instead is None else ():
            _change(event, path, value)
        body, headers = signed(event)
        response = api.call("POST", "/api/webhooks/stripe/", body, as_user=None, headers=headers)
        assert response.status_code in (200, 400), response.text
        check_shape(response)

    is_answered()
    api.gateway.inbox.work()
    assert not api.log_lines("unhandled_error")


def _change(event: Any, path: tuple[str, ...], value: Any) -> None:
    for name in path[:-1]:
        if not isinstance(event, dict):
            return
        event = event.get(name)
    if isinstance(event, dict):
        event[path[-1]] = value


def send(api: Api, method: str, path: str, who: int, body: bytes) -> None:
    if who == SERVICE:
        bearer = api.app.app.registry["verifier"].mint_service_token("django", timedelta(days=1))
    else:
        bearer = token(who)
    response = api.call(method, path, body, as_user=None, headers={"Authorization": f"Bearer {bearer}"})
    assert response.status_code < 500, response.text
    assert response.status_code not in (401, 403, 405), response.text
    check_shape(response)


def check_shape(response: Any) -> None:
    """Successes are JSON; a refusal says what is in docs/api.md, and nothing else."""
    assert response.content_type == "application/json"
    body = json.loads(response.body)
    if response.status_code < 400:
        return
    assert set(body) - {"payment_id"} == {"error", "details", "code"}
    assert (body["error"], response.status_code) == (TITLES[body["code"]], STATUSES[body["code"]])
    if body["code"] == "validation_error":
        assert body["details"] and isinstance(body["details"], dict)
