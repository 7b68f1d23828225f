"""Old idempotency records go; those of an open payment stay, however old."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from tests.clinic import Clinic, Key, _text
from tests.invariants import check_invariants
from tp_gateway.services.idempotency import KEPT

pytestmark = pytest.mark.catalogue(9)


def key(number: int) -> Key:
    return Key(user_id=45, route="payments", key=f"k{number}", body_hash="a")


def reap(clinic: Clinic, age: timedelta) -> int:
    """As the worker does it, in a moment in which what was written now is `age` old."""
    with clinic.database.transaction() as session:
        return clinic.gateway.idempotency.reap(session, datetime.now(UTC) + age)


def keys(clinic: Clinic) -> set[str]:
    return {row.key for row in clinic.rows("SELECT key FROM idempotency_records")}


def test_a_finished_key_goes_after_72_hours_and_not_before(clinic: Clinic) -> None:
    assert timedelta(hours=72) <= KEPT
    clinic.pay(key=key(1), appointment_id=clinic.appointment(1))
    assert reap(clinic, KEPT - timedelta(minutes=5)) == 0
    assert reap(clinic, KEPT + timedelta(minutes=5)) == 1
    assert keys(clinic) == set()


def test_the_key_of_an_open_payment_or_refund_stays_until_it_is_over(clinic: Clinic) -> None:
    clinic.fault("POST /v1/payment_intents/*/confirm", "lost")
    clinic.fault("GET /v1/payment_intents/*", "error_before", times=None)
    unclear = clinic.pay(key=key(1), appointment_id=clinic.appointment(1))
    assert clinic.payment(unclear.id).state == "unknown"
    challenged = clinic.pay(
        key=key(2), appointment_id=clinic.appointment(2), method_id="pm_card_authenticationRequired"
    )
    clinic.fault("POST /v1/refunds", "error_before")
    paid = clinic.pay(appointment_id=clinic.appointment(3))
    clinic.refund(paid.id, "80.00", key=Key(user_id=8, route="refund", key="r", body_hash="a"))
    assert reap(clinic, timedelta(days=400)) == 0
    assert keys(clinic) == {"k1", "k2", "r"}
    from tests.services.test_recovery import settle_down

    settle_down(clinic)
    assert clinic.payment(challenged.id).state == "awaiting_customer"
    assert reap(clinic, timedelta(days=400)) == 2
    assert keys(clinic) == {"k2"}


def test_a_key_that_never_started_anything_goes_too(clinic: Clinic) -> None:
    with clinic.database.transaction() as session:
        statement = "INSERT INTO idempotency_records (user_id, route, key, body_hash, created_at)"
        session.execute(_text(f"{statement} VALUES (45, 'payments', 'k0', 'a', :at)", at=datetime.now(UTC)))
    assert reap(clinic, timedelta(hours=71)) == 0
    assert reap(clinic, timedelta(hours=73)) == 1


def test_ten_runs_under_load_harm_no_payment(clinic: Clinic) -> None:
    """Each run takes every key for older than 72 hours. What is being paid keeps its key, so it is charged once."""
    appointments = [clinic.appointment(number) for number in range(1, 41)]
    paying, done = threading.Semaphore(0), threading.Event()

    def pay(appointment_id: int) -> str:
        paying.release()
        return str(clinic.pay(key=key(appointment_id), appointment_id=appointment_id).body["status"])

    def run_ten_times() -> int:
        runs = 0
        while runs < 10 or not done.is_set():
            paying.acquire(timeout=1)
            reap(clinic, timedelta(hours=73))
            runs += 1
        return runs

    with ThreadPoolExecutor(9) as pool:
        reaper = pool.submit(run_ten_times)
        statuses = list(pool.map(pay, appointments))
        done.set()
        assert reaper.result() >= 10
    assert statuses == ["succeeded"] * len(appointments)
    assert len(clinic.books()["charges"]) == len(appointments)
    check_invariants(clinic.database.engine, clinic.books())
