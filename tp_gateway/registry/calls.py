"""How a plugin's code is called: on lanes of its own, until a deadline, in a context of its own. What such a call does
to the context (a decimal precision, fields bound to the log) ends with it."""

from __future__ import annotations

import contextvars
import decimal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from tp_gateway import observability
from tp_gateway.registry.bulkhead import Bulkhead, Lane
from tp_gateway.registry.threads import Overrun, Threads, result

T = TypeVar("T")
GRACE = 5.0
"""Seconds that a call may overrun its deadline, on a busy machine, by a plugin that keeps it."""
log = observability.logger(__name__)


class NotSent(Exception):
    """The call was never started; the text says why."""


class Calls:
    """Of one plugin. `keeps_deadline`: it says that its calls end by themselves, so they are made right here, which
    costs a charge less than to hand them to another thread and wake up for the answer. One call that overran shows
    that it does not, and it is not believed any more."""

    def __init__(self, name: str, *, lanes: int, waiting: int, keeps_deadline: bool = False) -> None:
        self.bulkhead = Bulkhead(lanes, waiting)
        self._name, self._is_believed = name, keeps_deadline
        self._threads = Threads(lanes, name)
        self._here: dict[int, tuple[float, Lane]] = {}

    def lane(self, patience: float) -> Lane:
        """NotSent if none became free in `patience` seconds."""
        lane = self.bulkhead.lane(patience)
        if lane is None:
            raise NotSent("lanes_full")
        return lane

    def carry_out(self, call: Callable[[], T], lane: Lane, deadline: float, *, here: bool) -> T:
        """The answer. Raises what the call raises (BaseException as RuntimeError: a plugin does not end the process),
        and Overrun at the deadline: the lane then stays taken until the call has really ended. `here`: it may be
        made on this thread, by a plugin that keeps its deadlines."""

        def run() -> T:
            decimal.setcontext(decimal.getcontext().copy())  # a context is an object that both would have
            try:
                return call()
            except Exception:
                raise
            except BaseException as error:
                raise RuntimeError(observability.class_name(error)) from error
            finally:
                lane.end()  # before the answer is out: the caller's next call must find the lane free

        context = contextvars.copy_context()
        if here and self._keeps_its_deadlines():
            return self._carry_out_here(context, run, lane, deadline)
        try:
            future = self._threads.submit(lambda: context.run(run))
        except BaseException:
            lane.end()
            raise
        try:
            return result(future, max(0.0, deadline - time.monotonic()))
        except Overrun:
            lane.give_up()
            raise

    @contextmanager
    def alone(self, patience: float) -> Iterator[Lane]:
        """A lane for a call that is no step of anything longer, and a place for the request that waits for it."""
        with self.bulkhead.place(patience) as taken:
            if not taken:
                raise NotSent("lanes_full")
            yield self.lane(patience)

    def shut_down(self) -> None:
        self._threads.shut_down()

    def _carry_out_here(self, context: contextvars.Context, run: Callable[[], T], lane: Lane, deadline: float) -> T:
        me, latest = threading.get_ident(), max(deadline, time.monotonic()) + GRACE
        self._here[me] = (latest, lane)
        try:
            return context.run(run)
        finally:
            self._here.pop(me, None)
            if time.monotonic() > latest:
                self._stop_believing()

    def _keeps_its_deadlines(self) -> bool:
        if self._is_believed and self._here:
            now = time.monotonic()
            if any(now > latest for latest, _ in list(self._here.values())):
                self._stop_believing()
        return self._is_believed

    def _stop_believing(self) -> None:
        self._is_believed = False
        log.error("provider_overran_its_deadline", plugin=self._name)
        now = time.monotonic()
        for me, call in list(self._here.items()):
            if now > call[0] and self._here.pop(me, None) is call:
                call[1].give_up()


def taking(call: Callable[..., Any], arguments: tuple[Any, ...], take: Callable[[Any], T]) -> Callable[[], T]:
    """The call together with the look at what it answers, which may run the plugin's code as well."""
    return lambda: take(call(*arguments))
