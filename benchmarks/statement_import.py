"""Imports a bank statement of a million lines, of which a thousand pay something, on SQLite and on PostgreSQL, while
another process takes payments; then the same file once more. Prints seconds, lines a second, the importing process's
processor time and largest memory, and what the payments did.

    make bench ARGS=statements
    .venv/bin/python -m benchmarks.statement_import --lines 100000 --database sqlite
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from multiprocessing.synchronize import Event
from pathlib import Path
from random import Random
from typing import Any

from tests.banking import ACCOUNT
from tests.clinic import Clinic, manager, render
from tests.databases import PostgreSQL, PostgreSQLDatabases, make_sqlite_template, sqlite_url
from tp_gateway import observability
from tp_gateway.contract import Flow
from tp_gateway.database import StoreUnavailable
from tp_gateway.schema import upgrade
from tp_gateway.services.facts import Wanted
from tp_gateway.services.statements import staging

NOBODY = "http://127.0.0.1:1"
"""Where a card network would be: nothing here pays by card."""
SETTINGS = {**ACCOUNT, "tp_gateway.providers": "stripe bank_transfer in_person"}
SECONDS, MEGABYTES = 60, 200
"""What an import of a million lines may take."""
CENTS = 18000
_FORKS = multiprocessing.get_context("spawn")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.statement_import", description=__doc__.split("\n")[0])
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--ours", type=int, default=1_000, help="how many of them pay something")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), action="append")
    parser.add_argument("--alone", action="store_true", help="without payments beside it")
    given = parser.parse_args(arguments)
    observability.configure_logging("error")
    kept = True
    for engine in given.database or ("sqlite", "postgresql"):
        with new_database(engine) as url, tempfile.TemporaryDirectory(prefix="tpg-") as folder:
            references = promise(url, given.ours)
            file = Path(folder) / "statement.csv"
            write(file, given.lines, references)
            first = measure(engine, "first", url, file, payments=not given.alone)
            again = measure(engine, "again", url, file, payments=False)
            right = (first["new"], first["matched"], again["new"]) == (given.lines, given.ours, 0)
            kept &= right and first["seconds"] < SECONDS and first["megabytes"] < MEGABYTES
    return 0 if kept else 1


@contextmanager
def new_database(engine: str) -> Iterator[str]:
    if engine == "sqlite":
        with tempfile.TemporaryDirectory(prefix="tpg-") as folder:
            make_sqlite_template(Path(folder) / "gateway.sqlite", upgrade)
            yield sqlite_url(Path(folder) / "gateway.sqlite")
        return
    server = PostgreSQL()
    try:
        with PostgreSQLDatabases(server, upgrade).database() as url:
            yield url
    finally:
        server.close()


def promise(url: str, count: int) -> list[str]:
    """So many invoices, each with a transfer that is waited for. Returns their references."""
    clinic = Clinic(url, NOBODY, **SETTINGS).open()
    references = []
    for _ in range(count):
        wanted = {"method": "bank_transfer", "method_id": None, "amount": CENTS, "permission": "pay_invoice"}
        paid = clinic.pay(manager, **wanted, invoice_id=clinic.invoice(CENTS).id)
        references.append(paid.body["reference"])
    clinic.close()
    return references


def write(file: Path, lines: int, references: list[str]) -> None:
    """A year of a busy account, as the Commonwealth Bank exports it. Of what is not ours, two thirds came in."""
    dice, balance, every = Random(1), 0, max(1, lines // max(1, len(references)))
    left = iter(references)
    with file.open("w") as out:
        for number in range(lines):
            on = date(2025, 7, 1) + timedelta(days=number * 365 // lines)
            reference = next(left, None) if number % every == every // 2 else None
            cents = CENTS if reference else dice.randrange(-10_000, 20_000) or 1
            text = f"Transfer from CUSTOMER {dice.randrange(10**6):06d} {reference or dice.randrange(10**10)}"
            balance += cents
            out.write(f'{on:%d/%m/%Y},"{cents / 100:+.2f}","{text}","{balance / 100:+.2f}"\n')


def measure(engine: str, which: str, url: str, file: Path, payments: bool) -> dict[str, Any]:
    ours, theirs = _FORKS.Pipe()
    done = _FORKS.Event()
    importer = _FORKS.Process(target=run_import, args=(url, file, theirs))
    payer_pipe, payer_end = _FORKS.Pipe()
    payer = _FORKS.Process(target=take_payments, args=(url, done, payer_end))
    if payments:
        payer.start()
        payer_pipe.recv()  # it is ready
    importer.start()
    found = ours.recv()
    done.set()
    importer.join()
    beside = ""
    if payments:
        taken, refused = payer_pipe.recv()
        payer.join()
        beside = (
            f"\n{'':>12}beside it {len(taken) / found['seconds']:.1f} payments/s, median"
            f" {statistics.median(taken):.0f} ms, slowest {max(taken):.0f} ms, refused {refused}"
        )
    print(
        f"{engine:>10}, {which}: {found['lines']:,} lines in {found['seconds']:.1f} s"
        f" = {found['lines'] / found['seconds']:,.0f} lines/s, {found['busy']:.1f} s of processor time,"
        f" {found['megabytes']:.0f} MB,"
        f" new {found['new']:,}, matched {found['matched']:,}; a batch {found['usual']:.0f} ms, the longest"
        f" {found['longest']:.0f} ms{beside}",
        flush=True,
    )
    return dict(found)


def run_import(url: str, file: Path, pipe: Any) -> None:
    """As `tp-gateway statements import` does, in a process of its own."""
    observability.configure_logging("error")
    clinic = Clinic(url, NOBODY, **SETTINGS)
    held = clocked(staging.Staging, "_write")
    began, busy = time.monotonic(), time.process_time()
    with file.open("rb") as stream:
        found = clinic.gateway.statements.importing.run(stream, file.name, "cli")
    seconds, busy = time.monotonic() - began, time.process_time() - busy
    told = {"new": found.added, "matched": found.counts.get("matched", 0), "lines": found.lines}
    told |= {"usual": statistics.median(held), "longest": max(held)}
    pipe.send({"seconds": seconds, "busy": busy, "megabytes": megabytes(), **told})
    clinic.close()


def clocked(owner: Any, name: str) -> list[float]:
    """The milliseconds of each call, from now on."""
    plain, taken = getattr(owner, name), list[float]()

    def call(*arguments: Any, **more: Any) -> Any:
        began = time.monotonic()
        try:
            return plain(*arguments, **more)
        finally:
            taken.append((time.monotonic() - began) * 1000)

    setattr(owner, name, call)
    return taken


def megabytes() -> float:
    """The most that this process ever had. (`ru_maxrss` also knows what the process had from which this one came.)"""
    status = Path("/proc/self/status")
    if status.exists():
        [kilobytes] = [line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM")]
        return int(kilobytes) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def take_payments(url: str, done: Event, pipe: Any) -> None:
    """Cash for one invoice after the other, until told to stop. Sends the milliseconds of each payment, and how many
    were refused because the store did not answer."""
    observability.configure_logging("error")
    clinic = Clinic(url, NOBODY, **SETTINGS)
    pipe.send("ready")
    taken, refused = list[float](), 0
    while not done.wait(0.05):
        began = time.monotonic()
        try:
            cash = {"invoice_id": clinic.invoice(100).id, "parameters": {"kind": "cash"}}
            wanted = Wanted("pay_invoice", "in_person", Flow.DIRECT, **cash)
            clinic.gateway.payments.pay(manager, wanted, render, None)
        except StoreUnavailable:
            refused += 1
        taken.append((time.monotonic() - began) * 1000)
    pipe.send((taken, refused))
    clinic.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
