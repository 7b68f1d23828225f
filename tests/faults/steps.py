"""The steps of a process' work at which it can die, attached from outside: the product holds no switch for tests.

A step is a moment of a commit (`before`, `inside`, `after`) or of a call of a provider (`before`; `sent`: the request
is on the wire and the answer unread; `after`). Steps are named by what they are and counted (`commit 2 inside`,
`execute 1 sent 1`), so that they outlive a change of the product's lines.
"""

from __future__ import annotations

import os
import resource
import select
import signal
import socket
import struct
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from tests.clinic import Clinic
from tp_gateway.registry import GuardedProvider

MEMBERS = (
    *("prepare", "execute", "fetch", "close", "refund", "save_method", "list_since"),
    *("capture", "void", "fetch_dispute", "lodge_rebate", "delete_rebate"),
)
Step = Callable[[str], None]
_ANSWER_WAIT = 0.05
# Sizes of headers in SQLite's write-ahead log (sqlite.org/fileformat2.html#the_write_ahead_log).
_LOG_HEADER, _FRAME = 32, 24


def attach(clinic: Clinic, step: Step) -> None:
    """`step(name)` is called at every step of this process from now on; it may `die()`."""
    counted: Counter[str] = Counter()
    current = ["call"]

    def named(what: str) -> str:
        counted[what] += 1
        return f"{what} {counted[what]}"

    _attach_to_commits(clinic, named, step)
    _attach_to_changes(clinic, named, step)
    _attach_to_sockets(lambda: step(named(f"{current[0]} sent")))
    for member in MEMBERS:
        setattr(GuardedProvider, member, _around(getattr(GuardedProvider, member), member, named, current, step))


def _around(original: Any, member: str, named: Callable[[str], str], current: list[str], step: Step) -> Any:
    def wrapped(*arguments: Any, **more: Any) -> Any:
        current[0] = name = named(member)
        step(f"{name} before")
        result = original(*arguments, **more)
        step(f"{name} after")
        return result

    return wrapped


def _attach_to_commits(clinic: Clinic, named: Callable[[str], str], step: Step) -> None:
    dialect = clinic.database.engine.dialect
    original = dialect.do_commit

    def do_commit(connection: Any) -> None:
        if getattr(connection.driver_connection, "autocommit", False):
            return  # a statement by itself: see below
        name = named("commit")
        step(f"{name} before")
        _inside.append(connection)
        try:
            step(f"{name} inside")
        finally:
            _inside.pop()
        original(connection)
        step(f"{name} after")

    dialect.do_commit = do_commit  # type: ignore[assignment, method-assign]


def _attach_to_changes(clinic: Clinic, named: Callable[[str], str], step: Step) -> None:
    """PostgreSQL: one statement that commits itself. `inside`: it is done, and nobody reads that it is."""
    database = clinic.database
    plain = database.change
    if database.engine.dialect.name == "sqlite":
        return

    def change(*arguments: Any) -> int:
        name = named("commit")
        step(f"{name} before")
        result = plain(*arguments)
        step(f"{name} inside")
        step(f"{name} after")
        return result

    database.change = change  # type: ignore[method-assign]


def _attach_to_sockets(sent: Callable[[], None]) -> None:
    """The first look for an answer after something was sent. Only Python's own sockets, so not PostgreSQL's."""
    waiting: set[int] = set()
    plain_sendall, plain_recv_into = socket.socket.sendall, socket.socket.recv_into

    def sendall(self: socket.socket, *arguments: Any) -> None:
        waiting.add(id(self))
        plain_sendall(self, *arguments)

    def recv_into(self: socket.socket, *arguments: Any) -> int:
        if id(self) in waiting:
            waiting.discard(id(self))
            _answering.append(self)
            try:
                sent()
            finally:
                _answering.pop()
        return plain_recv_into(self, *arguments)

    socket.socket.sendall = sendall  # type: ignore[assignment, method-assign]
    socket.socket.recv_into = recv_into  # type: ignore[assignment, method-assign]


# Where the process is while `step` runs: in this commit, or waiting on this socket.
_inside: list[Any] = []
_answering: list[socket.socket] = []


def die() -> None:
    """End this process as `kill -9` does; in the midst of a commit or of a call, in its very midst."""
    if _inside:
        _commit_halfway(_inside[-1])
    elif _answering:
        # What was asked for has happened now, and nobody reads that it has (or the provider is silent).
        select.select([_answering[-1]], [], [], _ANSWER_WAIT)
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)  # never: the signal is for the whole process


def _commit_halfway(connection: Any) -> None:
    """PostgreSQL: COMMIT is on its way, its answer unread. SQLite: the second page is half in the log when the kernel
    kills us for having reached a file's largest size."""
    driver = connection.driver_connection
    if hasattr(driver, "pgconn"):
        driver.pgconn.send_query(b"COMMIT")
        while driver.pgconn.flush():
            time.sleep(0.001)
        return
    path = driver.execute("PRAGMA database_list").fetchone()[2]
    page = driver.execute("PRAGMA page_size").fetchone()[0] + _FRAME
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    largest = _LOG_HEADER + _frames_in_use(path) * page + page + page // 2
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest, resource.RLIM_INFINITY))
    driver.commit()


def _frames_in_use(path: str) -> int:
    """Where the next frame goes (sqlite.org/walformat.html#the_wal_index_file_format). The file stays open: closing it
    would let go of SQLite's own locks, and we die anyway."""
    index = os.pread(os.open(f"{path}-shm", os.O_RDONLY), 100, 0)
    in_log, copied = struct.unpack_from("=I", index, 16)[0], struct.unpack_from("=I", index, 96)[0]
    return 0 if copied == in_log else int(in_log)
