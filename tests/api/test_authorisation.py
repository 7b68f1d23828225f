"""Who may do what: every route of the application, in every role, with every method, against the table in docs/api.md.

The routes come from Pyramid's introspection, so one that the table does not name fails here. A new route needs its line
there; if it addresses something that belongs to a patient, `_object` must say how to ask for it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.api.conftest import Api, token
from tests.clinic import ADMIN, MANAGER, NOON, OTHER_PATIENT, PATIENT, PSYCHOLOGIST, manager, render_invoice
from tests.databases import sqlite_url
from tests.docs.pages import ROOT
from tests.store.rows import ROWS, TABLES
from tp_gateway.models import Dispute, RebateClaim, Statement, StatementLine
from tp_gateway.services.invoices import Asked

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
COLUMNS = ("no token", "patient", "psychologist", "practice_manager", "admin", "service")
DEACTIVATED, ABSENT = 50, 999_999
CALLERS = {
    "none": "no token",
    "patient-owner": "patient",
    "patient-other": "patient",
    "psychologist": "psychologist",
    "practice_manager": "practice_manager",
    "admin": "admin",
    "service": "service",
    "deactivated": "no token",
}
"""Who calls -> the column that says what comes of it."""
USERS = {
    "patient-owner": PATIENT,
    "patient-other": OTHER_PATIENT,
    "psychologist": PSYCHOLOGIST,
    "practice_manager": MANAGER,
    "admin": ADMIN,
    "deactivated": DEACTIVATED,
}
_ROLE_CLAIM = {"patient-owner": "patient", "patient-other": "patient", "deactivated": "patient"}


def specification() -> dict[tuple[str, str], dict[str, str]]:
    """(method, path) -> column -> `all`, `own`, `401` or `403`."""
    lines = (ROOT / "docs/api.md").read_text("utf-8").splitlines()
    start = lines.index("| endpoint | " + " | ".join(COLUMNS) + " |")
    table = {}
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        endpoint, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        method, path = endpoint.strip("`").split(" ")
        table[method, path] = dict(zip(COLUMNS, cells, strict=True))
    return table


TABLE = specification()
PATHS = list(dict.fromkeys(path for _, path in TABLE))


@dataclass
class Matrix:
    """An application, and how its callers say who they are."""

    api: Api
    claims: bool

    def headers(self, caller: str) -> dict[str, str]:
        if caller == "none":
            return {}
        if caller == "service":
            minted = self.api.app.app.registry["verifier"].mint_service_token("django", timedelta(days=1))
            return {"Authorization": f"Bearer {minted}"}
        claims = {"role": _ROLE_CLAIM.get(caller, caller)} if self.claims else {}
        return {"Authorization": f"Bearer {token(USERS[caller], **claims)}"}

    def ask(self, caller: str, method: str, path: str, body: Any) -> Any:
        return self.api.call(method, path, body, as_user=None, headers=self.headers(caller))

    def entries(self) -> Iterator[tuple[set[str], str]]:
        """(methods, path) of every view that Pyramid knows, paths as the page writes them."""
        introspector = self.api.app.app.registry.introspector
        for view in introspector.get_category("views"):
            entry = view["introspectable"]
            if entry["route_name"]:
                pattern = introspector.get("routes", entry["route_name"])["pattern"]
                methods = entry["request_methods"]
                yield (
                    {methods} if isinstance(methods, str) else set(methods),
                    re.sub(r"{(\w+):.*?}(?=[/-])", r"{\1}", pattern),
                )


@pytest.fixture(scope="module", params=[False, True], ids=["role by directory", "role by claim"])
def matrix(
    request: pytest.FixtureRequest, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Matrix]:
    """Nobody listens where Stripe should be: nothing here gets as far."""
    database = tmp_path_factory.mktemp("authorisation") / "gateway.sqlite"
    database.write_bytes(sqlite_template.read_bytes())
    more = {"tp_gateway.jwt.role_claim": "role"} if request.param else {}
    more["tp_gateway.providers"] = "stripe medicare"
    api = Api(sqlite_url(database), "http://127.0.0.1:1", **more)
    api.open()
    api.push_users([api.user(DEACTIVATED, "patient", active=False)])
    api.appointment()
    api.pay_by_http(headers=Matrix(api, bool(request.param)).headers("patient-owner"), as_user=None, status=503)
    with api.database.transaction() as session:
        session.execute(sa.text("UPDATE payments SET reference = 'pi_owned'"))
        moments = dict.fromkeys(("observed_at", "opened_at", "created_at", "updated_at"), NOON)
        facts = {"provider": "stripe", "reference": "du_1", "payment_id": 1, "amount": 18000, "currency": "AUD"}
        session.execute(sa.insert(Dispute), {**facts, **moments, "status": "needs_response"})
        for name in ("refunds", "refund_files", "remittances", "remittance_items"):
            session.execute(sa.insert(TABLES[name]), ROWS[name] | sealed(api, name))
        _a_line(session)
        moments = dict.fromkeys(("created_at", "updated_at"), NOON)
        names = {"uuid": "u", "reference": "r", "subject_sealed": "s", "subject_hash": "h", "created_by": "user:45"}
        facts = {"provider": "medicare", "payment_id": 1, "payable_id": 1, "patient_id": PATIENT, "amount": 18000}
        session.execute(sa.insert(RebateClaim), {**facts, **moments, **names, "currency": "AUD", "state": "pended"})
    yield Matrix(api, bool(request.param))
    api.close()


def sealed(api: Api, name: str) -> dict[str, str]:
    """A file of refunds opens."""
    return {"content_sealed": api.gateway.refund_files._vault.seal("")} if name == "refund_files" else {}


def _a_line(session: Any) -> None:
    """Of a bank statement, for what staff may do with line 1."""
    file = {"provider": "bank_transfer", "name": "a", "format": "CBA CSV", "sha256": "0" * 64, "lines": 1}
    by = {"state": "imported", "imported_by": "user:8", "imported_at": NOON, "touched_at": NOON}
    session.execute(sa.insert(Statement), {**file, **by})
    texts = dict.fromkeys(("description", "reference", "payer", "account", "bank_id"), "")
    line = {"statement_id": 1, "line": 1, "fingerprint": "f", "booked_on": NOON.date(), "amount": 1, "currency": "AUD"}
    session.execute(sa.insert(StatementLine), {**line, **texts, "state": "unmatched"})


def _object(api: Api, method: str, path: str) -> tuple[dict[str, Any], Any, dict[str, Any], Any] | None:
    """How the owner asks for something of his, and how anyone asks for what is not there: each the values of the path
    and the body. The bodies pass every check before the one for the owner, and ask for nothing that could succeed. None
    where nothing is addressed that belongs to somebody."""
    card = {"payment_method": "card", "payment_method_id": "pm_card_visa"}
    payment = {"id": 1}, None, {"id": ABSENT}, None
    if path == "/api/billing/payments/{id}/" or path.endswith(("/cancel/", "/receipt/")):
        return payment
    if path.endswith("-claim/"):
        body = {"decision": "let_go"} if method == "POST" else None
        return {"id": 1, "provider": "medicare"}, body, {"id": ABSENT, "provider": "medicare"}, body
    if path.startswith("/api/billing/payment-methods/{id}/"):
        account = {"bank_name": "Bank", "account_name": "A", "bsb": "062-000", "account_number": "12345678"}
        return {"id": api.gateway.payment_methods.add_bank_account(PATIENT, **account).id}, None, {"id": ABSENT}, None
    invoice = "/api/billing/invoices/{id}/"
    if path in (invoice, f"{invoice}explain/", f"{invoice}pdf/"):
        return {"id": api.invoice().id}, None, {"id": ABSENT}, None
    if path == "/api/billing/credit-notes/{id}/pdf/":
        return {"id": _a_credit_note(api)}, None, {"id": ABSENT}, None
    if path == "/api/billing/invoices/{id}/pay/":
        body = card | {"amount": "9999.00"}
        return {"id": api.invoice().id}, body, {"id": ABSENT}, body
    if (method, path) == ("POST", "/api/billing/payments/"):
        body = card | {"amount": "9999.00"}
        return {}, body | {"appointment_id": 123}, {}, body | {"appointment_id": ABSENT}
    if path.endswith("/create-payment-intent/"):
        return {}, {"amount": 1, "appointment_id": 123}, {}, {"amount": 1, "appointment_id": ABSENT}
    if path.endswith("/confirm-payment/"):
        return {}, {"payment_intent_id": "pi_owned"}, {}, {"payment_intent_id": "pi_absent"}
    return None


def _a_credit_note(api: Api) -> int:
    made = api.gateway.invoice_operations.credit(manager, api.invoice().id, Asked(), "", render_invoice, None)
    return int(
        api.rows("SELECT id FROM invoice_operations WHERE number = :number", number=json.loads(made.text)["note"])[0].id
    )


def _filled(path: str, values: dict[str, Any]) -> str:
    for name, value in ({"provider": "stripe", "id": 1} | values).items():
        path = path.replace(f"{{{name}}}", str(value))
    assert "{" not in path
    return path


@pytest.mark.catalogue(62)
def test_the_table_names_every_route_and_nothing_else(matrix: Matrix) -> None:
    found = {(method, path) for methods, path in matrix.entries() for method in methods}
    assert found == set(TABLE)
    assert {cell for row in TABLE.values() for cell in row.values()} == {"all", "own", "401", "403"}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.catalogue(62)
@pytest.mark.catalogue(68)
@pytest.mark.catalogue(69)
def test_every_cell(matrix: Matrix, path: str, method: str) -> None:
    spoken = "GET" if method == "HEAD" else method
    row = TABLE.get((spoken, path))
    for caller, column in CALLERS.items():
        owned = _object(matrix.api, spoken, path)
        values, body = owned[:2] if owned else ({}, None)
        if body is None and method in ("POST", "PUT", "PATCH"):
            body = {}
        answer = matrix.ask(caller, method, _filled(path, values), body)
        code = answer.json["code"] if method != "HEAD" and answer.status_code >= 400 else ""
        told = (caller, answer.status_code, code)
        if row is None:
            allowed = sorted(one for one, where in TABLE if where == path)
            assert (answer.status_code, answer.headers["Allow"]) == (405, ", ".join(allowed)), told
            continue
        cell = row[column]
        if cell == "own" and caller == "patient-other" and owned:
            _assert_as_absent(matrix, method, path, answer, owned)
        elif cell in ("all", "own"):
            assert answer.status_code not in (401, 403, 404, 405), told
            assert method == "HEAD" or cell == "all" or caller == "patient-owner" or '"id"' not in answer.text, told
        else:
            assert answer.status_code == int(cell), told
            assert code in ("", {"401": "not_authenticated", "403": "permission_denied"}[cell]), told


def _assert_as_absent(matrix: Matrix, method: str, path: str, answer: Any, owned: Any) -> None:
    """What is somebody else's is as absent as what is not there: the same bytes, but for the request's id."""
    values, body = owned[2:]
    if body is None and method == "POST":
        body = {}
    absent = matrix.ask("patient-other", method, _filled(path, values), body)
    assert answer.status_code == 404
    assert (answer.body, _headers(answer)) == (absent.body, _headers(absent))


def _headers(answer: Any) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name != "X-Request-Id"}


@pytest.mark.parametrize("caller", CALLERS)
def test_a_preflight_tells_nobody_anything_about_rights(matrix: Matrix, caller: str) -> None:
    asked = {"Origin": "http://localhost:3000", "Access-Control-Request-Method": "POST"}
    for path in PATHS:
        answer = matrix.api.call(
            "OPTIONS", _filled(path, {}), as_user=None, headers={**matrix.headers(caller), **asked}
        )
        assert answer.status_code == 204
