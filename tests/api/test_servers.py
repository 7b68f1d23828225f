"""Real servers in real processes: they start from the shipped ini files, keep their limits, and stop without harm."""

from __future__ import annotations

import json
import os
import re
import runpy
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from sandbox.stripe import StripeSandbox
from tests.api.conftest import token
from tests.clinic import PATIENT, Clinic, sandbox
from tests.faults.crashes import FORKS

ROOT = Path(__file__).parents[2]
WAITRESS = "use = egg:tp-gateway#waitress\nlisten = 127.0.0.1:{port}"
GUNICORN = "use = egg:gunicorn#main\nconfig = python:tp_gateway.servers\nbind = 127.0.0.1:{port}\nworkers = 2"
_SQLITE, _POSTGRESQL = pytest.mark.sqlite, pytest.mark.postgresql
EACH_ON_ITS_DATABASE = pytest.mark.parametrize(
    ("database_url", "server"),
    [
        pytest.param("sqlite", WAITRESS, id="sqlite-waitress", marks=_SQLITE),
        pytest.param("postgresql", GUNICORN, id="postgresql-gunicorn", marks=_POSTGRESQL),
        pytest.param("sqlite", GUNICORN, id="sqlite-gunicorn", marks=[_SQLITE, pytest.mark.soak]),
        pytest.param("postgresql", WAITRESS, id="postgresql-waitress", marks=[_POSTGRESQL, pytest.mark.soak]),
    ],
    indirect=["database_url"],
)
"""As the shipped ini files pair them; `make soak` has the other pairs."""


class Server:
    def __init__(self, process: subprocess.Popen[str], port: int, log: Path) -> None:
        self.process, self.port, self.log = process, port, log

    def call(self, path: str, body: Any = None, bearer: str | None = None) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {bearer or token(PATIENT)}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        try:
            with urlopen(Request(f"http://127.0.0.1:{self.port}{path}", data, headers), timeout=30) as answer:
                return answer.status, json.loads(answer.read())
        except HTTPError as error:
            return error.code, json.loads(error.read())

    def raw(self, sent: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            connection.sendall(sent)
            received = b""
            while part := connection.recv(65_536):
                received += part
                if b"\r\n\r\n" in received:
                    break
            return received

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30)


@contextmanager
def running(server: str, clinic: Clinic, folder: Path, **environ: str) -> Iterator[Server]:
    """A server of its own process, with development.ini's settings; `environ` changes some."""
    port, ini = free_port(), folder / "server.ini"
    settings = re.sub(r"\n\[server:main\].*", "", (ROOT / "development.ini").read_text(), flags=re.DOTALL)
    ini.write_text(f"{settings}\n[server:main]\n{server.format(port=port)}\n")
    environ = {
        **os.environ,
        "TP_GATEWAY_RATE_LIMITS_PAYMENTS": "off",
        "TP_GATEWAY_RATE_LIMITS_DECLINES": "off",
        "DATABASE_URL": clinic.database_url,
        "STRIPE_API_BASE": clinic.sandbox_url,
        "TP_GATEWAY_ENVIRONMENT": "test-clinic",
        "TP_GATEWAY_JWT_KEY": "test-key-of-the-clinic-with-more-than-32-bytes",
        **environ,
    }
    log = folder / "log"
    with log.open("w") as output:
        command = [sys.executable, "-m", "pyramid.scripts.pserve", str(ini)]
        process = subprocess.Popen(command, stdout=output, stderr=output, text=True, env=environ, cwd=folder)
    try:
        made = Server(process, port, log)
        _wait_for(made)
        yield made
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(timeout=10)


def _wait_for(server: Server) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            if server.call("/healthz")[0] == 200:
                return
        except OSError:
            time.sleep(0.05)
        if server.process.poll() is not None:
            break
    raise AssertionError(server.log.read_text())


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


@pytest.fixture
def clinic(database_url: str, stripe_sandbox: StripeSandbox) -> Iterator[Clinic]:
    sandbox(stripe_sandbox.url, "POST", "reset")
    made = Clinic(database_url, stripe_sandbox.url).open()
    made.appointment()
    yield made
    made.close()


