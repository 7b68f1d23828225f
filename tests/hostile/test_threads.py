"""Plugins that hang and drip, in real servers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sandbox.stripe import StripeSandbox
from tests.api.test_overload import SIX_THREADS, until
from tests.api.test_servers import PAYMENT, running
from tests.clinic import Clinic, sandbox
from tests.hostile.conftest import PAY
from tests.invariants import check_invariants
from tests.registry.plugins import PROVIDER, Install

HANGING = """
import itertools, threading, time

def hang(self, *_):
    threading.Event().wait()

def drip(self, *_):
    while True:
        time.sleep(0.01)

calls = itertools.count()

def execute(self, order, reference=None):
    (hang, drip)[next(calls) % 2](self, order)

Acme.execute = execute
Acme.fetch = Acme.check = Acme.parse_webhook = hang
Acme.manifest = manifest(capabilities=Capabilities(fetch=True, webhooks=True))
"""
SMALL = {
    "TP_GATEWAY_PROVIDERS": "stripe acme",
    "TP_GATEWAY_PROVIDER_LANES": "2",
    "TP_GATEWAY_PROVIDER_WAITING": "1",
    "TP_GATEWAY_TIMING_EXECUTE": "1",
    "TP_GATEWAY_TIMING_FETCH": "1",
    "TP_GATEWAY_TIMING_PREPARE": "1",
    "TP_GATEWAY_BREAKER_FAILURES": "1000",
}


@pytest.fixture
def clinic(sqlite_database_url: str, stripe_sandbox: StripeSandbox) -> Iterator[Clinic]:
    sandbox(stripe_sandbox.url, "POST", "reset")
    made = Clinic(sqlite_database_url, stripe_sandbox.url).open()
    yield made
    made.close()


@pytest.mark.catalogue(98)
@pytest.mark.parametrize(
    "kind", [SIX_THREADS[0], pytest.param(*SIX_THREADS[1].values, id="gunicorn", marks=pytest.mark.soak)]
)
def test_whatever_hangs_the_others_are_answered_and_the_server_stops(
    clinic: Clinic, tmp_path: Path, install: Install, kind: str
) -> None:
    """All lanes of the hostile one are taken for ever. Its payments wait or are refused, everybody else's are paid, its
    webhooks are refused, and when the server is told to stop it does."""
    install("acme", PROVIDER + HANGING)
    for number in range(1000, 1040):
        clinic.appointment(number)
    path = {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(Path(__file__).parents[2])])}
    with running(kind, clinic, tmp_path, **SMALL, **path) as server, ThreadPoolExecutor(24) as clients:

        def pay(number: int, method: str) -> int:
            body = PAYMENT | {"appointment_id": number, "payment_method": method}
            if method == "acme_pay":
                del body["payment_method_id"]
            return server.call(PAY, body)[0]

        hostile = [clients.submit(pay, number, "acme_pay") for number in range(1000, 1012)]
        webhooks = [clients.submit(server.call, "/api/webhooks/acme/", {}) for _ in range(4)]
        cards = [clients.submit(pay, number, "card") for number in range(1020, 1026)]
        reads = [clients.submit(server.call, path) for path in (PAY, "/api/billing/providers/") * 3]
        assert {one.result() for one in cards} == {201}
        assert {one.result()[0] for one in reads} == {200}
        assert {one.result() for one in hostile} == {201, 503}
        assert {one.result()[0] for one in webhooks} == {503}
        server.process.send_signal(signal.SIGTERM)
        until(lambda: server.process.poll() is not None)
        assert server.process.returncode == 0
        assert "unhandled_error" not in server.log.read_text()
    check_invariants(clinic.database.engine, clinic.books(), at_rest=False)


def test_a_command_ends_although_a_provider_hangs(
    sqlite_database_url: str, tmp_path: Path, install: Install, stripe_sandbox: StripeSandbox
) -> None:
    """Threads of `concurrent.futures` would be waited for, for ever."""
    install("acme", PROVIDER + HANGING)
    environ = {
        **os.environ,
        **SMALL,
        "TP_GATEWAY_PROVIDERS": "acme",
        "DATABASE_URL": sqlite_database_url,
        "PYTHONPATH": os.pathsep.join([str(tmp_path), str(Path(__file__).parents[2])]),
    }
    source = (
        "from tp_gateway import cli; cli.providers._CHECK_SECONDS = 0.3; import sys;"
        " sys.exit(cli.main(['-c', 'development.ini', 'providers']))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", source],
        env=environ,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 1, ended.stderr
    assert "acme: enabled, takes acme_pay (Acme), does not work: it did not answer in time" in ended.stdout
