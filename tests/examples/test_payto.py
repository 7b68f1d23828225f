"""The example provider as a stranger's: installed with the gateway's wheel into an environment of its own, configured
by the lines of its README, and paid with over HTTP. Nothing of the gateway knows it."""

from __future__ import annotations

import ast
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest

from tests.api.conftest import JWT_KEY, token
from tests.clinic import MANAGER, PATIENT
from tests.docs.pages import ROOT, blocks
from tests.separate import Separate, call, free_port, until_up
from tp_gateway.identity import SERVICE_AUDIENCE

SERVICE_KEY = "test-key-for-services-with-more-than-32-bytes"
EXAMPLE = ROOT / "examples/payto"
[SETTINGS] = blocks(EXAMPLE / "README.md", "ini")
REQUEST, ANSWER = (json.loads(text) for text in blocks(EXAMPLE / "README.md", "json"))
INI = f"""
[app:main]
use = egg:tp-gateway
tp_gateway.mode = development
tp_gateway.environment = a-clinic
tp_gateway.database_url = {{database}}
tp_gateway.encryption_keys = MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=
tp_gateway.jwt.key = {JWT_KEY}
tp_gateway.service.key = {SERVICE_KEY}
{SETTINGS}
[server:main]
use = egg:tp-gateway#waitress
listen = 127.0.0.1:{{port}}
"""
USERS = [
    {"id": number, "role": role, "created_at": "2025-01-01T10:00:00Z"}
    for number, role in ((PATIENT, "patient"), (MANAGER, "practice_manager"))
]
APPOINTMENT = {
    "id": 123,
    "patient_id": PATIENT,
    "service": "individual_therapy",
    "status": "confirmed",
    "starts_at": "2026-02-01T00:00:00Z",
    "duration_minutes": 60,
    "fee": "180.00",
}


@pytest.mark.long
def test_it_is_installed_switched_on_and_paid_with_over_http(tmp_path: Path, sqlite_database_url: str) -> None:
    there = Separate(tmp_path)
    package = there.copy("examples/payto", to="strangers") / "payto"
    there.install_gateway(package)
    kit = there.start("pytest", "-q", cwd=package)
    port, ini = free_port(), tmp_path / "gateway.ini"
    ini.write_text(INI.format(port=port, database=sqlite_database_url))
    gateway, stand_in = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{(behind := free_port())}"
    config = {"PAYTO_BASE_URL": stand_in, "TP_GATEWAY_CONFIG": str(ini)}

    wrong = there.run("pserve", str(ini), code=1, PAYTO_APPROVE_WITHIN_DAYS="9", **config)
    assert "tp_gateway.payto.approve_within_days: ['Not a number of days from 1 to 5']" in wrong
    told = there.run("tp-gateway", "providers", code=1, **config)
    assert "payto: enabled, takes payto (PayTo), does not work: the PayTo service: no connection" in told
    webhooks = ("--port", str(behind), "--deliver-to", f"{gateway}/api/webhooks/payto/")
    with (
        there.running("python", "-m", "payto_sandbox", *webhooks, cwd=package) as its_sandbox,
        there.running("pserve", str(ini), **config) as service,
    ):
        until_up(f"{stand_in}/_sandbox/books", its_sandbox)
        until_up(f"{gateway}/readyz", service)
        payment = _pays(gateway, stand_in)
        _refunds(gateway, stand_in, payment)
        _is_described(gateway)
    assert b"pat@example.com" not in (tmp_path / "gateway.sqlite").read_bytes()
    told = kit.communicate(timeout=120)[0]
    assert kit.returncode == 0 and "provider payto (payto): " in told and " 0 broken" in told, told


def as_backend() -> str:
    """A token as `tp-gateway token backend` makes them."""
    claims = {"token_type": "access", "aud": SERVICE_AUDIENCE, "sub": "backend", "jti": "1", "iat": int(time.time())}
    return jwt.encode(claims | {"exp": int(time.time()) + 3600}, SERVICE_KEY, "HS256")