PAYMENT = {"appointment_id": 123, "amount": "180.00", "payment_method": "card", "payment_method_id": "pm_card_visa"}


@EACH_ON_ITS_DATABASE
@pytest.mark.catalogue(20)
def test_a_payment_is_finished_before_the_server_stops(clinic: Clinic, tmp_path: Path, server: str) -> None:
    """It takes nobody new meanwhile. The provider answers only after six seconds, which is longer than waitress itself
    would wait."""
    clinic.fault("POST /v1/payment_intents/*/confirm", "slow", seconds=6)
    workers = 2 if server == GUNICORN else 1
    with running(server, clinic, tmp_path) as started:
        answers: list[Any] = []
        caller = threading.Thread(target=lambda: answers.append(started.call("/api/billing/payments/", PAYMENT)))
        caller.start()
        _until_sent(clinic)
        started.process.send_signal(signal.SIGTERM)
        _until_refused(started)
        assert not answers
        assert started.process.wait(timeout=25) == 0
        caller.join(10)
        assert (answers[0][0], answers[0][1]["status"]) == (201, "succeeded")
        events = [json.loads(line)["event"] for line in started.log.read_text().splitlines() if line.startswith("{")]
        assert events.count("worker_started") == events.count("worker_stopped") == workers
    assert not clinic.rows("SELECT id FROM payments WHERE state <> 'succeeded'")


def _until_refused(server: Server) -> None:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", server.port), timeout=5).close()
        except ConnectionRefusedError:
            return
        except ConnectionResetError:  # it was closed just then, with this one in its queue
            continue
        time.sleep(0.02)
    raise AssertionError("still listening")


def _until_sent(clinic: Clinic) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if clinic.rows("SELECT id FROM payments WHERE state = 'submitting'"):
            time.sleep(0.2)
            return
        time.sleep(0.02)
    raise AssertionError("nothing was sent")


@EACH_ON_ITS_DATABASE
def test_the_embedded_worker_works_and_stops(clinic: Clinic, tmp_path: Path, server: str) -> None:
    """It settles what a request left open, and nothing is left running."""
    clinic.fault("POST /v1/payment_intents/*/confirm", "lost")
    clinic.fault("GET /v1/payment_intents/*", "refuse", times=1)
    with running(server, clinic, tmp_path) as started:
        status, answer = started.call("/api/billing/payments/", PAYMENT)
        assert (status, answer["status"]) == (201, "pending")
        deadline = time.monotonic() + 30
        while answer["status"] == "pending" and time.monotonic() < deadline:
            time.sleep(0.2)
            answer = started.call(f"/api/billing/payments/{answer['id']}/")[1]
        assert answer["status"] == "succeeded"
        assert started.stop() == 0
        assert "worker_stopped" in started.log.read_text()
        assert "Traceback" not in started.log.read_text()


