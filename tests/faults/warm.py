"""A gateway that has done everything once and has neither threads nor connections: what is forked from it works at
once, and can be killed."""

from __future__ import annotations

import gc
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from functools import partial
from typing import TypeVar
from unittest.mock import patch

from tests.clinic import Clinic
from tp_gateway.contract import Flow

WARM_APPOINTMENTS = (1, 2)
AnyClinic = TypeVar("AnyClinic", bound=Clinic)


def warm(make: Callable[[], AnyClinic], rehearse: Callable[[AnyClinic], object]) -> AnyClinic:
    """What `make` makes, after another one of it has done `rehearse`. The process must have one thread only, and keep
    it so."""
    first = make()
    first.open()
    rehearse(first)
    first.close()
    _until_alone()
    with patch("tp_gateway.make_database", return_value=first.database):  # what its engine has compiled is kept
        clinic = make()
    gc.collect()
    gc.freeze()  # shared with every fork, and not to be written to by their collectors
    return clinic


def warm_clinic(database_url: str, sandbox_url: str, **settings: str) -> Clinic:
    """Takes two payments at the sandbox to have warmed up."""
    return warm(partial(Clinic, database_url, sandbox_url, **settings), take_payments)


def take_payments(clinic: Clinic) -> None:
    for appointment_id in WARM_APPOINTMENTS:
        clinic.appointment(appointment_id)
    paid = clinic.pay(appointment_id=WARM_APPOINTMENTS[0])
    clinic.refund(paid.id)
    clinic.pay(appointment_id=WARM_APPOINTMENTS[1], flow=Flow.BROWSER)
    clinic.pay(appointment_id=WARM_APPOINTMENTS[1])
    clinic.pass_time()
    clinic.work()


def fork(work: Callable[[], object]) -> int:
    """Runs `work` in a process of its own, which ends with 0, or 1 and a traceback. Returns its id."""
    assert threading.active_count() == 1, "a fork takes one thread along, and the locks of all of them"
    child = os.fork()
    if child:
        return child
    try:
        work()
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)


def done_by_a_fork(work: Callable[[], object]) -> None:
    """So that the connections which `work` opens are not this process's, whose forks would share them."""
    assert os.waitpid(fork(work), 0)[1] == 0, "a process of the preparation failed"


def _until_alone() -> None:
    deadline = time.monotonic() + 10
    while threading.active_count() > 1:
        assert time.monotonic() < deadline, threading.enumerate()
        time.sleep(0.001)
