"""The random kills as a command:

    python -m tests.faults.random_kills --database sqlite --seed 1 --payments 2000 --kills 300

Prints one line of JSON with what was counted, and ends with 1 and every contradiction when there is one. A run that
failed leaves its store and the sandbox's books in `--keep`.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import socket
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import urllib3

from tests.clinic import Clinic, sandbox
from tests.faults.aftermath import judge, named, recover
from tests.faults.clients import FEE, PATIENTS, Client
from tests.faults.ground import new_database, sandbox_process
from tests.faults.storm import Plan, Storm
from tests.faults.warm import done_by_a_fork, warm_clinic
from tests.faults.workers import CARDS
from tp_gateway import observability

LATE = 0.3
SETTINGS = {
    "tp_gateway.database_pool": "2",
    "tp_gateway.timing.prepare": "1.2",
    "tp_gateway.timing.execute": "0.9",
    "tp_gateway.timing.fetch": "0.6",
    "tp_gateway.timing.lease": "3",
    "tp_gateway.timing.backoff_last": "2",
    "tp_gateway.timing.browser_expiry": "4",
    "tp_gateway.stripe.connect_timeout": "1",
    "tp_gateway.stripe.read_timeout": "0.9",
}
# Afterwards nothing goes wrong any more, and a machine that is busy may take its time.
PATIENT = {
    "tp_gateway.timing.prepare": "10",
    "tp_gateway.timing.execute": "10",
    "tp_gateway.timing.fetch": "10",
    "tp_gateway.timing.lease": "31",
    "tp_gateway.stripe.read_timeout": "10",
}
FAULTS: list[dict[str, Any]] = [
    {"kind": "refuse", "probability": 0.03},
    {"kind": "lost", "probability": 0.05},
    {"kind": "late", "probability": 0.03, "seconds": LATE},
    {"kind": "error_before", "probability": 0.03},
    {"kind": "error_after", "probability": 0.04},
    {"kind": "rate_limit", "probability": 0.02},
    {"kind": "lock_timeout", "probability": 0.01},
    {"kind": "html", "probability": 0.02},
    {"kind": "html", "probability": 0.02, "done": True},
    {"kind": "empty", "probability": 0.01},
    {"kind": "empty", "probability": 0.02, "done": True},
    {"kind": "slow", "probability": 0.01, "seconds": 0.1},
    {"kind": "hang", "probability": 0.002, "seconds": 1.0},
]
FAULTY_CALLS = ("* /v1/payment_intents/**", "* /v1/payment_intents", "* /v1/refunds", "* /v1/customers")
EVENTS = ("payment_intent.succeeded", "payment_intent.payment_failed", "payment_intent.canceled", "charge.refunded")


def run(engine: str, plan: Plan, keep: Path | None) -> dict[str, Any]:
    """One storm from its beginning to the comparison of the books. Returns what was counted."""
    with (
        sandbox_process("sandbox.stripe") as provider,
        new_database(engine) as database,
        socket.create_server(("127.0.0.1", 0)) as door,
    ):
        secret = _subscribe(provider, f"http://127.0.0.1:{door.getsockname()[1]}/")
        clinic = warm_clinic(database, provider, **SETTINGS, **{"tp_gateway.stripe.webhook_secret": secret})
        done_by_a_fork(lambda: _furnish(clinic, plan))
        storm = Storm(plan, clinic, CARDS, _clients(plan), door)
        began, started_at = time.monotonic(), datetime.now(UTC)
        _misbehave(clinic, plan.seed)
        storm.run()
        under_fire = time.monotonic() - began
        counted = _provider_calls(clinic)
        afterwards = Clinic(database, provider, **SETTINGS | PATIENT)
        seconds_to_rest = recover(afterwards, started_at, late=2 * LATE)
        judged = judge(afterwards, storm, keep)
    return {
        **{"database": engine, "seed": plan.seed, "workers": plan.workers},
        **{"kills": storm.counts["kills"], "clients": storm.counts["clients"]},
        **counted,
        **judged,
        **{"seconds": round(under_fire, 1), "seconds_to_rest": round(seconds_to_rest, 1)},
        "deaths": named(storm, "SIG", "exit"),
        "rounds_failed": named(storm, "round of "),
    }


def _subscribe(provider: str, url: str) -> str:
    """An endpoint for some kinds of events; returns its signing secret."""
    form = [("url", url), *(("enabled_events[]", kind) for kind in EVENTS)]
    headers = {"Authorization": "Bearer sk_test_clinic"}
    answer = urllib3.request("POST", f"{provider}/v1/webhook_endpoints", body=urlencode(form), headers=headers)
    found: str = answer.json()["secret"]
    return found


def _furnish(clinic: Clinic, plan: Plan) -> None:
    """Patients, and for each client an appointment; a tenth of them with an invoice, to be paid in parts."""
    clinic.push_users([clinic.user(user_id, "patient") for user_id in PATIENTS])
    day = datetime(2025, 1, 19, 10, 30, tzinfo=UTC)
    rows = [
        {
            **{"id": number, "patient_id": _patient(number), "practitioner_id": 7, "service": "individual_therapy"},
            **{"status": "confirmed", "starts_at": day, "duration_minutes": 50, "fee": FEE, "currency": "AUD"},
        }
        for number in range(1000, 1000 + _at_most(plan))
    ]
    for start in range(0, len(rows), 500):
        result = clinic.gateway.practice.upsert_appointments(list(enumerate(rows[start : start + 500])))
        assert not result.errors, result.errors
    for number in range(_at_most(plan) // 20):
        assert clinic.invoice(patient_id=_patient(number)).id == number + 1


def _clients(plan: Plan) -> Iterator[Client]:
    appointments, invoices = iter(range(1000, 1000 + _at_most(plan))), iter(range(_at_most(plan) // 20))
    for number in range(_at_most(plan)):
        dice = random.Random(f"{plan.seed}/client/{number}")
        invoice = next(invoices, None) if number % 20 == 0 else None
        if invoice is not None:
            yield Client(number, dice, {"invoice_id": invoice + 1}, _patient(invoice))
        else:
            appointment = next(appointments)
            yield Client(number, dice, {"appointment_id": appointment}, _patient(appointment))


def _at_most(plan: Plan) -> int:
    return plan.payments + 200


def _patient(number: int) -> int:
    return PATIENTS[number % len(PATIENTS)]


def _misbehave(clinic: Clinic, seed: int) -> None:
    for number, (call, fault) in enumerate(itertools.product(FAULTY_CALLS, FAULTS)):
        clinic.fault(call, times=None, seed=seed * 1000 + number, **fault)  # each has dice of its own
    sandbox(clinic.sandbox_url, "POST", "settings", {"refund_seconds": 0.2})


def _provider_calls(clinic: Clinic) -> dict[str, Any]:
    faults = sandbox(clinic.sandbox_url, "GET", "faults")["faults"]
    calls = sandbox(clinic.sandbox_url, "GET", "requests?since=1000000000")["last"]
    faulty = sum(fault["fired"] for fault in faults)
    return {"provider_calls": calls, "faulty": faulty, "faulty_share": round(faulty / calls, 3)}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.random_kills", description=__doc__.split("\n")[0])
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--seed", type=int, default=1, help="of the first run; the next ones follow")
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--payments", type=int, default=2000, help="of each run")
    parser.add_argument("--kills", type=int, default=300, help="of each run")
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--results", type=Path, help="a file of runs, one a line: those in it are not run again")
    parser.add_argument("--keep", type=Path, help="where a run that failed is left")
    given = parser.parse_args()
    observability.configure_logging("error")
    done = _done(given.results)
    for seed in range(given.seed, given.seed + given.runs):
        plan = Plan(seed, given.payments, given.kills, given.workers)
        if any(_is_run_of(one, given.database, plan) for one in done):
            continue
        counted = run(given.database, plan, given.keep)
        found = counted.pop("contradictions")
        done.append({**counted, "asked": [plan.payments, plan.kills]})
        print(json.dumps(counted), flush=True)
        if found:
            print("\n".join([*found, f"seed {seed}: wrong"]), file=sys.stderr)
            return 1
        if given.results is not None:
            given.results.parent.mkdir(parents=True, exist_ok=True)
            with given.results.open("a") as results:
                results.write(json.dumps(done[-1]) + "\n")
    print(json.dumps(_total([one for one in done if one["database"] == given.database])), flush=True)
    return 0


def _done(results: Path | None) -> list[dict[str, Any]]:
    if results is None or not results.exists():
        return []
    return [json.loads(line) for line in results.read_text().splitlines()]


def _is_run_of(one: dict[str, Any], database: str, plan: Plan) -> bool:
    same = (one["database"], one["seed"], one["workers"], one["asked"])
    return same == (database, plan.seed, plan.workers, [plan.payments, plan.kills])


def _total(runs: list[dict[str, Any]]) -> dict[str, Any]:
    sums = ("payments", "kills", "clients", "provider_calls", "faulty", "double", "lost", "phantom", "open", "seconds")
    total = {name: round(sum(one[name] for one in runs), 1) for name in sums}
    shares = {"faulty_share": round(total["faulty"] / total["provider_calls"], 3)}
    return {"runs": len(runs), **total, **shares, "longest_to_rest": max(one["seconds_to_rest"] for one in runs)}


if __name__ == "__main__":
    sys.exit(main())
