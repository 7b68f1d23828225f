"""SQLite's file is locked, its disk is full, and the power fails. Callers get 503 and when to come back, never 500;
nothing is half-written, and what was acknowledged is there."""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from webtest import TestResponse

from sandbox.stripe import StripeSandbox
from tests.api.conftest import Api
from tests.clinic import Clinic, sandbox
from tests.faults.crashes import FORKS, Nursery
from tests.invariants import check_invariants
from tp_gateway.errors import GatewayError

pytestmark = pytest.mark.sqlite


@pytest.fixture
def api(sqlite_database_url: str, stripe_sandbox: StripeSandbox) -> Iterator[Api]:
    sandbox(stripe_sandbox.url, "POST", "reset")
    made = Api(sqlite_database_url, stripe_sandbox.url, **{"tp_gateway.database_busy_seconds": "0.3"})
    made.open()
    made.appointment()
    yield made
    check_invariants(made.database.engine, made.books())
    made.close()


@pytest.fixture
def clinic(sqlite_database_url: str, stripe_sandbox: StripeSandbox) -> Iterator[Clinic]:
    sandbox(stripe_sandbox.url, "POST", "reset")
    made = Clinic(sqlite_database_url, stripe_sandbox.url).open()
    yield made
    made.close()


def refused_for_now(answer: TestResponse) -> bool:
    return (answer.status_int, answer.json["code"]) == (503, "service_unavailable") and "Retry-After" in answer.headers


def file_of(clinic: Clinic) -> Path:
    return Path(str(clinic.database.engine.url.database))


# --- locked -----------------------------------------------------------------------------------------------------------


@contextmanager
def locked_by_another_process(path: Path) -> Iterator[None]:
    script = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None)"
    script += "; c.execute('BEGIN IMMEDIATE'); print('locked', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", script, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None and other.stdout.readline() == b"locked\n"
        yield
        other.kill()


@pytest.mark.catalogue(105)
def test_locked_by_another_process_for_longer_than_we_wait(api: Api) -> None:
    with locked_by_another_process(file_of(api)):
        assert refused_for_now(api.pay_by_http())
        assert api.get("/api/billing/payments/").status_int == 200, "readers do not wait"
    assert api.rows("SELECT count(*) FROM payments")[0][0] == 0
    assert api.pay_by_http().json["status"] == "succeeded"


@pytest.mark.catalogue(105)
def test_locked_in_the_middle_of_a_charge(api: Api) -> None:
    """The money has moved and cannot be written down: `pending`, and found out later."""
    execute = api.gateway.registry.by_slug("stripe").execute
    with pytest.MonkeyPatch.context() as patched, locked_from_then_on(api) as lock:

        def execute_and_lock(*arguments: object) -> object:
            outcome = execute(*arguments)  # type: ignore[arg-type]
            lock()
            return outcome

        patched.setattr(api.gateway.registry.by_slug("stripe"), "execute", execute_and_lock)
        answer = api.pay_by_http(status=201)
    assert answer.json["status"] == "pending"
    api.pass_time()
    api.work()
    assert api.payment(answer.json["id"]).status == "succeeded"


@contextmanager
def locked_from_then_on(api: Api) -> Iterator[object]:
    with closing(sqlite3.connect(file_of(api), isolation_level=None)) as other:
        yield lambda: other.execute("BEGIN IMMEDIATE")


# --- full -------------------------------------------------------------------------------------------------------------


def pay_on_a_disk_that_fills_up(clinic: Clinic, first: int, sizes: int) -> None:
    """Takes a payment with room for so and so many pages in the log, and another one when there is room again."""
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
    for pages in range(sizes):
        with closing(sqlite3.connect(file_of(clinic), timeout=10)) as other:
            assert other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
        resource.setrlimit(resource.RLIMIT_FSIZE, (pages * 4096, unlimited[1]))
        try:
            state = clinic.pay(appointment_id=first + pages).body["status"]
            assert state in ("succeeded", "pending"), state
        except GatewayError as refusal:
            assert refusal.code == "service_unavailable", refusal.code
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
        assert clinic.pay(appointment_id=first + sizes + pages).body["status"] == "succeeded"


