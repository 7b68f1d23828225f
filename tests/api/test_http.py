"""What every answer has, and what every request may not do: headers, CORS, methods, sizes, card data, unknown paths."""

import json
import re
from typing import Any

import pytest

from tests.api.conftest import ORIGIN, Api, token
from tests.clinic import MANAGER, OTHER_PATIENT, PATIENT

PAY = "/api/billing/payments/"
METHODS = "/api/billing/payment-methods/"
CARD = "4242424242424242"


def any_answers(api: Api) -> list[Any]:
    """One of many kinds: 200, 400, 401, 403, 404, 405, 409-like, 413, 415, 500."""

    def fail(*_: Any) -> None:
        raise RuntimeError("SELECT secret FROM /etc/passwd")

    answers = [
        api.get(METHODS),
        api.post(PAY, b"{"),
        api.get(METHODS, as_user=None),
        api.get(METHODS, as_user=MANAGER),
        api.get(f"{PAY}77/"),
        api.get("/nowhere"),
        api.call("PATCH", PAY),
        api.post(PAY, b" " * 65_537),
        api.post(PAY, b"{}", headers={"Content-Type": "text/plain"}),
    ]
    original = type(api.gateway.payment_methods).list
    type(api.gateway.payment_methods).list = fail  # type: ignore[assignment]
    try:
        answers.append(api.get(METHODS))
    finally:
        type(api.gateway.payment_methods).list = original  # type: ignore[method-assign]
    assert [answer.status_code for answer in answers] == [200, 400, 401, 403, 404, 404, 405, 413, 415, 500]
    return answers


def test_every_answer_is_json_never_cached_and_numbered(quiet_api: Api) -> None:
    seen = set()
    for answer in any_answers(quiet_api):
        assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        seen.add(answer.headers["X-Request-Id"])
        if answer.status_code != 200:
            assert {"error", "details", "code"} == set(answer.json)
            assert re.fullmatch("[a-z_]+", answer.json["code"])
    assert len(seen) == 10


@pytest.mark.catalogue(83)
def test_an_unhandled_error_tells_nothing(quiet_api: Api) -> None:
    answer = any_answers(quiet_api)[-1]
    assert answer.json["code"] == "internal_error"
    assert not re.search("RuntimeError|SELECT|/etc|Traceback|tp_gateway", answer.text)
    (line,) = quiet_api.log_lines("unhandled_error")
    assert line["request_id"] == answer.headers["X-Request-Id"]
    assert "RuntimeError" in line["exception"]


def test_request_ids(quiet_api: Api) -> None:
    good = "abc-DEF_1.2"
    assert quiet_api.get("/healthz", headers={"X-Request-Id": good}).headers["X-Request-Id"] == good
    assert quiet_api.log_lines("request")[-1]["request_id"] == good
    for bad in ("", "x" * 65, "a b", "a\x1b[31m", "é", "<script>"):
        given = quiet_api.get("/healthz", headers={"X-Request-Id": bad}).headers["X-Request-Id"]
        assert re.fullmatch("[0-9a-f]{32}", given)


def test_one_log_line_a_request_without_the_path(quiet_api: Api) -> None:
    quiet_api.get(f"{PAY}471147114711/?status=succeeded")
    lines = quiet_api.log_lines("request")
    (line,) = lines[-1:]
    assert (line["method"], line["route"], line["status"]) == ("GET", "/api/billing/payments/{id}/", 404)
    assert line["actor"] == f"user:{PATIENT}"
    assert line["ms"] >= 0
    assert "471147114711" not in quiet_api.log.getvalue()


