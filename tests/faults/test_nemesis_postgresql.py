"""PostgreSQL dies: one backend at each statement and around each COMMIT, the whole server under load, no connection
left. Clients get the true result, `pending`, or 503; nothing is half-written, and the pool finds back by itself."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from sandbox.stripe import StripeSandbox
from tests.clinic import Clinic, patient, refused, sandbox
from tests.databases import PostgreSQL
from tests.faults.nemesis import MortalPostgreSQL
from tests.invariants import check_invariants
from tp_gateway.errors import GatewayError

pytestmark = pytest.mark.postgresql
_PATIENCE = 30


@pytest.fixture
def clinic(postgresql_database_url: str, stripe_sandbox: StripeSandbox) -> Iterator[Clinic]:
    sandbox(stripe_sandbox.url, "POST", "reset")
    made = Clinic(postgresql_database_url, stripe_sandbox.url).open()
    yield made
    made.close()


@pytest.fixture
def mortal() -> Iterator[MortalPostgreSQL]:
    server = MortalPostgreSQL()
    yield server
    server.close()


@pytest.fixture
def mortal_clinic(mortal: MortalPostgreSQL, stripe_sandbox: StripeSandbox) -> Iterator[Clinic]:
    sandbox(stripe_sandbox.url, "POST", "reset")
    made = Clinic(mortal.new_database(), stripe_sandbox.url).open()
    yield made
    made.close()


# --- one backend ------------------------------------------------------------------------------------------------------


@contextmanager
def at_statement(clinic: Clinic, number: int, server: PostgreSQL) -> Iterator[list[str]]:
    """Before its statement of that number the backend is terminated. Yields the statements seen."""
    seen: list[str] = []

    def before(connection: sa.Connection, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)
        if len(seen) == number:
            driver: Any = connection.connection.driver_connection
            _terminate(server, driver.info.backend_pid)

    sa.event.listen(clinic.database.engine, "before_cursor_execute", before)
    try:
        yield seen
    finally:
        sa.event.remove(clinic.database.engine, "before_cursor_execute", before)


@contextmanager
def at_commit(clinic: Clinic, number: int, server: PostgreSQL, *, done: bool) -> Iterator[list[str]]:
    """The commit of that number gets no answer: because the backend was terminated, or (`done`) though it was done."""
    dialect, seen = clinic.database.engine.dialect, list[str]()
    original = dialect.do_commit

    def do_commit(connection: Any) -> None:
        seen.append("COMMIT")
        if len(seen) == number:
            if done:
                original(connection)
                connection.driver_connection.close()
                raise psycopg.OperationalError("server closed the connection unexpectedly")
            _terminate(server, connection.driver_connection.info.backend_pid)
        original(connection)

    dialect.do_commit = do_commit  # type: ignore[assignment, method-assign]
    try:
        yield seen
    finally:
        dialect.do_commit = original  # type: ignore[method-assign]


def _terminate(server: PostgreSQL, pid: int) -> None:
    with server.connect() as connection:
        connection.autocommit = True
        connection.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])  # waits until it is gone


@pytest.mark.catalogue(106)
def test_a_backend_killed_at_any_statement(clinic: Clinic, postgresql_server: PostgreSQL) -> None:
    assert _pay_with(clinic, lambda number: at_statement(clinic, number, postgresql_server)) >= 7


@pytest.mark.catalogue(106)
@pytest.mark.parametrize("done", [False, True], ids=["not committed", "committed and not told"])
def test_a_backend_killed_in_any_commit(clinic: Clinic, postgresql_server: PostgreSQL, done: bool) -> None:
    assert _pay_with(clinic, lambda number: at_commit(clinic, number, postgresql_server, done=done)) >= 3


def _pay_with(clinic: Clinic, harm: Callable[[int], Any]) -> int:
    """Take a payment for each number, as many as a whole payment has. Returns how many there were."""
    told: dict[int, str] = {}
    clinic.appointment(999)
    with harm(10_000) as seen:
        assert _answer(clinic, 999) == "succeeded"
        steps = len(seen)
    for number in range(1, steps + 1):
        clinic.appointment(1000 + number)
        with harm(number):
            told[1000 + number] = _answer(clinic, 1000 + number)
    _recover(clinic)
    check_invariants(clinic.database.engine, clinic.books())
    for appointment_id, answer in told.items():
        assert answer in ("succeeded", "pending", "503"), answer
        _truly(clinic, appointment_id, answer)
    check_invariants(clinic.database.engine, clinic.books())
    return steps


def _answer(clinic: Clinic, appointment_id: int) -> str:
    """What the client is told; anything but a payment's status or a refusal is a fault of ours."""
    try:
        return str(clinic.pay(appointment_id=appointment_id).body["status"])
    except GatewayError as refusal:
        return "503" if refusal.code == "service_unavailable" else refusal.code


def _recover(clinic: Clinic) -> None:
    for _ in range(4):
        clinic.pass_time()
        clinic.gateway.recovery.sweep(limit=1000)
        clinic.work()


def _truly(clinic: Clinic, appointment_id: int, answer: str) -> None:
    states = [
        row.state for row in clinic.rows("SELECT state FROM payments WHERE appointment_id = :id", id=appointment_id)
    ]
    if answer == "succeeded":
        assert states == ["succeeded"]
    if "succeeded" in states:
        assert refused(clinic.pay, patient, appointment_id=appointment_id).code == "already_paid"
    else:
        assert clinic.pay(appointment_id=appointment_id).body["status"] == "succeeded"


