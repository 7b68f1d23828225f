"""Verifies a store of a million payments, on SQLite and on PostgreSQL, alone and while another process takes payments.
Prints the slowest checks, seconds in all, memory, and what the payments did.

    make bench ARGS=verify
    .venv/bin/python -m benchmarks.verification --payments 100000 --database sqlite
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from typing import Any

from benchmarks.payments_store import fill
from benchmarks.statement_import import _FORKS as FORKS
from benchmarks.statement_import import NOBODY, SETTINGS, megabytes, new_database, take_payments
from tests.clinic import Clinic
from tp_gateway import observability
from tp_gateway.database import Database
from tp_gateway.services.verification import verify

SECONDS = 60
"""What a million payments may take."""


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.verification", description=__doc__.split("\n")[0])
    parser.add_argument("--payments", type=int, default=1_000_000)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), action="append")
    parser.add_argument("--shown", type=int, default=8, help="how many of the slowest checks are shown")
    given = parser.parse_args(arguments)
    observability.configure_logging("error")
    kept = True
    for engine in given.database or ("sqlite", "postgresql"):
        with new_database(engine) as url:
            began = time.monotonic()
            Clinic(url, NOBODY, **SETTINGS).open().close()
            rows = fill(url, given.payments)
            print(f"{engine:>10}: {rows:,} rows made in {time.monotonic() - began:.0f} s", flush=True)
            for beside in (False, True):
                found = measure(engine, url, beside)
                kept &= found["seconds"] < SECONDS and not found["contradictions"]
                if not beside:
                    for seconds, name in found["slowest"][: given.shown]:
                        print(f"{'':>12}{name:<26}{seconds:>6.1f} s", flush=True)
    return 0 if kept else 1


def measure(engine: str, url: str, beside: bool) -> dict[str, Any]:
    ours, theirs = FORKS.Pipe()
    payer_pipe, payer_end = FORKS.Pipe()
    done = FORKS.Event()
    payer = FORKS.Process(target=take_payments, args=(url, done, payer_end))
    if beside:
        payer.start()
        payer_end.close()
        payer_pipe.recv()  # it is ready
    verifier = FORKS.Process(target=run_verification, args=(url, theirs))
    verifier.start()
    theirs.close()  # so that its end, whatever it is, ends the waiting
    found: dict[str, Any] = ours.recv()
    done.set()
    verifier.join()
    text = ""
    if beside:
        taken, refused = payer_pipe.recv()
        payer.join()
        text = (
            f"; beside it {len(taken) / found['seconds']:.1f} payments/s, median {statistics.median(taken):.0f} ms,"
            f" slowest {max(taken):.0f} ms, refused {refused}"
        )
    print(
        f"{engine:>10}: verified in {found['seconds']:.1f} s, {found['busy']:.1f} s of the process's own time,"
        f" {found['megabytes']:.0f} MB,"
        f" {found['contradictions']} contradictions{text}",
        flush=True,
    )
    return found


def run_verification(url: str, pipe: Any) -> None:
    """As `tp-gateway verify` does, in a process of its own."""
    database = Database(url)
    began, busy = time.monotonic(), time.process_time()
    results = list(verify(database, ["medicare"], 20))
    told: dict[str, Any] = {"seconds": time.monotonic() - began, "busy": time.process_time() - busy}
    told["megabytes"] = megabytes()
    told["contradictions"] = sum(one.contradictions for one in results)
    told["slowest"] = sorted(((one.seconds, one.check.name) for one in results), reverse=True)
    for one in results:
        for text in one.first[:3]:
            print(f"{'':>12}{one.check.name}: {text}", flush=True)
    pipe.send(told)
    database.dispose()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
