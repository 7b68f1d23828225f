"""A provider's bulkhead: how many of the server's threads it can hold, and how many calls run at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Bulkhead:
    """`lanes` calls run at once, for `lanes + waiting` requests. A call that overran its deadline keeps its lane until
    it really ends, and takes the place of a request as well: a provider that hangs fills its bulkhead and no more."""

    def __init__(self, lanes: int, waiting: int) -> None:
        self._lanes, self._places = lanes, lanes + waiting
        self._free_lanes = threading.BoundedSemaphore(lanes)
        self._changed = threading.Condition()
        self._inside = self._overdue = 0

    def is_full(self) -> bool:
        """Would a request that comes now find no place?"""
        return self._overdue >= self._lanes or self._inside + self._overdue >= self._places

    @contextmanager
    def place(self, patience: float) -> Iterator[bool]:
        """A place from a request's first call to its last. False if none became free in `patience` seconds."""
        with self._changed:
            taken = not self.is_full() or (
                patience > 0 and self._changed.wait_for(lambda: not self.is_full(), timeout=patience)
            )
            self._inside += taken
        try:
            yield taken
        finally:
            if taken:
                with self._changed:
                    self._inside -= 1
                    self._changed.notify()

    def lane(self, patience: float) -> Lane | None:
        """For one call. None if no lane became free in `patience` seconds."""
        return Lane(self) if self._free_lanes.acquire(timeout=patience) else None

    def _end(self, was_overdue: bool) -> None:
        self._free_lanes.release()
        if was_overdue:
            with self._changed:
                self._overdue -= 1
                self._changed.notify()


class Lane:
    """One call's. It ends once, by whoever carries the call out; who waits for it may give it up before that."""

    def __init__(self, bulkhead: Bulkhead) -> None:
        self._bulkhead = bulkhead
        self._ended = self._overdue = False

    def end(self) -> None:
        with self._bulkhead._changed:
            self._ended = True
        self._bulkhead._end(self._overdue)

    def give_up(self) -> None:
        """Nobody waits for the call any more."""
        with self._bulkhead._changed:
            if not self._ended:
                self._overdue = True
                self._bulkhead._overdue += 1
