"""A PostgreSQL server that can be killed and comes back on the same data."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

from tests.databases import GUARD, PostgreSQL, PostgreSQLDatabases
from tp_gateway.schema import upgrade

_AGAIN = GUARD.replace('rm -rf "$TPG_DIRECTORY"', "")  # the first guard clears up
_PATIENCE = 30


class MortalPostgreSQL(PostgreSQL):
    """A server of the test's own. Its settings can be changed before it starts again."""

    def __init__(self) -> None:
        self._later: list[subprocess.Popen[Any]] = []
        super().__init__()

    def new_database(self) -> str:
        """The URL of a migrated database."""
        return PostgreSQLDatabases(self, upgrade)._server.url("migrated")

    @property
    def postmaster(self) -> int:
        return int((self.directory / "data" / "postmaster.pid").read_text().split()[0])

    def backends(self) -> list[int]:
        """Every process of the server but the first one."""
        children = Path(f"/proc/{self.postmaster}/task/{self.postmaster}/children").read_text()
        return [int(pid) for pid in children.split()]

    def kill(self) -> None:
        """`kill -9` of the postmaster; its processes end when they notice."""
        orphans, postmaster = self.backends(), self.postmaster
        os.kill(postmaster, signal.SIGKILL)
        deadline = time.monotonic() + _PATIENCE
        while any(_lives(pid) for pid in [postmaster, *orphans]):
            assert time.monotonic() < deadline, "the server does not die"
            time.sleep(0.005)

    def start_again(self, **settings: str) -> None:
        self._command += [f"--{name}={value}" for name, value in settings.items()]
        self._later.append(self._launch(_AGAIN))

    def close(self) -> None:
        for guard in self._later:
            if guard.stdin is not None:
                guard.stdin.close()
                guard.wait(timeout=_PATIENCE)
        super().close()


def _lives(pid: int) -> bool:
    """Not dead, nor dead and unburied."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
