"""More than can be done: what is refused is refused at once, what only reads is answered, slow clients are cut off."""

from __future__ import annotations

import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from sandbox.stripe import StripeSandbox
from tests.api.conftest import Api
from tests.api.test_servers import GUNICORN, PAYMENT, WAITRESS, Server, running
from tests.clinic import Clinic, sandbox
from tests.conftest import SQLITE_IN_SOAK
from tests.invariants import check_invariants

PAY = "/api/billing/payments/"
SIX_THREADS = [
    pytest.param(f"{WAITRESS}\nthreads = 6", id="waitress"),
    pytest.param(f"{GUNICORN.replace('workers = 2', 'workers = 1')}\nthreads = 6", id="gunicorn"),
]
SMALL = {
    "TP_GATEWAY_PROVIDER_LANES": "2",
    "TP_GATEWAY_PROVIDER_WAITING": "1",
    "TP_GATEWAY_TIMING_EXECUTE": "8",
    "TP_GATEWAY_WORKER": "separate",
}


@pytest.fixture
def clinic(sqlite_database_url: str, stripe_sandbox: StripeSandbox) -> Iterator[Clinic]:
    sandbox(stripe_sandbox.url, "POST", "reset")
    made = Clinic(sqlite_database_url, stripe_sandbox.url).open()
    yield made
    made.close()


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


# --- a provider that hangs --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", SIX_THREADS)
@pytest.mark.catalogue(98)
def test_while_the_provider_hangs_reads_are_answered_and_payments_refused(
    clinic: Clinic, tmp_path: Path, kind: str
) -> None:
    """Two payments hang at the provider, one may wait for a moment; the threads that are left serve all the rest."""
    for number in range(1000, 1030):
        clinic.appointment(number)
    clinic.fault("POST /v1/payment_intents/*/confirm", "slow", times=None, seconds=6)
    with running(kind, clinic, tmp_path, **SMALL) as server, ThreadPoolExecutor(32) as clients:

        def pay(number: int) -> tuple[int, Any]:
            return server.call(PAY, PAYMENT | {"appointment_id": number})

        hanging = [clients.submit(pay, number) for number in (1000, 1001)]
        until(lambda: len(clinic.rows("SELECT id FROM payments WHERE state = 'submitting'")) == 2)
        refused = [clients.submit(pay, number) for number in range(1002, 1022)]
        reads = [clients.submit(server.call, path) for path in (PAY, f"{PAY}1/", "/api/billing/providers/") * 5]
        assert [read.result()[0] for read in reads] == [200] * 15
        assert {one.result()[0] for one in refused} == {503}
        assert not any(one.done() for one in hanging)
        # Refused before anything was written; the few that came when there seemed to be room, before anything was sent.
        ended = clinic.rows("SELECT state, provider_code, reference FROM payments WHERE state <> 'submitting'")
        assert set(ended) <= {("failed", "lanes_full", None)}
        assert len(ended) < 10
        assert {(one.result()[0], one.result()[1]["status"]) for one in hanging} == {(201, "succeeded")}
        sandbox(clinic.sandbox_url, "DELETE", "faults")
        assert pay(1022)[0] == 201
        assert server.stop() == 0
        assert "no_thread_left_for_reads" not in server.log.read_text()
    check_invariants(clinic.database.engine, clinic.books())


@pytest.fixture
def impatient(database_url: str, stripe_sandbox: StripeSandbox) -> Iterator[Api]:
    """After two failures in a row the provider is left alone for ten minutes."""
    sandbox(stripe_sandbox.url, "POST", "reset")
    more = {"tp_gateway.breaker_failures": "2", "tp_gateway.breaker_seconds": "600"}
    made = Api(database_url, stripe_sandbox.url, **more)
    made.open()
    made.appointment()
    yield made
    try:
        check_invariants(made.database.engine, made.books(), at_rest=False)
    finally:
        made.close()


def calls(api: Api) -> int:
    return len(sandbox(api.sandbox_url, "GET", "requests")["requests"])


@pytest.mark.catalogue(27)
@pytest.mark.catalogue(28)
def test_a_provider_that_is_down_is_left_alone_until_one_call_gets_through(impatient: Api) -> None:
    api = impatient
    key = {"Idempotency-Key": "paid before"}
    api.pay_by_http(headers=key, status=201)
    api.appointment(124)
    api.appointment(125)
    waiting = api.post("/api/billing/stripe/create-payment-intent/", {"appointment_id": 125, "amount": 18000}).json
    api.fault("* /v1/**", "refuse", times=None)
    for _ in range(2):
        assert api.pay_by_http(appointment_id=124, status=503).json["code"] == "service_unavailable"
    api.pass_time()
    written, called = len(api.rows("SELECT id FROM payments")), calls(api)
    refused = api.pay_by_http(appointment_id=124, status=503)
    assert 500 < int(refused.headers["Retry-After"]) <= 600
    assert api.get(f"{PAY}{waiting['payment_id']}/", status=200).json["status"] == "pending"
    confirm = {"payment_intent_id": waiting["payment_intent_id"]}
    assert api.post("/api/billing/stripe/confirm-payment/", confirm, status=200).json["status"] == "pending"
    api.post(f"{PAY}{waiting['payment_id']}/cancel/", status=503)
    refund = api.post(f"{PAY}1/refund/", {}, as_user=8, status=201).json
    assert refund["status"] == "pending"
    assert api.pay_by_http(headers=key, status=201).headers["Idempotent-Replayed"] == "true"
    assert (len(api.rows("SELECT id FROM payments")), calls(api)) == (written, called)
    sandbox(api.sandbox_url, "DELETE", "faults")
    api.pay_by_http(appointment_id=124, status=503)
    api.gateway.registry.for_method("card")._breaker._clock = lambda: time.monotonic() + 601
    api.pay_by_http(appointment_id=124, status=201)
    api.pass_time()
    api.gateway.refund_sending.sweep()
    assert api.get(f"{PAY}1/").json["refunds"][0]["status"] == "succeeded"


