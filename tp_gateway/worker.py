"""The loops beside the requests: inbox, sweep, reverse sweep, outbox. Started by the server's hooks or by `tp-gateway
worker`, never by `main()`. Any number of workers may run at once: each piece of work is taken by one of them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

from tp_gateway import observability
from tp_gateway.services import Gateway
from tp_gateway.services.outbox import Destination

log = observability.logger(__name__)


class Worker:
    def __init__(self, gateway: Gateway) -> None:
        self._gateway, self._stopping = gateway, threading.Event()
        timing = gateway.timing
        loops: list[tuple[str, Callable[[], object], float, threading.Event | None]] = [
            ("inbox", gateway.inbox.work, timing.inbox_interval, gateway.inbox.arrived),
            ("sweep", gateway.recovery.sweep, timing.sweep_interval, None),
            ("refunds", gateway.refund_sending.sweep, timing.sweep_interval, None),
            ("statements", gateway.statements.matching.work, timing.sweep_interval, None),
            ("payouts", gateway.statements.payouts.work, 60.0, None),
            ("rebates", gateway.rebate_sending.sweep, timing.sweep_interval, None),
            ("disputes", gateway.disputes.sweep, timing.sweep_interval, None),
            ("reminders", gateway.reminders.run, 600.0, None),
            ("analytics", gateway.rollups.work, timing.sweep_interval, None),
            ("reverse_sweep", gateway.reverse_sweep.run, min(60.0, timing.reverse_sweep_interval), None),
            ("remittances", gateway.remittances.sweep, min(60.0, timing.remittance_interval), None),
            ("reaper", self._reap, 3600.0, None),
        ]
        turns: list[tuple[Destination, ...]] = [(one,) for one in gateway.outbox.destinations] or [()]
        # A loop for each destination: none waits for what another one takes.
        for only in turns:
            name = " ".join(("outbox", *(one.name for one in only)))
            loops.append((name, partial(gateway.outbox.relay, *only), timing.outbox_interval, None))
        self._wakeups = [wake for *_, wake in loops if wake is not None]
        self._threads = [
            threading.Thread(target=self._loop, args=loop, name=f"worker-{loop[0]}", daemon=True) for loop in loops
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()
        log.info("worker_started")

    def stop(self, timeout: float = 20) -> None:
        """Let each loop finish the piece it is at. What is not finished by then is taken over after its lease, here
        or elsewhere."""
        self._stopping.set()
        for wake in self._wakeups:
            wake.set()
        for thread in self._threads:
            thread.join(timeout / len(self._threads))
        log.info("worker_stopped")

    def _reap(self) -> None:
        with self._gateway.database.transaction() as session:
            self._gateway.idempotency.reap(session, self._gateway.clock())

    def _loop(self, name: str, work: Callable[[], object], interval: float, wake: threading.Event | None) -> None:
        while not self._stopping.is_set():
            try:
                work()
            except BaseException as error:  # a loop must outlive whatever goes wrong in one round, SystemExit too
                observability.WORKER_ERRORS.labels(name).inc()
                log.error("worker_round_failed", loop=name, error=observability.class_name(error), exc_info=error)
            (wake or self._stopping).wait(interval)
