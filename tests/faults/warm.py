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
from unittest.mock import patch

from tests.clinic import Clinic
from tp_gateway.contract import Flow

WARM_APPOINTMENTS = (1, 2)


def warm_clinic(database_url: str, sandbox_url: str, **settings: str) -> Clinic:
    """Takes two payments at the sandbox to have warmed up. The process must have one thread only, and keep it so."""
    first = Clinic(database_url, sandbox_url, **settings).open()
    for appointment_id in WARM_APPOINTMENTS:
        first.appointment(appointment_id)
    paid = first.pay(appointment_id=WARM_APPOINTMENTS[0])
    first.refund(paid.id)
    first.pay(appointment_id=WARM_APPOINTMENTS[1], flow=Flow.BROWSER)
    first.pay(appointment_id=WARM_APPOINTMENTS[1])
    first.pass_time()
    first.work()
    first.close()
    _until_alone()
    with patch("tp_gateway.make_database", return_value=first.database):  # what its engine has compiled is kept
        clinic = Clinic(database_url, sandbox_url, **settings)
    gc.collect()
    gc.freeze()  # shared with every fork, and not to be written to by their collectors
    return clinic


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


def _until_alone() -> None:
    deadline = time.monotonic() + 10
    while threading.active_count() > 1:
        assert time.monotonic() < deadline, threading.enumerate()
        time.sleep(0.001)
