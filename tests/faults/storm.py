"""Random kills: processes that take payments, at a provider that misbehaves, are killed again and again. `random_kills`
is the command.

The process that runs this has one thread, is warm, and forks the workers. The sandbox is a process of its own, because
its books must survive. What each client decides, which call of the provider goes wrong in which way, and at which step
a process dies comes from the seed; in which order the system runs the processes does not.
"""

from __future__ import annotations

import heapq
import itertools
import os
import random
import signal
import socket
import time
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait

from tests.clinic import Clinic
from tests.faults import workers
from tests.faults.clients import Answer, Job, Jobs, Told, Visitor
from tests.faults.warm import fork
from tests.faults.workers import Cast

_DOOR_STEPS = 60


@dataclass
class Plan:
    seed: int
    payments: int
    kills: int
    workers: int = 8


@dataclass
class Visit:
    """A client in the middle of something: his jobs of this moment, and the answers that are in."""

    jobs: Jobs
    asked: list[Job] = field(default_factory=list)
    answers: list[Answer | None] = field(default_factory=list)
    missing: int = 0


@dataclass
class Slot:
    """The place of one worker; each that is killed is followed by another one, with dice of its own."""

    number: int
    life: int = 0
    pid: int = 0
    pipe: Connection | None = None
    doing: tuple[Visit | None, int, Job] | None = None
    is_door: bool = False


class Storm:
    """`listening` is the socket on which the provider's events arrive, if it sends any."""

    def __init__(
        self, plan: Plan, clinic: Clinic, cast: Cast, clients: Iterator[Visitor], listening: socket.socket | None = None
    ) -> None:
        self._plan, self._clinic, self._cast, self._listening = plan, clinic, cast, listening
        self._clients = clients
        self._slots = [Slot(number) for number in range(plan.workers)]
        self._all = [*self._slots, *([Slot(-1, is_door=True)] if listening is not None else [])]
        self._ready: deque[tuple[Visit | None, int, Job]] = deque()
        self._later: list[tuple[float, int, tuple[Visit | None, int, Job]]] = []
        self._condemned: list[tuple[float, int, Slot]] = []
        self._order = itertools.count()
        self._rounds = itertools.cycle(cast.rounds)
        self._dispatched = self._visiting = 0
        self.told, self.counts = Told(), Counter[str]()
        self._mean = max(2, int(cast.steps * plan.payments / plan.kills)) if plan.kills else 0

    def run(self) -> None:
        """Until all clients have gone and there were kills enough."""
        for slot in self._all:
            self._start(slot)
        try:
            while self._visiting or self._ready or self._later or self._more():
                self._dispatch()
                self._listen()
        finally:
            for slot in self._all:
                self._stop(slot)

    # --- work -------------------------------------------------------------------------------------------------------

    def _more(self) -> bool:
        """Let clients in while there is room: those who wait for their turn take none."""
        while len(self._ready) < self._plan.workers and not self._enough():
            client = next(self._clients, None)
            if client is None:
                break
            self._visiting += 1
            self.counts["clients"] += 1
            self._advance(Visit(client.visit()), None)
        return bool(self._ready)

    def _enough(self) -> bool:
        return len(self.told.payments) >= self._plan.payments and self.counts["kills"] >= self._plan.kills

    def _advance(self, visit: Visit, answers: list[Answer | None] | None) -> None:
        try:
            visit.asked = next(visit.jobs) if answers is None else visit.jobs.send(answers)
        except StopIteration:
            self._visiting -= 1
            return
        visit.answers, visit.missing = [None] * len(visit.asked), len(visit.asked)
        for place, job in enumerate(visit.asked):
            if job.after:
                heapq.heappush(self._later, (time.monotonic() + job.after, next(self._order), (visit, place, job)))
            else:
                self._ready.append((visit, place, job))

    def _answered(self, slot: Slot, answer: Answer | None) -> None:
        assert slot.doing is not None
        (visit, place, job), slot.doing = slot.doing, None
        if visit is None:
            if answer is not None and answer.code:
                self.counts[f"round of {job.arguments['name']}: {answer.code}"] += 1
            return
        self.told.hear(job, answer)
        visit.answers[place] = answer
        visit.missing -= 1
        if not visit.missing:
            self._advance(visit, visit.answers)

    def _dispatch(self) -> None:
        while self._later and self._later[0][0] <= time.monotonic():
            self._ready.append(heapq.heappop(self._later)[2])
        self._more()
        for slot in self._slots:
            if slot.doing is not None or slot.pipe is None:
                continue
            self._dispatched += 1
            if self._dispatched % self._cast.every == 0:
                slot.doing = (None, 0, Job("round", {"name": next(self._rounds)}))
            elif self._ready:
                slot.doing = self._ready.popleft()
            else:
                return
            with suppress(OSError):  # killed a moment ago: noticed by its end of the pipe
                slot.pipe.send(slot.doing[2])

    def _listen(self) -> None:
        moments = [one[0][0] for one in (self._later, self._condemned) if one]
        patience = max(0.0, min([0.05, *(moment - time.monotonic() for moment in moments)]))
        by_pipe = {slot.pipe: slot for slot in self._all if slot.pipe is not None}
        for pipe in wait(list(by_pipe), patience):
            slot = by_pipe[pipe]  # type: ignore[index]
            try:
                heard = slot.pipe.recv()  # type: ignore[union-attr]
            except (EOFError, OSError):
                self._buried(slot)
                continue
            if isinstance(heard, tuple):
                heapq.heappush(self._condemned, (time.monotonic() + heard[1], next(self._order), slot))
            else:
                self._answered(slot, heard)
        while self._condemned and self._condemned[0][0] <= time.monotonic():
            os.kill(heapq.heappop(self._condemned)[2].pid, signal.SIGKILL)

    # --- life and death ---------------------------------------------------------------------------------------------

    def _start(self, slot: Slot) -> None:
        slot.life += 1
        ours, theirs = Pipe()
        others = [one.pipe for one in self._all if one.pipe is not None]
        dice = random.Random(f"{self._plan.seed}/{slot.number}/{slot.life}")

        def child() -> None:
            for pipe in (ours, *others):
                pipe.close()
            if slot.is_door and self._listening is not None:
                workers.receive(self._clinic, self._listening, theirs, dice, _DOOR_STEPS if self._mean else 0)
            else:
                workers.work(self._clinic, self._cast.jobs, theirs, dice, 0 if self._spared() else self._mean)

        slot.pid, slot.pipe = fork(child), ours
        theirs.close()

    def _spared(self) -> bool:
        """No more deaths than were ordered, by much: a run's length is for payments."""
        return self.counts["kills"] >= 2 * self._plan.kills

    def _buried(self, slot: Slot) -> None:
        _, status = os.waitpid(slot.pid, 0)
        how = signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else f"exit {os.WEXITSTATUS(status)}"
        self.counts[how] += 1
        self.counts["kills"] += os.WIFSIGNALED(status)
        assert slot.pipe is not None
        slot.pipe.close()
        self._condemned = [one for one in self._condemned if one[2] is not slot]
        heapq.heapify(self._condemned)
        slot.pipe = None
        if slot.doing is not None:
            self._answered(slot, None)
        self._start(slot)

    def _stop(self, slot: Slot) -> None:
        if slot.pipe is None:
            return
        slot.pipe.close()
        if slot.is_door:
            os.kill(slot.pid, signal.SIGKILL)
        os.waitpid(slot.pid, 0)