def _pays(gateway: str, stand_in: str) -> int:
    """Refused with a wrong PayID; asked of the patient; approved in his banking app; told by a webhook."""
    backend, patient = as_backend(), token(PATIENT)
    for what, rows in (("users", USERS), ("appointments", [APPOINTMENT])):
        status, pushed = call(f"{gateway}/api/practice/{what}/", {what: rows}, backend, "PUT")
        assert (status, pushed["errors"]) == (200, [])
    for payid, field in (("pat", "payid"), ("nobody@example.com", "payment_method")):
        status, refused = call(f"{gateway}/api/billing/payments/", REQUEST | {"payid": payid}, patient)
        assert (status, list(refused["details"])) == (400, [field])
    status, asked = call(f"{gateway}/api/billing/payments/", REQUEST, patient)
    assert (status, asked["state"]) == (201, "awaiting_customer")
    told = {**asked, "next_action": {**asked["next_action"], "approve_by": ANSWER["next_action"]["approve_by"]}}
    assert told.items() >= ANSWER.items()
    call(f"{stand_in}/_sandbox/agreements/{asked['payment_intent_id']}", {"answer": "approve"})
    url = f"{gateway}/api/billing/payments/{asked['id']}/"
    # Looked at in the database alone: a `GET` of it would ask the service, and it is the webhook that has to tell.
    _until(lambda: call(f"{gateway}/api/billing/payments/", None, patient)[1]["payments"][0]["status"] == "succeeded")
    paid = call(url, None, patient)[1]
    assert (paid["amount"], paid["state"]) == ("180.00", "succeeded")
    return int(paid["id"])


def _refunds(gateway: str, stand_in: str, payment: int) -> None:
    """A part, then the rest."""
    manager = token(MANAGER)
    for amount, status in (("60.00", "succeeded"), ("120.00", "refunded")):
        code, made = call(f"{gateway}/api/billing/payments/{payment}/refund/", {"amount": amount}, manager)
        assert (code, made["status"], made["payment"]["status"]) == (201, "succeeded", status)
    [agreement] = call(f"{stand_in}/_sandbox/books")[1]["agreements"]
    assert [one["amount"] for one in agreement["refunds"]] == [6_000, 12_000]


def _is_described(gateway: str) -> None:
    """To machines and to people: its parameters, and what a frontend may know of its settings."""
    document = call(f"{gateway}/api/openapi.json")[1]
    body = document["paths"]["/api/billing/payments/"]["post"]["requestBody"]["content"]["application/json"]
    assert body["examples"]["payto_1"]["value"]["payid"] == "pat@example.com"
    schema = document["components"]["schemas"][body["schema"]["discriminator"]["mapping"]["payto"].rpartition("/")[2]]
    assert "payid" in schema["required"]
    assert schema["properties"]["payid"]["description"] == "The PayID of the account that pays"
    [told] = call(f"{gateway}/api/billing/providers/", None, token(PATIENT))[1]["providers"]
    assert (told["method"], told["settings"]) == ("payto", {"payee_name": "Sample Clinic"})
    [parameter] = told["parameters"]
    assert (parameter["name"], parameter["type"], parameter["required"]) == ("payid", "payId", True)


def _until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline, "the webhook did not arrive"
        time.sleep(0.05)


def test_it_needs_nothing_of_the_gateway_but_the_contract_and_the_kit() -> None:
    wanted = {path: set(_imported(path)) for path in EXAMPLE.glob("*/*.py")}
    assert len(wanted) > 10
    for path, modules in wanted.items():
        ours = {name for name in modules if name.split(".")[0] in ("tp_gateway", "tests", "sandbox")}
        allowed = {"payto": {"tp_gateway.contract"}, "tests": {"tp_gateway.contract", "tp_gateway.testing"}}
        assert ours <= allowed.get(path.parent.name, set()), path


def _imported(path: Path) -> list[Any]:
    nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
    named = [node.module for node in nodes if isinstance(node, ast.ImportFrom)]
    return named + [one.name for node in nodes if isinstance(node, ast.Import) for one in node.names]