@pytest.mark.parametrize("server", [WAITRESS, GUNICORN], ids=["waitress", "gunicorn"])
@pytest.mark.sqlite
@pytest.mark.catalogue(75)
def test_limits(sqlite_database_url: str, stripe_sandbox: StripeSandbox, tmp_path: Path, server: str) -> None:
    clinic = Clinic(sqlite_database_url, stripe_sandbox.url).open()
    try:
        with running(server, clinic, tmp_path) as started:
            line = b"POST /api/billing/payments/ HTTP/1.1\r\nHost: localhost\r\n"
            huge = started.raw(line + b"X-A: " + b"a" * 17 * 1024 + b"\r\n\r\n")
            assert re.match(rb"HTTP/1.[01] (400|431) ", huge), huge[:200]
            signed = (
                line + b"Authorization: Bearer " + token(PATIENT).encode() + b"\r\nContent-Type: application/json\r\n"
            )
            declared = started.raw(signed + b"Content-Length: 65537\r\nConnection: close\r\n\r\n" + b" " * 65_537)
            assert b" 413 " in declared.split(b"\r\n")[0]
            chunk = b"8000\r\n" + b" " * 0x8000 + b"\r\n"
            chunked = started.raw(signed + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 3 + b"0\r\n\r\n")
            assert b" 413 " in chunked.split(b"\r\n")[0], chunked[:300]
            smuggled = started.raw(signed + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{}")
            assert b" 200 " not in smuggled.split(b"\r\n")[0]
            assert started.stop() == 0
    finally:
        clinic.close()


PRODUCTION = {
    "TP_GATEWAY_ENCRYPTION_KEYS": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
    "TP_GATEWAY_JWT_KEY": "production-like-jwt-key-of-more-than-32-bytes",
    "TP_GATEWAY_SERVICE_KEY": "production-like-service-key-of-more-than-32-bytes",
    "STRIPE_API_KEY": "sk_live_notreal",
    "STRIPE_PUBLISHABLE_KEY": "pk_live_notreal",
    "STRIPE_WEBHOOK_SECRET": "whsec_notreal",
}
MARK = "development-only-key-that-is-long-enough-for-all"


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"DATABASE_URL": ""}, "tp_gateway.database_url"),
        ({"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}, "database"),
        ({"TP_GATEWAY_ENCRYPTION_KEYS": ""}, "tp_gateway.encryption_keys"),
        ({"TP_GATEWAY_ENCRYPTION_KEYS": "c2hvcnQ="}, "tp_gateway.encryption_keys"),
        ({"TP_GATEWAY_JWT_KEY": ""}, "tp_gateway.jwt.key"),
        ({"TP_GATEWAY_JWT_KEY": "short"}, "tp_gateway.jwt.key"),
        ({"TP_GATEWAY_JWT_KEY": MARK}, "tp_gateway.jwt.key"),
        ({"TP_GATEWAY_SERVICE_KEY": PRODUCTION["TP_GATEWAY_JWT_KEY"]}, "tp_gateway.service.key"),
        ({"STRIPE_API_KEY": ""}, "api_key"),
        ({"STRIPE_API_KEY": "sk_test_notreal", "STRIPE_PUBLISHABLE_KEY": ""}, "api_key"),
        ({"STRIPE_API_BASE": "http://127.0.0.1:12111"}, "api_base"),
        ({"STRIPE_WEBHOOK_SECRET": ""}, "webhook_secret"),
        ({"TP_GATEWAY_PROVIDERS": "paypal"}, "paypal"),
        ({"TP_GATEWAY_TIME_ZONE": "Mars/Olympus"}, "tp_gateway.time_zone"),
    ],
    ids=str,
)
@pytest.mark.catalogue(87)
def test_production_refuses_to_start_in_one_line(
    sqlite_database_url: str, tmp_path: Path, changed: dict[str, str], named: str
) -> None:
    environ = {"PATH": os.environ["PATH"], "DATABASE_URL": sqlite_database_url, **PRODUCTION, **changed}
    process = FORKS.Process(target=_serve_production, args=(environ, tmp_path / "stderr"))
    process.start()
    process.join(60)
    process.kill()  # should it serve after all
    process.join()
    assert process.exitcode == 1
    said = (tmp_path / "stderr").read_text()
    lines = [line for line in said.splitlines() if not line.startswith('{"')]
    assert len(lines) == 1, said
    assert lines[0].startswith("tp-gateway: ")
    assert named in lines[0]
    for secret in (*PRODUCTION.values(), *changed.values()):
        assert not secret or len(secret) < 16 or "//" in secret or secret not in said


def _serve_production(environ: dict[str, str], stderr: Path) -> None:
    """`pserve production.ini`, in a process of its own."""
    os.environ.clear()
    os.environ.update(environ)
    os.dup2(os.open(stderr, os.O_WRONLY | os.O_CREAT), 2)
    sys.argv = ["pserve", str(ROOT / "production.ini")]
    runpy.run_module("pyramid.scripts.pserve", run_name="__main__", alter_sys=True)
