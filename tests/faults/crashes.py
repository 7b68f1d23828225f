"""Kills a real process at a chosen step of its work. The steps are attached from outside: the product knows nothing
of them.

A step is the moment before or after each commit and each provider call.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from typing import Any

import transaction

from tests.clinic import Clinic
from tp_gateway.registry import GuardedProvider

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["tests.faults.crashes"])


def run_and_kill(
    work: Callable[..., None], step: int, database_url: str, sandbox_url: str, *arguments: Any
) -> int | None:
    """Run `work(clinic, *arguments)` in a process of its own that kills itself at `step`. Returns None if it was
    killed, else how many steps there were (step 0 kills nothing)."""
    told, tells = _FORKS.Pipe(duplex=False)
    process = _FORKS.Process(target=_run, args=(work, step, tells, database_url, sandbox_url, arguments))
    process.start()
    tells.close()
    process.join(60)
    if process.is_alive():
        process.kill()
        raise AssertionError("the process hangs")
    if process.exitcode == -signal.SIGKILL:
        return None
    assert process.exitcode == 0, f"the process ended with {process.exitcode}"
    steps: int = told.recv()
    return steps


def _run(
    work: Callable[..., None], step: int, tells: Any, database_url: str, sandbox_url: str, arguments: tuple[Any, ...]
) -> None:
    clinic = Clinic(database_url, sandbox_url)
    count = _kill_at(step)
    work(clinic, *arguments)
    tells.send(count())
    os._exit(0)


def _kill_at(step: int) -> Callable[[], int]:
    seen = 0

    def pass_by() -> None:
        nonlocal seen
        seen += 1
        if seen == step:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(original: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*arguments: Any, **more: Any) -> Any:
            pass_by()
            result = original(*arguments, **more)
            pass_by()
            return result

        return wrapped

    transaction.TransactionManager.commit = around(transaction.TransactionManager.commit)
    GuardedProvider._call = around(GuardedProvider._call)  # type: ignore[method-assign]
    return lambda: seen