@pytest.mark.catalogue(79)
def test_cors_for_a_listed_origin(quiet_api: Api) -> None:
    answer = quiet_api.call(
        "OPTIONS", PAY, as_user=None, headers={"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}, status=204
    )
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    allowed = answer.headers["Access-Control-Allow-Headers"].lower()
    assert {"authorization", "content-type", "idempotency-key"} <= set(allowed.split(", "))
    for path, as_user, status in ((METHODS, PATIENT, 200), (METHODS, None, 401), ("/nowhere", None, 404)):
        answer = quiet_api.get(path, as_user=as_user, headers={"Origin": ORIGIN}, status=status)
        assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
        assert answer.headers["Vary"] == "Origin"
        assert "Idempotent-Replayed" in answer.headers["Access-Control-Expose-Headers"]


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "*",
        "http://localhost:3001",
        f"{ORIGIN}.evil.example",
        "http://LOCALHOST:3000",
        "https://localhost:3000",
        "",
    ],
)
@pytest.mark.catalogue(79)
def test_cors_for_anyone_else(quiet_api: Api, origin: str) -> None:
    for method in ("OPTIONS", "GET"):
        headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        answer = quiet_api.call(method, METHODS, headers=headers)
        assert not [name for name in answer.headers if name.startswith("Access-Control")]
        assert answer.headers["Vary"] == "Origin"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", PAY, "GET, POST"),
        ("GET", f"{PAY}1/refund/", "POST"),
        ("GET", "/api/billing/stripe/create-payment-intent/", "POST"),
        ("OPTIONS", "/api/billing/invoices/1/pay/", "POST"),
        ("POST", "/api/practice/users/", "PUT"),
        ("GET", "/api/webhooks/stripe/", "POST"),
        ("PATCH", METHODS, "GET, POST"),
    ],
)
@pytest.mark.catalogue(80)
def test_other_methods(quiet_api: Api, method: str, path: str, allowed: str) -> None:
    answer = quiet_api.call(method, path, status=405)
    assert (answer.json["code"], answer.headers["Allow"]) == ("method_not_allowed", allowed)


@pytest.mark.catalogue(80)
def test_a_path_with_a_line_end_is_another_path(quiet_api: Api) -> None:
    """An exact rule of a proxy in front ("/metrics is internal") must not be got round."""
    for path in ("/metrics%0A", "/healthz%0a", "/api/billing/payments/%0A"):
        answer = quiet_api.call("GET", path, as_user=None)
        assert (answer.status_code, answer.json["code"]) == (404, "not_found")


def test_a_missing_slash_never_redirects(quiet_api: Api) -> None:
    for path in (PAY, METHODS, "/api/billing/invoices/1/pay/", "/api/billing/stripe/create-payment-intent/"):
        assert quiet_api.post(path.rstrip("/"), {}, status=404).json["code"] == "not_found"


@pytest.mark.catalogue(63)
def test_what_is_anothers_is_as_absent_as_what_is_not_there(quiet_api: Api) -> None:
    """The same bytes, for an unknown route too."""
    invoice = quiet_api.invoice(patient_id=OTHER_PATIENT)
    quiet_api.appointment(200, OTHER_PATIENT)
    card = {"payment_method": "card", "payment_method_id": "pm_card_visa"}
    answers = [
        quiet_api.get("/nowhere"),
        quiet_api.get(f"{PAY}1/"),
        quiet_api.pay_by_http(appointment_id=200),
        quiet_api.pay_by_http(appointment_id=999),
        quiet_api.pay_by_http(appointment_id=None, invoice_id=invoice.id),
        quiet_api.pay_by_http(appointment_id=None, invoice_id=999),
        quiet_api.post(f"/api/billing/invoices/{invoice.id}/pay/", card),
        quiet_api.post("/api/billing/invoices/999/pay/", card),
        quiet_api.post("/api/billing/stripe/create-payment-intent/", {"appointment_id": 200, "amount": 18000}),
        quiet_api.post("/api/billing/stripe/create-payment-intent/", {"appointment_id": 999, "amount": 18000}),
        quiet_api.post("/api/billing/stripe/confirm-payment/", {"payment_intent_id": "pi_unknown"}),
        quiet_api.post("/api/billing/paypal/create-payment-intent/", {"appointment_id": 123, "amount": 18000}),
        quiet_api.post("/api/webhooks/paypal/", b"{}"),
        quiet_api.call("DELETE", f"{METHODS}7/"),
        quiet_api.post(f"{PAY}1/cancel/"),
    ]
    assert {(answer.status_code, answer.body) for answer in answers} == {(404, answers[0].body)}
    assert not quiet_api.rows("SELECT id FROM payments")


@pytest.mark.catalogue(75)
def test_bodies_have_a_limit_for_each_route(quiet_api: Api) -> None:
    assert quiet_api.post(PAY, b" " * 65_537, status=413).json["code"] == "payload_too_large"
    assert quiet_api.post(PAY, b" " * 65_536, status=400).json["code"] == "invalid_json"
    assert quiet_api.post("/api/webhooks/stripe/", b" " * 262_145, status=413)
    assert quiet_api.post("/api/webhooks/stripe/", b" " * 262_144, status=400).json["code"] == "invalid_signature"
    assert quiet_api.put("/api/practice/users/", b" " * 262_145, status=400).json["code"] == "invalid_json"


