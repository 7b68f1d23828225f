"""Processes that lodge claims with Medicare are killed at random, as a command:

    python -m tests.faults.claim_kills --database sqlite --seed 1 --kills 300

Patients are bulk billed, consent at once, later or never, pay by card after all, or lodge claims of their own for what
they have paid. The same processes ask for reports and settle payment runs, while Medicare's clock moves on and a third
of its answers are lost, late or nonsense. In the end days pass in peace until all is at rest, and Medicare's books are
compared with ours. Prints one line of JSON, and ends with 1 and every contradiction when there is one.
"""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import urllib3

from tests.clinic import manager
from tests.faults import claim_aftermath, command
from tests.faults.aftermath import judge, named, recover
from tests.faults.claim_clients import FIRST, Claimant
from tests.faults.claim_workers import CLAIMS, HOUR, about, render_rebate
from tests.faults.ground import new_database, sandbox_process
from tests.faults.random_kills import PATIENT, SETTINGS
from tests.faults.storm import Plan, Storm
from tests.faults.warm import done_by_a_fork, take_payments, warm
from tests.medicare.conftest import YESTERDAY, Surgery, consent

WORKERS = 6
SLOW = 1.2
"""Longer than a process waits for an answer."""
FAULTS: list[dict[str, Any]] = [
    {"kind": "lost", "probability": 0.06},
    {"kind": "lost", "probability": 0.03, "accepted": False},
    {"kind": "code", "code": "3004", "probability": 0.05},
    {"kind": "code", "code": "3004", "probability": 0.03, "accepted": False},
    {"kind": "status", "probability": 0.05},
    {"kind": "status", "probability": 0.03, "accepted": False, "status": 503},
    {"kind": "garbage", "probability": 0.03},
    {"kind": "slow", "probability": 0.04, "seconds": 0.1},
    {"kind": "slow", "probability": 0.005, "seconds": SLOW},
]
FUNCTIONS = ("bulk_bill", "patient_claim", "processing_report", "payment_report", "same_day_delete")


def run(engine: str, seed: int, kills: int, keep: Path | None = None) -> dict[str, Any]:
    """One storm from its beginning to the comparison of the books. Returns what was counted."""
    plan = Plan(seed, payments=2 * kills // 5, kills=kills, workers=WORKERS)
    with (
        sandbox_process("sandbox.stripe") as stripe,
        sandbox_process("sandbox.medicare") as medicare,
        new_database(engine) as database,
    ):
        _settings(medicare, 0)
        surgery = warm(lambda: Surgery(database, stripe, medicare, **SETTINGS), _rehearse)
        clients = [Claimant(FIRST + number, seed) for number in range(kills + 100)]
        done_by_a_fork(lambda: _furnish(surgery, clients))
        done_by_a_fork(lambda: _misbehave(surgery, seed))
        began, started_at = time.monotonic(), datetime.now(UTC)
        storm = Storm(plan, surgery, CLAIMS, iter(clients))
        storm.run()
        under_fire = time.monotonic() - began
        afterwards = Surgery(database, stripe, medicare, **SETTINGS | PATIENT)
        counted = _calls(afterwards)
        afterwards.clear_rules()
        seconds_to_rest = recover(afterwards, started_at, SLOW, claim_aftermath.days(afterwards))
        others = claim_aftermath.disagreements(afterwards, storm.told)
        judged = judge(afterwards, storm, keep, others)
        counted |= _of_medicare(afterwards)
        afterwards.close()
    return {
        **{"database": engine, "seed": seed, "kills": storm.counts["kills"], "clients": storm.counts["clients"]},
        **counted,
        **judged,
        **{"seconds": round(under_fire, 1), "seconds_to_rest": round(seconds_to_rest, 1)},
        "deaths": named(storm, "SIG", "exit"),
        "rounds_failed": named(storm, "round of "),
    }


def _settings(medicare: str, seconds: int) -> None:
    """So long after it was lodged a claim is assessed, and so long after that paid."""
    order = {"ready_after": seconds, "paid_after": seconds}
    assert urllib3.request("POST", f"{medicare}/_sandbox/settings", json=order).status == 200


def _rehearse(surgery: Surgery) -> None:
    take_payments(surgery)
    waiting = surgery.bulk_bill(surgery.session(3), consent=None)
    surgery.evidence(waiting["id"], consent=consent())
    paid = surgery.pay(appointment_id=surgery.session(4))
    asked = about(Claimant(0, 0).medicare_number, consented=False)
    surgery.gateway.rebates.lodge(manager, "medicare", paid.id, asked, render_rebate, None)
    for _ in range(2):
        surgery.pass_time()
        surgery.work()
    assert surgery.state(waiting["id"]) == ("succeeded", "paid")
    surgery.gateway.rebates.delete(manager, "medicare", paid.id)


def _furnish(surgery: Surgery, clients: list[Claimant]) -> None:
    surgery.push_users([surgery.user(one.number, "patient") for one in clients])
    for some in _by_hundreds(clients):
        rows = [
            {
                **{"id": one.number, "patient_id": one.number, "practitioner_id": 7, "service": "individual_therapy"},
                **{"status": "completed", "starts_at": YESTERDAY, "duration_minutes": 50, "fee": one.fee},
                "currency": "AUD",
            }
            for one in some
        ]
        result = surgery.gateway.practice.upsert_appointments(list(enumerate(rows)))
        assert not result.errors, result.errors


def _by_hundreds(clients: list[Claimant]) -> Iterator[list[Claimant]]:
    for start in range(0, len(clients), 100):
        yield clients[start : start + 100]


def _misbehave(surgery: Surgery, seed: int) -> None:
    _settings(surgery.medicare, HOUR)
    for number, (function, fault) in enumerate(itertools.product(FUNCTIONS, FAULTS)):
        surgery.rule(function=function, times=None, seed=seed * 1000 + number, **fault)  # each has dice of its own


def _calls(surgery: Surgery) -> dict[str, Any]:
    faulty = sum(rule["fired"] for rule in surgery.ask("rules")["rules"])
    calls = len(surgery.ask("books")["calls"])
    return {"calls": calls, "faulty": faulty, "faulty_share": round(faulty / calls, 3)}


def _of_medicare(surgery: Surgery) -> dict[str, Any]:
    books = surgery.ask("books")
    functions = [claim["function"] for claim in books["claims"]]
    lodged = {name: functions.count(name) for name in ("bulk_bill", "patient_claim")}
    query = "SELECT state, COUNT(*) AS n FROM rebate_claims GROUP BY state"
    return {
        **{f"{name}s": number for name, number in lodged.items()},
        "runs": len(books["payment_runs"]),
        "patient_claim_states": {row.state: row.n for row in surgery.rows(query)},
    }


if __name__ == "__main__":
    sys.exit(command.main("claim_kills", __doc__, run))
