"""When a process of a storm dies. Its dice say at which step of its work (`steps`): half of them at exactly that step,
by their own hand, half some moment later, wherever they are by then."""

from __future__ import annotations

import random
import signal
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection

from tests.faults import steps

_LATEST = 0.005


class Fate:
    """`condemn(seconds)` sees to the death of this process in so many seconds. `mean_steps` 0: it lives."""

    def __init__(self, dice: random.Random, mean_steps: int, condemn: Callable[[float], None]) -> None:
        self._left = dice.randrange(1, 2 * mean_steps) if mean_steps else -1
        self._later = dice.choice((None, dice.uniform(0, _LATEST)))
        self._condemn = condemn

    def step(self, _name: str) -> None:
        self._left -= 1
        if self._left == 0 and self._later is None:
            steps.die()
        elif self._left == 0:
            self._condemn(self._later or 0)


def by_another(pipe: Connection) -> Callable[[float], None]:
    """By the process at the other end of the pipe."""

    def condemn(seconds: float) -> None:
        with suppress(OSError):  # the other end is closed: the storm is over
            pipe.send(("kill", seconds))

    return condemn


def by_the_kernel(seconds: float) -> None:
    """By its timer, whose signal ends a process as abruptly."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 1e-6))  # 0 would be never
