"""Clients of real servers that do not behave: a thousand at once on one invoice, and one that hangs up."""

from __future__ import annotations

import json
import socket
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from sandbox.stripe import StripeSandbox
from tests.api.conftest import token
from tests.api.test_servers import GUNICORN, PAYMENT, WAITRESS, Server, running
from tests.clinic import PATIENT, Clinic, sandbox
from tests.conftest import SQLITE_IN_SOAK
from tests.invariants import check_invariants

ENDED = "SELECT id FROM payments WHERE state = 'succeeded'"


@pytest.fixture
def clinic(database_url: str, stripe_sandbox: StripeSandbox) -> Iterator[Clinic]:
    sandbox(stripe_sandbox.url, "POST", "reset")
    made = Clinic(database_url, stripe_sandbox.url).open()
    made.appointment()
    yield made
    made.close()


def all_at_once(server: Server, path: str, times: int, threads: int) -> list[tuple[int, Any]]:
    body = {"payment_method": "card", "payment_method_id": "pm_card_visa"}
    with ThreadPoolExecutor(threads) as clients:
        return list(clients.map(lambda _: server.call(path, body), range(times)))


@pytest.mark.catalogue(11)
@pytest.mark.parametrize(
    ("kind", "times"),
    [
        pytest.param(WAITRESS, 100, id="waitress"),
        pytest.param(WAITRESS, 1000, id="waitress-full", marks=pytest.mark.soak),
        pytest.param(GUNICORN, 1000, id="gunicorn-full", marks=pytest.mark.soak),
    ],
)
def test_many_pay_one_invoice(clinic: Clinic, tmp_path: Path, kind: str, times: int) -> None:
    invoice = clinic.invoice()
    with running(kind, clinic, tmp_path) as server:
        answers = all_at_once(server, f"/api/billing/invoices/{invoice.id}/pay/", times, threads=min(times // 2, 100))
        assert server.stop() == 0
    assert Counter(status for status, _ in answers).keys() <= {200, 409}
    (paid,) = [body for status, body in answers if status == 200]
    assert (paid["invoice"]["status"], paid["invoice"]["amount_due"]) == ("paid", "0.00")
    refused = {body["code"] for status, body in answers if status == 409}
    assert refused <= {"payment_in_progress", "already_paid"}
    assert len(clinic.books()["charges"]) == 1
    check_invariants(clinic.database.engine, clinic.books())


@pytest.mark.catalogue(10)
@pytest.mark.parametrize("database_url", SQLITE_IN_SOAK, indirect=True)
def test_a_client_that_hangs_up_has_paid_all_the_same(clinic: Clinic, tmp_path: Path) -> None:
    clinic.fault("POST /v1/payment_intents/*/confirm", "slow", seconds=1)
    body = json.dumps(PAYMENT).encode()
    headers = {
        "Host": "localhost",
        "Authorization": f"Bearer {token(PATIENT)}",
        "Content-Type": "application/json",
        "Idempotency-Key": "k",
        "Content-Length": str(len(body)),
    }
    lines = [f"{name}: {value}" for name, value in headers.items()]
    with running(WAITRESS, clinic, tmp_path) as server:
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
            sent = "\r\n".join(["POST /api/billing/payments/ HTTP/1.1", *lines, "", ""]).encode() + body
            connection.sendall(sent)
        deadline = time.monotonic() + 30
        while not clinic.rows(ENDED):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        url = f"http://127.0.0.1:{server.port}/api/billing/payments/"
        del headers["Host"], headers["Content-Length"]
        with urlopen(Request(url, body, headers), timeout=30) as answer:
            assert (answer.status, answer.headers["Idempotent-Replayed"]) == (201, "true")
            assert json.loads(answer.read())["status"] == "succeeded"
        assert server.stop() == 0
    assert len(clinic.books()["charges"]) == 1
    check_invariants(clinic.database.engine, clinic.books())
