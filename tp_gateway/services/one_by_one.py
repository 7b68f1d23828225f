"""A loop that outlives its items: one that cannot be worked on is logged and left, and does not hold up the others."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeVar

from tp_gateway import observability

T = TypeVar("T")
log = observability.logger(__name__)


class Round(NamedTuple):
    done: int
    failed: int


def one_by_one(what: str, items: Iterable[T], work: Callable[[T], bool | int | None]) -> Round:
    """Add up what `work` returns for each item, and count those for which it raised. What it raises is counted as an
    error of the loop `what`."""
    done = failed = 0
    for item in items:
        try:
            done += int(work(item) or 0)
        except BaseException as error:
            if not issubclass(type(error), Exception) and threading.current_thread() is threading.main_thread():
                raise  # Ctrl-C and the like. On the thread of a loop SystemExit would end that loop and nothing else.
            failed += 1
            observability.WORKER_ERRORS.labels(what).inc()
            log.error(
                "item_failed", loop=what, item=str(item)[:80], error=observability.class_name(error), exc_info=error
            )
    return Round(done, failed)