# --- the whole server -------------------------------------------------------------------------------------------------


def _kill_backend(server: MortalPostgreSQL) -> None:
    """`kill -9` of one backend of ours: the postmaster then ends all others and starts over."""
    with server.connect() as connection:
        query = "SELECT pid FROM pg_stat_activity WHERE datname = 'migrated' AND backend_type = 'client backend'"
        pids = [pid for (pid,) in connection.execute(query)]
    for pid in pids[:1]:
        os.kill(pid, signal.SIGKILL)


def _kill_server(server: MortalPostgreSQL) -> None:
    server.kill()
    server.start_again()


@pytest.mark.catalogue(107)
def test_a_server_killed_under_load(mortal: MortalPostgreSQL, mortal_clinic: Clinic) -> None:
    _kill_under_load(mortal, mortal_clinic, [_kill_server, _kill_backend, _kill_server])


@pytest.mark.soak
@pytest.mark.catalogue(107)
def test_a_server_killed_twenty_times_under_load(mortal: MortalPostgreSQL, mortal_clinic: Clinic) -> None:
    _kill_under_load(mortal, mortal_clinic, [_kill_server, _kill_backend] * 20)


def _kill_under_load(server: MortalPostgreSQL, clinic: Clinic, harms: list[Callable[[MortalPostgreSQL], None]]) -> None:
    over, told, lock = threading.Event(), dict[int, str](), threading.Lock()
    appointments = iter(range(1000, 1_000_000))

    def client() -> None:
        while not over.is_set():
            with lock:
                appointment_id = next(appointments)
            try:
                clinic.appointment(appointment_id)
            except GatewayError as refusal:
                assert refusal.code == "service_unavailable"
                continue
            told[appointment_id] = _answer(clinic, appointment_id)

    def paid() -> int:
        return sum(answer == "succeeded" for answer in list(told.values()))

    back = []
    with ThreadPoolExecutor(8) as clients:
        running = [clients.submit(client) for _ in range(8)]
        try:
            for harm in harms:
                _until_more(paid, than=paid() + 5)
                before = paid()
                harm(server)
                came_back = time.monotonic()
                _until_more(paid, than=before + 8)  # one for each client may have been on its way
                back.append(time.monotonic() - came_back)
        finally:
            over.set()
        for one in running:
            one.result()
    print(Counter(told.values()), "seconds to the next payments:", [round(seconds, 1) for seconds in back])
    assert set(told.values()) <= {"succeeded", "pending", "503"}, Counter(told.values())
    _recover(clinic)
    check_invariants(clinic.database.engine, clinic.books())
    for appointment_id, answer in told.items():
        if answer != "succeeded" or appointment_id % 10 == 0:
            _truly(clinic, appointment_id, answer)


def _until_more(count: Callable[[], int], *, than: int) -> None:
    _until(lambda: count() > than)


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "the gateway does not find back to its database"
        time.sleep(0.01)


# --- its connections --------------------------------------------------------------------------------------------------


@pytest.mark.catalogue(107)
def test_no_connection_left_is_unavailable(mortal: MortalPostgreSQL, mortal_clinic: Clinic) -> None:
    """SQLSTATE 53300."""
    mortal.kill()
    mortal.start_again(max_connections="10")
    mortal_clinic.database.dispose()
    held = []
    with pytest.raises(psycopg.OperationalError, match="too many clients"):
        while True:
            held.append(mortal.connect())
    assert refused(mortal_clinic.pay).code == "service_unavailable"
    for connection in held:
        connection.close()
    mortal_clinic.appointment()
    _until(lambda: _answer(mortal_clinic, 123) == "succeeded")
    check_invariants(mortal_clinic.database.engine, mortal_clinic.books())


@pytest.mark.catalogue(108)
@pytest.mark.parametrize(
    "call", ["POST /v1/payment_intents", "POST /v1/payment_intents/*/confirm"], ids=["prepare", "execute"]
)
def test_no_transaction_is_open_while_the_provider_hangs(
    clinic: Clinic, postgresql_server: PostgreSQL, call: str
) -> None:
    clinic.appointment()
    clinic.fault(call, "hang", seconds=1)
    last = sandbox(clinic.sandbox_url, "GET", "requests?since=0")["last"]
    with ThreadPoolExecutor(1) as pool:
        paying = pool.submit(_answer, clinic, 123)
        _until(lambda: any(_hangs(clinic, last)))
        with postgresql_server.connect(clinic.database.engine.url.database or "") as connection:
            ours = "datname = current_database() AND pid <> pg_backend_pid()"
            found = connection.execute(f"SELECT state, xact_start, query FROM pg_stat_activity WHERE {ours}").fetchall()
        assert any(_hangs(clinic, last)), "the provider answered before we had looked"
        assert paying.result() == "succeeded"
    assert found and all(state == "idle" and begun is None for state, begun, _ in found), found


def _hangs(clinic: Clinic, since: int) -> Iterator[bool]:
    for request in sandbox(clinic.sandbox_url, "GET", f"requests?since={since}")["requests"]:
        yield request["fault"] == "hang" and request["status"] is None
