"""A process is killed between any two steps of its work; then recovery runs, and the sandbox's books and ours agree."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.clinic import Clinic, patient, refused
from tests.faults.crashes import run_and_kill
from tests.invariants import check_invariants
from tp_gateway.contract import Flow
from tp_gateway.errors import GatewayError


def charge(clinic: Clinic, appointment_id: int, token: str) -> None:
    clinic.pay(appointment_id=appointment_id, method_id=token)


def browser_intent(clinic: Clinic, appointment_id: int, _token: str) -> None:
    clinic.pay(appointment_id=appointment_id, flow=Flow.BROWSER, amount=18000)


def supersede(clinic: Clinic, appointment_id: int, token: str) -> None:
    """Closes the browser intent that was opened before, then charges."""
    clinic.pay(appointment_id=appointment_id, method_id=token)


def refund(clinic: Clinic, payment_id: int, _token: str) -> None:
    clinic.refund(payment_id, "80.00")


def recover(clinic: Clinic) -> None:
    for _ in range(4):
        clinic.pass_time()
        clinic.work()


@pytest.mark.parametrize(
    ("work", "token"),
    [
        (charge, "pm_card_visa"),
        (charge, "pm_card_visa_chargeDeclined"),
        (charge, "pm_card_authenticationRequired"),
        (browser_intent, ""),
        (supersede, "pm_card_visa"),
    ],
    ids=["success", "decline", "3ds", "browser", "supersede"],
)
def test_a_charge_killed_at_any_step_is_found_out(clinic: Clinic, work: Callable[..., None], token: str) -> None:
    step, steps = 0, 1
    while step <= steps:
        appointment_id = clinic.appointment(1000 + step)
        if work is supersede:
            clinic.pay(appointment_id=appointment_id, flow=Flow.BROWSER, amount=18000)
        survived = run_and_kill(work, step, clinic.database_url, clinic.sandbox_url, appointment_id, token)
        assert (survived is not None) == (step == 0)
        steps = survived or steps
        recover(clinic)
        check_invariants(clinic.database.engine, clinic.books())
        if token != "pm_card_authenticationRequired":
            pay_again(clinic, appointment_id)
        step += 1
    assert steps >= 6, "the steps are no longer attached"
    check_invariants(clinic.database.engine, clinic.books())


def pay_again(clinic: Clinic, appointment_id: int) -> None:
    """After recovery the patient is never stuck: paid, or free to pay."""
    try:
        assert clinic.pay(appointment_id=appointment_id).body["status"] == "succeeded"
    except GatewayError as error:
        assert error.code == "already_paid"
    assert refused(clinic.pay, appointment_id=appointment_id).code == "already_paid"


def test_a_refund_killed_at_any_step_happens_once(clinic: Clinic) -> None:
    step, steps = 0, 1
    while step <= steps:
        payment = clinic.pay(appointment_id=clinic.appointment(2000 + step))
        survived = run_and_kill(refund, step, clinic.database_url, clinic.sandbox_url, payment.id, "")
        steps = survived or steps
        recover(clinic)
        check_invariants(clinic.database.engine, clinic.books())
        refunds = [
            row for row in clinic.books()["refunds"] if row["payment_intent"] == clinic.payment(payment.id).reference
        ]
        # Killed before the order was committed: nobody ordered it. Afterwards: exactly once.
        assert len(refunds) == (0 if step == 1 else 1)
        step += 1
    assert steps >= 8


def test_a_worker_killed_at_any_step_of_its_own_is_followed_by_another(clinic: Clinic) -> None:
    step, steps = 0, 1
    while step <= steps:
        appointment_id = clinic.appointment(3000 + step)
        killed = run_and_kill(charge, 6, clinic.database_url, clinic.sandbox_url, appointment_id, "pm_card_visa")
        assert killed is None
        clinic.pass_time()
        survived = run_and_kill(sweep, step, clinic.database_url, clinic.sandbox_url)
        steps = survived or steps
        recover(clinic)
        check_invariants(clinic.database.engine, clinic.books())
        step += 1
    assert steps >= 4


def sweep(clinic: Clinic) -> None:
    clinic.gateway.recovery.sweep()


def test_recovery_never_starts_a_charge(clinic: Clinic) -> None:
    """A patient who saw an error must not be charged minutes later."""
    appointment_id = clinic.appointment()
    before_t2 = 4
    assert (
        run_and_kill(charge, before_t2, clinic.database_url, clinic.sandbox_url, appointment_id, "pm_card_visa") is None
    )
    recover(clinic)
    assert not clinic.books()["charges"]
    states: list[Any] = clinic.rows("SELECT state, provider_code FROM payments")
    assert [tuple(row) for row in states] == [("failed", "abandoned")]
    assert clinic.pay(patient).body["status"] == "succeeded"
