"""The wall clock jumps while payments are made: leases may end too early or too late, money moves once all the same."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from sandbox.stripe import StripeSandbox
from tests.clinic import Clinic, sandbox, settings
from tests.invariants import check_invariants
from tests.services.test_charge import confirm
from tp_gateway import config, make_database, make_registry
from tp_gateway.crypto import Vault
from tp_gateway.errors import GatewayError
from tp_gateway.services import build_gateway

pytestmark = pytest.mark.catalogue(90)


class WallClock:
    """Now, and `shift` away from it."""

    def __init__(self) -> None:
        self.shift = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.shift


class ClinicWithClock(Clinic):
    """A clinic whose gateway reads its time from `clock`."""

    def __init__(self, database_url: str, sandbox_url: str) -> None:
        self.database_url, self.sandbox_url = database_url, sandbox_url
        self.clock = WallClock()
        read = config.load(settings(database_url, sandbox_url), {})
        self.database = make_database(read)
        self.gateway = build_gateway(
            database=self.database,
            registry=make_registry(read, self.database.require_no_transaction),
            vault=Vault(read.encryption_keys),
            timing=read.timing,
            environment=read.environment,
            time_zone=ZoneInfo("Australia/Melbourne"),
            currency="AUD",
            sweep_calls_per_second=1000,
            clock=self.clock,
        )


@pytest.fixture
def clinic(database_url: str, stripe_sandbox: StripeSandbox) -> Iterator[ClinicWithClock]:
    sandbox(stripe_sandbox.url, "POST", "reset")
    made = ClinicWithClock(database_url, stripe_sandbox.url)
    made.open()
    yield made
    made.close()


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_jump_in_the_middle_of_many_charges(clinic: ClinicWithClock, hours: int) -> None:
    """Forward, every lease ends at once and the sweep takes over what is still being driven; back, none ends."""
    appointments = [clinic.appointment(number) for number in range(1, 31)]
    begun, over = threading.Semaphore(0), threading.Event()

    def pay(appointment_id: int) -> str:
        begun.release()
        try:
            return str(clinic.pay(appointment_id=appointment_id).body["status"])
        except GatewayError as error:
            return error.code

    def jump_and_sweep() -> None:
        for _ in range(10):
            assert begun.acquire(timeout=30)
        clinic.clock.shift = timedelta(hours=hours)
        while not over.is_set():
            clinic.gateway.recovery.sweep()

    with ThreadPoolExecutor(7) as pool:
        sweeping = pool.submit(jump_and_sweep)
        statuses = list(pool.map(pay, appointments))
        over.set()
        sweeping.result()
    assert set(statuses) <= {"succeeded", "pending", "failed"}, statuses
    clinic.clock.shift = timedelta(hours=max(hours, 0) + 2)
    for _ in range(4):
        clinic.pass_time()
        clinic.work()
    check_invariants(clinic.database.engine, clinic.books())
    ended = {row.appointment_id: row.state for row in clinic.rows("SELECT appointment_id, state FROM payments")}
    for appointment_id, status in zip(appointments, statuses, strict=True):
        assert ended[appointment_id] in ("succeeded", "failed")
        assert status == "pending" or ended[appointment_id] == status, "what was said stays true"
    charges = [charge for charge in clinic.books()["charges"] if charge["paid"]]
    assert len(charges) == list(ended.values()).count("succeeded")


def test_the_history_of_a_payment_goes_forward_though_the_clock_went_back(clinic: ClinicWithClock) -> None:
    """Its order is that of its numbers; a moment in it is what the clock said."""
    waiting = clinic.pay(appointment_id=clinic.appointment(), method_id="pm_card_authenticationRequired")
    clinic.clock.shift = timedelta(hours=-1)
    sandbox(clinic.sandbox_url, "POST", f"challenge/{waiting.body['reference']}", {"outcome": "complete"})
    assert confirm(clinic, waiting.body["reference"]).body["status"] == "succeeded"
    moves = clinic.rows("SELECT from_state, to_state FROM transitions ORDER BY id")
    assert [tuple(move) for move in moves] == [
        (None, "created"),
        ("created", "submitting"),
        ("submitting", "awaiting_customer"),
        ("awaiting_customer", "succeeded"),
    ]
    check_invariants(clinic.database.engine, clinic.books())
