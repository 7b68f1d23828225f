"""Sees what a provider does behind our backs: connections, databases and processes that it opens, and what it logs."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

NETWORK = ("socket.connect", "socket.getaddrinfo", "socket.sendto")
STORE = ("sqlite3.connect",)
PROCESS = ("subprocess.Popen", "os.system", "os.fork", "os.exec", "os.posix_spawn")
_lock = threading.Lock()
_watched: list[tuple[tuple[str, ...], list[str]]] = []


@cache
def _install() -> None:
    """Once in a process, because an audit hook cannot be taken away again (PEP 578)."""

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if _watched and event in NETWORK + STORE + PROCESS:
            for events, seen in list(_watched):
                if event in events:
                    seen.append(f"{event}{tuple(arguments[1:2]) if event in NETWORK else ''}")

    sys.addaudithook(hook)


@contextmanager
def watched(*events: str) -> Iterator[list[str]]:
    """What of these happens meanwhile, on any thread."""
    _install()
    mine: tuple[tuple[str, ...], list[str]] = (events, [])
    with _lock:
        _watched.append(mine)
    try:
        yield mine[1]
    finally:
        with _lock:
            _watched.remove(mine)


class _Keeper(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []
        self.setFormatter(logging.Formatter("%(name)s %(levelname)s %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{self.format(record)} {record.__dict__.get('event', '')} {record.args!r}")


@contextmanager
def logged() -> Iterator[list[str]]:
    """Every line that is logged meanwhile, down to DEBUG, tracebacks and arguments included."""
    keeper, root = _Keeper(), logging.getLogger()
    before: dict[str | None, int] = {None: root.level}
    before |= {
        name: one.level
        for name, one in logging.Logger.manager.loggerDict.items()
        if isinstance(one, logging.Logger) and one.level > logging.DEBUG
    }
    root.addHandler(keeper)
    for name in before:
        logging.getLogger(name).setLevel(logging.DEBUG)
    try:
        yield keeper.lines
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)
        root.removeHandler(keeper)
