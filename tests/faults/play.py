"""Plays cells: prepares, lets the provider misbehave, kills, recovers, and judges."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from tests.clinic import Clinic, sandbox
from tests.faults.cells import Cell, Scene, compare
from tests.faults.crashes import Nursery
from tests.faults.outcomes import Outcome
from tests.invariants import check_invariants
from tp_gateway.errors import GatewayError
from tp_gateway.models.states import OPEN_STATES

_PATIENCE = 60
_AT_ONCE = {"processing_seconds": 0, "refund_seconds": 1.0}  # the sandbox's own


class Play:
    """Plays cells of one clinic, each with an appointment of its own, and judges them together."""

    def __init__(self, clinic: Clinic, nursery: Nursery) -> None:
        self._clinic, self._nursery = clinic, nursery
        self._appointments = iter(range(10_000, 100_000))
        self._busy_until = 0.0

    def scene(self, scene: Scene, outcomes: Iterable[Outcome]) -> list[Cell]:
        """A cell for each outcome and each step that the work takes under it."""
        cells, began = list[Cell](), datetime.now(UTC)
        for outcome in outcomes:
            sandbox(self._clinic.sandbox_url, "POST", "settings", {**_AT_ONCE, **outcome.settings})
            whole = self._play(scene, outcome, None)
            cells += [whole, *(self._play(scene, outcome, step) for step in whole.trail)]
            sandbox(self._clinic.sandbox_url, "POST", "settings", _AT_ONCE)
        self._recover()
        if scene.compared:
            compare(self._clinic, began - timedelta(seconds=2))
            self._recover()
        for cell in cells:
            self._judge(cell)
        check_invariants(self._clinic.database.engine, self._clinic.books())
        for cell in cells:
            if scene.pays_again and "awaiting_customer" not in cell.states:
                self._pays_again(cell)
        check_invariants(self._clinic.database.engine, self._clinic.books())
        return cells

    def _play(self, scene: Scene, outcome: Outcome, die_at: str | None) -> Cell:
        appointment_id = self._clinic.appointment(next(self._appointments))
        arguments = scene.prepare(self._clinic, self._nursery, appointment_id, outcome)
        if outcome.fault:
            self._clinic.fault(scene.calls, times=None, **outcome.fault)
        trail = self._nursery.run(scene.work, die_at, *arguments)
        takes = outcome.fault.get("seconds", 0) + sum(outcome.settings.values())
        self._busy_until = max(self._busy_until, time.monotonic() + takes)
        if outcome.fault:
            sandbox(self._clinic.sandbox_url, "DELETE", "faults")
        if scene.work is compare:
            compare(self._clinic, *arguments)
        if scene.alone:
            self._recover()
        # On a busy machine a call may take another turn than it took before: then it ran to its end, and is judged so.
        return Cell(scene, outcome, die_at if trail[-1:] == [die_at] else None, appointment_id, trail)

    def _recover(self) -> None:
        """Rounds of the background work, until the provider has done what it does late and nothing is open that can be
        known."""
        self._until_commits_have_ended()
        began = time.monotonic()
        while True:
            assert time.monotonic() < began + _PATIENCE, "something stays open for ever"
            acting = time.monotonic() < self._busy_until
            self._clinic.pass_time()
            self._clinic.gateway.inbox.work(limit=10_000)
            self._clinic.gateway.recovery.sweep(limit=10_000)
            self._clinic.gateway.refund_sending.sweep(limit=10_000)
            self._clinic.gateway.outbox.relay(limit=10_000)
            if not acting and not self._open():
                return
            time.sleep(0.01)

    def _open(self) -> int:
        states = ", ".join(f"'{state}'" for state in OPEN_STATES if state != "awaiting_customer")
        open_payments = f"(SELECT count(*) FROM payments WHERE state IN ({states}))"
        open_refunds = "(SELECT count(*) FROM refunds WHERE next_check_at IS NOT NULL)"
        untold = "(SELECT count(*) FROM outbox_messages WHERE sent_at IS NULL)"
        return int(self._clinic.rows(f"SELECT {open_payments} + {open_refunds} + {untold}")[0][0])

    def _until_commits_have_ended(self) -> None:
        """PostgreSQL may still be at work on the COMMIT of a client that is dead."""
        if self._clinic.database.engine.dialect.name != "postgresql":
            return
        others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        while self._clinic.rows(f"{others} AND state <> 'idle'")[0][0]:
            time.sleep(0.001)

    def _judge(self, cell: Cell) -> None:
        mine = "SELECT * FROM payments WHERE appointment_id = :id ORDER BY id"
        cell.payments = self._clinic.rows(mine, id=cell.appointment_id)
        theirs = "SELECT r.* FROM refunds r JOIN payments p ON p.id = r.payment_id WHERE p.appointment_id = :id"
        cell.refunds = self._clinic.rows(theirs, id=cell.appointment_id)
        try:
            cell.scene.judge(cell)
        except AssertionError as error:
            raise AssertionError(f"{cell}: {error}\n{cell.trail}") from None

    def _pays_again(self, cell: Cell) -> None:
        """The patient is never stuck: it is paid, or can be."""
        try:
            assert self._clinic.pay(appointment_id=cell.appointment_id).body["status"] == "succeeded", str(cell)
        except GatewayError as refusal:
            assert refusal.code == "already_paid" and "succeeded" in cell.states, str(cell)
