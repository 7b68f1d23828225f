"""What a storm stands on: a stand-in of the outside world in a process of its own, because its books must survive, and
a database of either engine."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.databases import PostgreSQL, PostgreSQLDatabases, make_sqlite_template, sqlite_url
from tp_gateway.schema import upgrade

ROOT = Path(__file__).parents[2]
_MEMORY = Path("/dev/shm")  # noqa: S108 - as a folder to make folders in


@contextmanager
def sandbox_process(module: str) -> Iterator[str]:
    """`python -m module` on a free port; yields its URL."""
    command = [sys.executable, "-m", module, "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().split()[-1]
    finally:
        process.kill()
        process.wait()


@contextmanager
def new_database(engine: str) -> Iterator[str]:
    """The URL of a migrated database of either engine, on a server of its own."""
    with ExitStack() as stack:
        if engine == "sqlite":
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tpg-", dir=_memory())))
            make_sqlite_template(folder / "gateway.sqlite", upgrade)
            yield sqlite_url(folder / "gateway.sqlite")
            return
        server = PostgreSQL()
        stack.callback(server.close)
        yield stack.enter_context(PostgreSQLDatabases(server, upgrade).database())


def _memory() -> str | None:
    """A disk in memory, if there is one: a killed process leaves the same there, and nothing waits for a disk."""
    return str(_MEMORY) if _MEMORY.is_dir() else None
