"""Many clients at once against real servers: one charge for a payable, whatever they do, and never a 5xx."""

from __future__ import annotations

import signal
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from pathlib import Path

import pytest

from sandbox.stripe import StripeSandbox
from tests.api.test_servers import EACH_ON_ITS_DATABASE, PAYMENT, WAITRESS, Server, running
from tests.clinic import Clinic, sandbox
from tests.invariants import check_invariants


@pytest.fixture
def clinic(database_url: str, stripe_sandbox: StripeSandbox) -> Iterator[Clinic]:
    sandbox(stripe_sandbox.url, "POST", "reset")
    made = Clinic(database_url, stripe_sandbox.url).open()
    yield made
    made.close()


@EACH_ON_ITS_DATABASE
def test_two_hundred_submissions_of_one_payable(clinic: Clinic, tmp_path: Path, server: str) -> None:
    """Over two processes with gunicorn: the lock is the database's, not a process's."""
    clinic.appointment()
    with running(server, clinic, tmp_path) as started:
        answers = submit(started, 200, threads=50)
        assert started.stop() == 0
    assert Counter(answers)["201 succeeded"] == 1, Counter(answers)
    assert set(answers) <= {"201 succeeded", "409 payment_in_progress", "409 already_paid"}, Counter(answers)
    assert len(clinic.books()["charges"]) == 1
    check_invariants(clinic.database.engine, clinic.books())


def test_a_server_killed_under_load_loses_nothing(clinic: Clinic, tmp_path: Path) -> None:
    """`kill -9` in the middle of many charges; then recovery, and the books agree."""
    kill_under_load(clinic, tmp_path, first=300)


@pytest.mark.soak
def test_a_server_killed_again_and_again_loses_nothing(clinic: Clinic, tmp_path: Path) -> None:
    for number in range(25):
        kill_under_load(clinic, tmp_path, first=1000 + 40 * number)


def kill_under_load(clinic: Clinic, folder: Path, first: int) -> None:
    appointments = range(first, first + 40)
    for appointment_id in appointments:
        clinic.appointment(appointment_id)
    some_are_paid = threading.Event()
    with running(WAITRESS, clinic, folder) as server:

        def pay(appointment_id: int) -> None:
            try:
                server.call("/api/billing/payments/", PAYMENT | {"appointment_id": appointment_id})
            except (OSError, ValueError, HTTPException):
                return  # the server was killed: this client never had an answer
            some_are_paid.set()

        with ThreadPoolExecutor(12) as clients:
            paying = [clients.submit(pay, appointment_id) for appointment_id in appointments]
            assert some_are_paid.wait(30)
            server.process.send_signal(signal.SIGKILL)
        assert all(one.exception() is None for one in paying)
    for _ in range(4):
        clinic.pass_time()
        clinic.gateway.recovery.sweep(limit=1000)
        clinic.work()
    check_invariants(clinic.database.engine, clinic.books())


def submit(server: Server, times: int, threads: int) -> list[str]:
    def one(_: int) -> str:
        status, body = server.call("/api/billing/payments/", PAYMENT)
        return f"{status} {body.get('code') or body['status']}"

    with ThreadPoolExecutor(threads) as clients:
        return list(clients.map(one, range(times)))