@pytest.mark.catalogue(29)
@pytest.mark.parametrize("database_url", SQLITE_IN_SOAK, indirect=True)
def test_an_answer_that_drips_ends_at_the_deadline_and_frees_its_lane(
    database_url: str, stripe_sandbox: StripeSandbox
) -> None:
    sandbox(stripe_sandbox.url, "POST", "reset")
    api = Api(database_url, stripe_sandbox.url, **{"tp_gateway.provider_lanes": "1"})
    api.open()
    api.appointment()
    api.appointment(124)
    try:
        api.fault("POST /v1/payment_intents/*/confirm", "drip", seconds=0.5)
        api.fault("GET /v1/payment_intents/*", "drip", seconds=0.5)
        answer = api.pay_by_http(status=201)
        assert answer.json["status"] == "pending"
        until(lambda: api.pay_by_http(appointment_id=124).status_code == 201)
        api.pass_time()
        assert api.get(f"{PAY}{answer.json['id']}/").json["status"] == "succeeded"
        check_invariants(api.database.engine, api.books())
    finally:
        api.close()


# --- slow clients -----------------------------------------------------------------------------------------------------


class SlowClients:
    """Many connections that send a request one byte at a time, until the server cuts them off."""

    def __init__(self, server: Server, how_many: int) -> None:
        self._open = selectors.DefaultSelector()
        for _ in range(how_many):
            connection = socket.create_connection(("127.0.0.1", server.port), timeout=10)
            connection.sendall(b"POST /api/billing/payments/ HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
            self._open.register(connection, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._drip)
        self._thread.start()

    def left(self) -> int:
        return len(self._open.get_map())

    def _drip(self) -> None:
        deadline = time.monotonic() + 60
        while self.left() and time.monotonic() < deadline:
            for key, _ in self._open.select(timeout=0.5):
                self._open.unregister(key.fileobj)
                key.fileobj.close()  # type: ignore[union-attr]
            for key in list(self._open.get_map().values()):
                with suppress(OSError):  # cut off just now
                    key.fileobj.send(b"x")  # type: ignore[union-attr]

    def wait(self) -> None:
        self._thread.join(90)
        assert not self.left()


@pytest.mark.catalogue(76)
@pytest.mark.long
def test_two_hundred_slow_clients_are_cut_off_and_keep_nobody_waiting(clinic: Clinic, tmp_path: Path) -> None:
    """With waitress, which gives a request a thread when all of it is there."""
    clinic.appointment()
    with running(f"{WAITRESS}\nthreads = 4", clinic, tmp_path) as server:
        assert "no_thread_left_for_reads" in server.log.read_text()
        slow = SlowClients(server, 200)
        assert server.call(PAY, PAYMENT)[0] == 201
        assert server.call(PAY)[0] == 200
        assert slow.left() == 200
        slow.wait()
        assert server.call(PAY)[0] == 200
        assert server.stop() == 0


@pytest.mark.soak
@pytest.mark.catalogue(76)
def test_slow_clients_are_cut_off_although_each_holds_a_thread(clinic: Clinic, tmp_path: Path) -> None:
    """gunicorn is made for a proxy in front that sends requests in one go; without one it recovers by itself."""
    with running(f"{GUNICORN}\nthreads = 2", clinic, tmp_path) as server:
        assert "no_thread_left_for_reads" in server.log.read_text()
        slow = SlowClients(server, 4)
        slow.wait()
        assert server.call(PAY)[0] == 200
        assert server.stop() == 0
        assert "Traceback" not in server.log.read_text()


def test_a_refusal_does_not_wait_for_its_turn(api: Api) -> None:
    """Lanes 32, two more requests may wait."""
    provider = api.gateway.registry.for_method("card")
    with ExitStack() as others:
        assert all(others.enter_context(provider.place()) for _ in range(34))
        assert api.pay_by_http(status=503).headers["Retry-After"] == "1"
        assert not api.rows("SELECT id FROM payments")
    api.pay_by_http(status=201)


@pytest.mark.catalogue(100)
def test_a_row_that_somebody_else_has_locked_is_not_waited_for_long(
    database_url: str, stripe_sandbox: StripeSandbox
) -> None:
    """A plugin with a connection of its own, a person in a database shell: no deadlock, and nothing was started."""
    sandbox(stripe_sandbox.url, "POST", "reset")
    api = Api(database_url, stripe_sandbox.url, **{"tp_gateway.database_busy_seconds": "0.5"})
    api.open()
    api.appointment()
    theirs = sa.create_engine(api.database.engine.url)
    try:
        with theirs.connect() as connection:
            if theirs.dialect.name == "sqlite":
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            connection.execute(sa.text("UPDATE payables SET amount_paid = amount_paid WHERE appointment_id = 123"))
            refused = api.pay_by_http(status=503)
            assert int(refused.headers["Retry-After"]) >= 1
            connection.rollback()
        assert not api.rows("SELECT id FROM payments")
        api.pay_by_http(status=201)
        check_invariants(api.database.engine, api.books())
    finally:
        theirs.dispose()
        api.close()
