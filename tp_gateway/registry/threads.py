"""Threads for the calls of plugins. They are daemons: a call that never ends does not keep the process from ending,
which the threads of `concurrent.futures` would (they are joined at exit)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")
_Job = tuple[Future[Any], Callable[[], Any]]


class Overrun(Exception):
    """The call had not ended at its deadline."""


class Threads:
    """At most `most` of them, each begun when it is needed first (a server forks before that)."""

    def __init__(self, most: int, name: str) -> None:
        self._most, self._name, self._begun = most, name, 0
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._idle, self._lock = threading.Semaphore(0), threading.Lock()

    def submit(self, call: Callable[[], T]) -> Future[T]:
        future: Future[T] = Future()
        self._jobs.put((future, call))
        if not self._idle.acquire(blocking=False):
            self._begin_one()
        return future

    def shut_down(self) -> None:
        """Each ends after its present call; what nobody has begun is never begun."""
        while not self._jobs.empty():
            job = self._jobs.get()
            if job is not None:
                job[0].cancel()
        self._jobs.put(None)

    def _begin_one(self) -> None:
        with self._lock:
            if self._begun == self._most:
                return
            self._begun += 1
            number = self._begun
        threading.Thread(target=self._work, name=f"{self._name}-{number}", daemon=True).start()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            _carry_out(*job)
            del job  # what a provider was told and answered is not kept until its next call
            self._idle.release()
        self._jobs.put(None)  # for the next one


def within(seconds: float, call: Callable[[], T], name: str) -> T:
    """`call()` on a thread of its own; raises what it raises, or Overrun."""
    future: Future[T] = Future()
    threading.Thread(target=_carry_out, args=(future, call), name=name, daemon=True).start()
    return result(future, seconds)


def result(future: Future[T], seconds: float) -> T:
    """What the call answered or raised. Overrun if it has not ended in `seconds`, which a TimeoutError of its own is
    not."""
    try:
        return future.result(seconds)
    except TimeoutError as error:
        if future.done():
            return future.result()
        raise Overrun from error


def _carry_out(future: Future[Any], call: Callable[[], Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        answer = call()
    except BaseException as error:  # its caller's to judge, as with any future
        future.set_exception(error)
    else:
        future.set_result(answer)
