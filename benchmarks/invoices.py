"""Lists invoices of a store of a million of them, by every filter and order, on SQLite and on PostgreSQL: the first
page, and those behind it. Prints the shortest time, the median and the 95th percentile of each, and exits with 1 if a
first page takes longer than it may.

    make bench ARGS=invoices
    .venv/bin/python -m benchmarks.invoices --invoices 100000 --database sqlite
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from random import Random

from benchmarks.invoices_store import FAMILIES, GIVEN, PATIENTS, fill
from benchmarks.statement_import import NOBODY, SETTINGS, new_database
from tests.clinic import Clinic, manager, patient
from tp_gateway import observability
from tp_gateway.identity import Identity
from tp_gateway.services.invoices import Wish
from tp_gateway.views import jsontext, rendering_invoices

MILLISECONDS = 20
"""What a first page may take, whatever is asked."""
PAGE = 50
Asked = Callable[[Random], Wish]


def filters(today: date) -> Mapping[str, Asked]:
    """Each with other values at every turn."""

    def within(dice: Random, days: int) -> tuple[date, date]:
        first = today - timedelta(days=dice.randrange(1000))
        return first, first + timedelta(days=days)

    def due(dice: Random, days: int, **more: str) -> Wish:
        first, last = within(dice, days)
        return Wish(PAGE, due_from=first, due_to=last, **more)  # type: ignore[arg-type]

    def whose(dice: Random) -> int:
        return 1000 + dice.randrange(PATIENTS)

    def family(dice: Random) -> str:
        return f"Family{dice.randrange(FAMILIES) * dice.randrange(FAMILIES) // FAMILIES}"

    plain = {f"sort={sort}": Wish(PAGE, sort=sort) for sort in ("newest", "oldest", "due_date", "-due_date")}
    plain |= {
        f"status={status}": Wish(PAGE, status=status)
        for status in ("pending", "partially_paid", "overdue", "paid", "void", "refunded")
    }
    plain |= {
        "status=overdue, latest due": Wish(PAGE, status="overdue", sort="-due_date"),
        "status=void, by due date": Wish(PAGE, status="void", sort="due_date"),
        "text of most": Wish(PAGE, text="therapy"),
        "text of most, oldest": Wish(PAGE, text="therapy", sort="oldest"),
        "two common words": Wish(PAGE, text="individual therapy"),
        "common words, status=void": Wish(PAGE, text="assessment report", status="void"),
        "common words, status=overdue": Wish(PAGE, text="group therapy", status="overdue"),
        "text of none": Wish(PAGE, text="therapy nowhere"),
    }
    fixed: dict[str, Asked] = {name: lambda _dice, wish=wish: wish for name, wish in plain.items()}  # type: ignore[misc]
    return fixed | {
        "due on a day": lambda dice: due(dice, 0),
        "due in a month": lambda dice: due(dice, 30),
        "due in a year": lambda dice: due(dice, 365, sort="-due_date"),
        "due in a month, refunded": lambda dice: due(dice, 30, status="refunded"),
        "due in a month, overdue": lambda dice: due(dice, 30, status="overdue"),
        "patient": lambda dice: Wish(PAGE, patient_id=whose(dice)),
        "patient, overdue, by due date": lambda dice: Wish(PAGE, whose(dice), "overdue", sort="due_date"),
        "patient, due in a month": lambda dice: replace(due(dice, 30), patient_id=whose(dice)),
        "patient, text": lambda dice: Wish(PAGE, whose(dice), text="therapy"),
        "text: number": lambda dice: Wish(PAGE, text=f"INV-2024-{dice.randrange(1000, 9999)}"),
        "text: family name": lambda dice: Wish(PAGE, text=family(dice)),
        "text: the commonest name": lambda _dice: Wish(PAGE, text="Family0"),
        "text: full name": lambda dice: Wish(PAGE, text=f"Given{dice.randrange(GIVEN)} {family(dice)}"),
        "text: given name, service": lambda dice: Wish(PAGE, text=f"given{dice.randrange(GIVEN)} assessment"),
        "text: family name, overdue": lambda dice: Wish(PAGE, text=family(dice), status="overdue"),
        "text: name, due in a month": lambda dice: replace(due(dice, 30), text=family(dice)),
    }


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.invoices", description=__doc__.split("\n")[0])
    parser.add_argument("--invoices", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=60, help="how often each list is asked for")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), action="append")
    given = parser.parse_args(arguments)
    observability.configure_logging("error")
    kept = True
    for engine in given.database or ("sqlite", "postgresql"):
        with new_database(engine) as url:
            began = time.monotonic()
            clinic = Clinic(url, NOBODY, **SETTINGS).open()
            fill(url, given.invoices)
            print(f"{engine}: {given.invoices:,} invoices made in {time.monotonic() - began:.0f} s", flush=True)
            print(f"  {'':<32}{'rows':>5}{'best':>9}{'median':>9}{'95 %':>9}{'far page':>10}  ms", flush=True)
            for name, asked in filters(clinic.gateway.today()).items():
                kept &= shown(clinic, name, asked, given.times) < MILLISECONDS
            kept &= shown(clinic, "a patient's own", lambda _dice: Wish(PAGE), given.times, patient) < MILLISECONDS
            clinic.close()
    return 0 if kept else 1


def shown(clinic: Clinic, name: str, asked: Asked, times: int, who: Identity = manager) -> float:
    """Prints a line; returns the 95th percentile of the first page in milliseconds."""
    dice, taken, far, rows = Random(1), list[float](), list[float](), 0
    for turn in range(times):
        wish = asked(dice)
        milliseconds, found = page(clinic, who, wish)
        taken.append(milliseconds)
        rows = max(rows, len(found))
        for _ in range(10 if turn % 10 == 0 else 0):
            if len(found) == PAGE:
                milliseconds, found = page(clinic, who, replace(wish, before_id=found[-1]))
                far.append(milliseconds)
    taken.sort()
    median, most = taken[len(taken) // 2], taken[int(len(taken) * 0.95)]
    behind = f"{sorted(far)[len(far) // 2]:>10.1f}" if far else f"{'':>10}"
    verdict = "" if most < MILLISECONDS else "  too long"
    print(f"  {name:<32}{rows:>5}{taken[0]:>9.1f}{median:>9.1f}{most:>9.1f}{behind}{verdict}", flush=True)
    return most


def page(clinic: Clinic, who: Identity, wish: Wish) -> tuple[float, list[int]]:
    """(milliseconds, the ids), with the answer's text made."""
    began = time.perf_counter()
    found = clinic.gateway.invoices.find(who, wish)
    jsontext.dumps([rendering_invoices.listed(facts, status) for facts, status in found.invoices])
    return (time.perf_counter() - began) * 1000, [facts.id for facts, _ in found.invoices]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