@pytest.mark.catalogue(81)
def test_card_data_is_refused_wherever_it_is_and_leaves_no_trace(quiet_api: Api) -> None:
    spaced = "4242 4242 4242 4242"

    def traces(text: str) -> bool:
        # Half of the number: four digits alone can stand in a time of day or in a request id.
        return "42424242" in text or "4242 4242" in text

    answers = [
        quiet_api.pay_by_http(description=f"card {spaced}"),
        quiet_api.pay_by_http(metadata={"note": CARD}),
        quiet_api.pay_by_http(metadata={CARD: "note"}),
        quiet_api.pay_by_http(payment_method_id=CARD),
        quiet_api.pay_by_http(unknown=int(CARD)),
        quiet_api.pay_by_http(card={"number": CARD, "cvc": "123"}),
        quiet_api.pay_by_http(cvc="123"),
        quiet_api.pay_by_http(headers={"Idempotency-Key": CARD}),
        quiet_api.pay_by_http(headers={"X-Request-Id": CARD}),
        quiet_api.get(METHODS, headers={"Origin": f"http://{CARD}"}),
        quiet_api.get(f"{PAY}?note={CARD}"),
        quiet_api.get(f"{PAY}{CARD}/"),
        quiet_api.get(METHODS, headers={"User-Agent": f"curl {spaced}"}),
        quiet_api.post(METHODS, {"payment_method_id": CARD}),
        quiet_api.put("/api/practice/users/", {"users": [{"id": 1, "name": CARD}]}),
    ]
    for answer in answers:
        assert (answer.status_code, answer.json["code"]) == (400, "card_data_not_accepted")
        assert not traces(answer.text + json.dumps(dict(answer.headers)))
    assert not traces(quiet_api.log.getvalue())
    assert not quiet_api.rows("SELECT id FROM payments")


def test_health_and_metrics_need_no_token(quiet_api: Api) -> None:
    assert quiet_api.get("/healthz", as_user=None, status=200).json == {"status": "ok"}
    assert quiet_api.get("/readyz", as_user=None, status=200).json["components"]["database"] == "ok"
    metrics = quiet_api.get("/metrics", as_user=None, status=200)
    assert metrics.headers["Content-Type"].startswith("text/plain")
    assert 'tp_gateway_requests_total{method="GET",route="/readyz",status="200"}' in metrics.text


def test_not_ready_without_a_database(quiet_api: Api) -> None:
    quiet_api.database.dispose()
    quiet_api.database.check = _no_database  # type: ignore[method-assign]
    answer = quiet_api.get("/readyz", as_user=None, status=503).json
    assert answer == {"status": "unavailable", "components": {"database": "unavailable"}}
    assert quiet_api.log_lines("not_ready")[0]["components"] == {"database": "OSError"}


def _no_database() -> None:
    raise OSError("no")


@pytest.mark.catalogue(82)
def test_no_secret_is_ever_logged(api: Api) -> None:
    """At debug level, over answers of every kind."""
    import logging

    logging.getLogger().setLevel(logging.DEBUG)
    for name in ("stripe", "urllib3", "sqlalchemy.engine"):
        logging.getLogger(name).setLevel(logging.DEBUG)
    try:
        sent = token(PATIENT)
        bearer = {"Authorization": f"Bearer {sent}"}
        created = api.post(
            "/api/billing/stripe/create-payment-intent/",
            {"appointment_id": 123, "amount": 18000},
            headers=bearer,
            status=200,
        ).json
        api.get(f"{PAY}{created['payment_id']}/", headers=bearer)
        api.pay_by_http(headers=bearer)
        api.pay_by_http(payment_method_id="pm_card_chargeDeclined", headers=bearer)
        api.get(METHODS, headers={"Authorization": f"Bearer {sent}x"})
        account = {"bank_name": "CBA", "account_name": "John Doe", "bsb": "062-000", "account_number": "87654321"}
        api.post(METHODS, {"type": "bank_account", "bank_account": account}, status=201)
        any_answers(api)
        api.work()
    finally:
        logging.getLogger().setLevel(logging.INFO)
        for name in ("stripe", "urllib3", "sqlalchemy.engine"):
            logging.getLogger(name).setLevel(logging.WARNING)
    written = api.log.getvalue()
    secrets = [sent, sent.split(".")[2], created["client_secret"], "sk_test_clinic", "whsec_sandbox", "87654321"]
    assert [secret for secret in secrets if secret in written] == []