@pytest.mark.catalogue(105)
def test_a_full_disk_at_any_moment_of_a_charge(clinic: Clinic) -> None:
    sizes = 30
    for appointment_id in range(1000, 1000 + 2 * sizes):
        clinic.appointment(appointment_id)
    nursery = Nursery(clinic.database_url, clinic.sandbox_url)
    nursery.run(pay_on_a_disk_that_fills_up, None, 1000, sizes)
    nursery.close()
    for _ in range(3):
        clinic.pass_time()
        clinic.gateway.recovery.sweep(limit=1000)
        clinic.work()
    check_invariants(clinic.database.engine, clinic.books())
    states = {row.state for row in clinic.rows("SELECT state FROM payments WHERE appointment_id BETWEEN 1000 AND 1029")}
    assert states == {"failed", "succeeded"}, "the disk was never full in the middle, or never long enough"


# --- the power fails --------------------------------------------------------------------------------------------------


def pay_on_and_on(database_url: str, sandbox_url: str, acknowledge: Connection, appointments: range) -> None:
    clinic = Clinic(database_url, sandbox_url)
    for appointment_id in appointments:
        clinic.appointment(appointment_id)
        acknowledge.send_bytes(str(clinic.pay(appointment_id=appointment_id).id).encode())


@pytest.mark.catalogue(23)
def test_what_was_acknowledged_is_on_the_disk(clinic: Clinic, tmp_path: Path) -> None:
    _cut_the_power(clinic, tmp_path, images=20)


@pytest.mark.soak
@pytest.mark.catalogue(23)
def test_what_was_acknowledged_is_on_the_disk_a_thousand_times(clinic: Clinic, tmp_path: Path) -> None:
    _cut_the_power(clinic, tmp_path, images=1000)


def _cut_the_power(clinic: Clinic, folder: Path, images: int) -> None:
    """The writer is stopped at random instants, as the power would stop it, and its file and log are copied."""
    hears, tells = FORKS.Pipe(duplex=False)
    appointments, dice, acknowledged = range(1000, 1_000_000), random.Random(23), list[int]()
    arguments = (clinic.database_url, clinic.sandbox_url, tells, appointments)
    writer = FORKS.Process(target=pay_on_and_on, args=arguments, daemon=True)
    writer.start()
    tells.close()
    assert writer.pid is not None
    try:
        for number in range(images):
            assert hears.poll(30), "the writer does not write"
            _until_moved(file_of(clinic), dice.randrange(1, 30))
            os.kill(writer.pid, signal.SIGSTOP)
            _until_stopped(writer.pid)
            while hears.poll():
                acknowledged.append(int(hears.recv_bytes()))
            image = folder / f"image-{number}.sqlite"
            for suffix in ("", "-wal"):  # the -shm is memory, and lost
                shutil.copyfile(f"{file_of(clinic)}{suffix}", f"{image}{suffix}")
            os.kill(writer.pid, signal.SIGCONT)
            _holds(image, acknowledged)
    finally:
        writer.kill()
        writer.join()
    assert acknowledged


def _until_moved(path: Path, writes: int) -> None:
    """Until the log has been written to so many more times, as far as its clock can tell."""
    log, seen = Path(f"{path}-wal"), set[int]()
    while len(seen) < writes:
        seen.add(log.stat().st_mtime_ns)
        time.sleep(0.0002)


def _until_stopped(pid: int) -> None:
    while Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "T":
        pass


def _holds(image: Path, acknowledged: list[int]) -> None:
    with closing(sqlite3.connect(image)) as copy:
        assert copy.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        there = {number for (number,) in copy.execute("SELECT id FROM payments WHERE state = 'succeeded'")}
        booked = copy.execute("SELECT count(*) FROM ledger_entries WHERE kind = 'charge'").fetchone()[0]
    assert set(acknowledged) <= there and booked == len(there)
    for suffix in ("", "-wal", "-shm"):
        Path(f"{image}{suffix}").unlink(missing_ok=True)
