"""Kills a real process at a step of its work that has a name (`steps`)."""

from __future__ import annotations

import multiprocessing
import os
import select
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from tests.clinic import Clinic
from tests.faults import steps
from tests.faults.warm import fork, warm_clinic

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["tests.faults.crashes"])
"""Its processes need not import the gateway again."""
_PATIENCE = 60
_DEATHS = (signal.SIGKILL, signal.SIGXFSZ)
SETTINGS = {
    "tp_gateway.timing.prepare": "1.5",
    "tp_gateway.timing.execute": "1.5",
    "tp_gateway.timing.fetch": "1",
    "tp_gateway.timing.lease": "600",  # nobody's turn comes by itself while other processes are being killed
}

Work = Callable[..., object]


class Nursery:
    """A warm process (`warm`) of which one is forked for each piece of work. `settings`: lines of the ini."""

    def __init__(self, database_url: str, sandbox_url: str, **settings: str) -> None:
        self._pipe, theirs = FORKS.Pipe()
        self._process = FORKS.Process(target=_serve, args=(theirs, database_url, sandbox_url, settings), daemon=True)
        self._process.start()
        theirs.close()

    def run(self, work: Work, die_at: str | None, *arguments: Any) -> list[str]:
        """Do `work(clinic, *arguments)` in a process that is killed at the step `die_at`. Returns the steps that it
        took, that one included; if it never came there it must have ended well."""
        self._pipe.send((work, die_at, arguments))
        status, trail = self._pipe.recv()
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) in _DEATHS and trail[-1] == die_at
        assert killed or status == 0, f"to be killed at {die_at}, it ended with {status} after {trail}"
        return list(trail)

    def close(self) -> None:
        self._pipe.close()
        self._process.join(_PATIENCE)


def _serve(pipe: Connection, database_url: str, sandbox_url: str, settings: dict[str, str]) -> None:
    clinic = warm_clinic(database_url, sandbox_url, **SETTINGS, **settings)
    while True:
        try:
            work, die_at, arguments = pipe.recv()
        except EOFError:
            return
        pipe.send(_run(clinic, work, die_at, arguments))


def _run(clinic: Clinic, work: Work, die_at: str | None, arguments: tuple[Any, ...]) -> tuple[int, list[str]]:
    reads, writes = os.pipe()

    def child() -> None:
        def step(name: str) -> None:
            os.write(writes, f"{name}\n".encode())
            if name == die_at:
                steps.die()

        steps.attach(clinic, step)
        work(clinic, *arguments)

    pid = fork(child)
    os.close(writes)
    written = b""
    while select.select([reads], [], [], _PATIENCE)[0]:
        part = os.read(reads, 65_536)
        if not part:
            break
        written += part
    else:
        os.kill(pid, signal.SIGTERM)  # it hangs, and that is no way to end
    os.close(reads)
    return os.waitpid(pid, 0)[1], written.decode().splitlines()
