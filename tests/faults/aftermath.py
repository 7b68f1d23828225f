"""What is done and looked at after a storm: the gateway's own recovery, then every contradiction between our store, the
sandbox's books and what clients were told."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tests.clinic import Clinic, sandbox
from tests.faults.storm import Storm
from tests.invariants import contradictions
from tests.verified import found_by_verify
from tp_gateway.registry import ProviderFailed

_STUCK = 120  # so many seconds without any progress, and what is open stays open


def _a_moment() -> bool:
    time.sleep(0.05)
    return True


def recover(clinic: Clinic, since: datetime, late: float, between: Callable[[], bool] = _a_moment) -> float:
    """The provider is well again, everybody has gone: the gateway's own background work, round by round as time
    passes, until nothing is open. `between` rounds something may happen; False if that was enough. Returns the seconds
    it took."""
    began = time.monotonic()
    sandbox(clinic.sandbox_url, "DELETE", "faults")
    time.sleep(late)  # what the provider still does late has happened after it
    compared, left, since_when = False, -1, began
    while time.monotonic() - since_when < _STUCK:
        compared = compared or _compare(clinic, since - timedelta(minutes=1))
        clinic.gateway.inbox.work(limit=1000)
        looked_at = clinic.gateway.recovery.sweep(limit=1000)
        clinic.gateway.refund_sending.sweep(limit=1000)
        looked_at += clinic.gateway.rebate_sending.sweep(limit=1000)
        told = clinic.gateway.outbox.relay(limit=1000)
        before, left = left, _still_open(clinic)
        if compared and not looked_at and not told and not left:
            break
        if left != before or looked_at or told:
            since_when = time.monotonic()
        if not between():
            break
    return time.monotonic() - began


def _compare(clinic: Clinic, since: datetime) -> bool:
    try:
        clinic.gateway.reverse_sweep.run(since=since)
    except ProviderFailed:  # the machine is too busy to answer in time: once more, as the worker does
        return False
    return True


def _still_open(clinic: Clinic) -> int:
    return sum(_open_by_kind(clinic).values())


def _open_by_kind(clinic: Clinic) -> dict[str, int]:
    unfinished = {
        "payments": "next_check_at IS NOT NULL AND state <> 'succeeded'",
        "refunds": "next_check_at IS NOT NULL",
        "rebate_claims": "next_check_at IS NOT NULL OR state = 'unknown'",  # the latter until staff have looked it up
        "outbox_messages": "sent_at IS NULL",
        "inbox_events": "next_attempt_at IS NOT NULL AND state = 'received'",
    }
    return {name: clinic.rows(f"SELECT count(*) FROM {name} WHERE {what}")[0][0] for name, what in unfinished.items()}


def judge(clinic: Clinic, storm: Storm, keep: Path | None, others: Sequence[str] = ()) -> dict[str, Any]:
    """What was counted, with every contradiction; `others` were found elsewhere."""
    books = clinic.books()
    found = [*others, *storm.told.contradictions, *_told_otherwise(clinic, storm)]
    found += contradictions(clinic.database.engine, books) + found_by_verify(
        clinic.database, clinic.gateway.registry.sole_payers
    )
    found += [f"a worker ended by itself: {name}" for name in named(storm, "exit")]
    states = {row.state: row.number for row in clinic.rows("SELECT state, count(*) AS number FROM payments GROUP BY 1")}
    left = _open_by_kind(clinic)
    found += [f"I13 {number} {name} are still open" for name, number in left.items() if number]
    if found and keep is not None:
        _keep(clinic, books, keep)
    return {
        "payments": sum(states.values()),
        "states": states,
        "refunds": len(books["refunds"]),
        "events": clinic.rows("SELECT count(*) FROM inbox_events")[0][0],
        "double": sum(text.startswith(("I1 ", "double")) for text in found),
        "lost": sum("lost" in text for text in found),
        "phantom": sum("phantom" in text for text in found),
        "open": sum(text.startswith("I13 ") for text in found),
        "contradictions": found,
    }


def _told_otherwise(clinic: Clinic, storm: Storm) -> list[str]:
    """Nobody was told `succeeded` of money that is not here, nor `failed` of money that is."""
    facts = {row.id: row for row in clinic.rows("SELECT id, state, captured FROM payments")}
    told = storm.told
    lies = [one for one in told.succeeded if one not in facts or facts[one].state not in ("succeeded", "refunded")]
    lies += [one for one in told.failed if one not in facts or facts[one].captured]
    return [f"payment {one} was told otherwise than it is: {facts.get(one)}" for one in lies]


def _keep(clinic: Clinic, books: dict[str, Any], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "books.json").write_text(json.dumps(books, indent=1))
    log = sandbox(clinic.sandbox_url, "GET", "requests?since=0")
    (folder / "requests.json").write_text(json.dumps(log, indent=1))
    tables = ("payments", "transitions", "refunds", "ledger_entries", "payables", "inbox_events", "rebate_claims")
    for table in tables:
        rows = [dict(row._mapping) for row in clinic.rows(f"SELECT * FROM {table} ORDER BY 1")]
        (folder / f"{table}.json").write_text(json.dumps(rows, indent=1, default=str))
    database = clinic.database.engine.url.database
    if clinic.database.engine.dialect.name == "sqlite" and database:
        shutil.copy(database, folder)


def named(storm: Storm, *beginnings: str) -> dict[str, int]:
    return {name: number for name, number in sorted(storm.counts.items()) if name.startswith(beginnings)}
