"""Processes that import bank statements are killed at random, as a command:

    python -m tests.faults.statement_kills --database sqlite --seed 1 --kills 300

Several at once import overlapping files of one account, apply what others have left, or are staff who un-match lines
and match them again. Each dies at a step of a commit (`steps`) or a moment after one, by a timer of the kernel's. After
some kills the bank has new files. In the end each file is imported once more in peace, and the books are compared with
what the bank's own history says. Prints one line of JSON, and ends with 1 and every contradiction when there is one.
"""

from __future__ import annotations

import os
import random
import shutil
import sys
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

from tests.banking import ACCOUNT, TODAY, as_file
from tests.clinic import Clinic, manager
from tests.faults import command, steps
from tests.faults.fate import Fate, by_the_kernel
from tests.faults.ground import new_database
from tests.faults.warm import fork, warm
from tests.invariants import contradictions
from tests.verified import found_by_verify
from tp_gateway.errors import GatewayError
from tp_gateway.services.facts import Answer
from tp_gateway.services.statements import staging
from tp_gateway.services.statements.facts import Allocation

NOBODY = "http://127.0.0.1:1"
NO_BOOKS: dict[str, list[Any]] = {"payment_intents": [], "charges": [], "refunds": [], "disputes": []}
SETTINGS = {**ACCOUNT, "tp_gateway.database_pool": "2"}
CENTS, PROMISES, FOR_STAFF = 18000, 40, 5
BATCH = 7
"""Lines of one transaction here, so that a short file has many."""
AT_ONCE, MEAN_STEPS, FILES, KILLS_A_MONTH = 4, 20, 6, 25
TASKS = ("import",) * 7 + ("worker", "staff", "staff")


@dataclass
class History:
    """What happened on the account in a month, oldest first: rows as the bank writes them, what each payment gets,
    which of the payments are staff's to play with, and the files, each some of the rows."""

    rows: list[str]
    captured: dict[int, int]
    of_staff: list[int]
    files: list[list[str]]


def run(engine: str, seed: int, kills: int, keep: Path | None = None) -> dict[str, Any]:
    with new_database(engine) as database:
        warm, histories, counts = _warm(database), list[History](), Counter[str]()
        while counts["killed import"] < kills:
            month = len(histories)
            dice = random.Random(f"{seed}/{month}")
            histories.append(_history(dice, month, _promises(database)))
            enough = min(kills, counts["killed import"] + KILLS_A_MONTH)
            _storm(warm, histories[-1], dice, counts, enough)
        clinic = Clinic(database, NOBODY, **SETTINGS)
        try:
            for history in histories:
                for file in history.files:
                    _import(clinic, file)
            clinic.gateway.statements.matching.work()
            found = _judge(clinic, histories)
            if found and keep is not None and engine == "sqlite":
                keep.mkdir(parents=True, exist_ok=True)
                shutil.copy(clinic.database.engine.url.database or "", keep)
            lines = sum(len(history.rows) for history in histories)
            told = {"lines": lines, "matches": clinic.rows("SELECT count(*) FROM statement_matches")[0][0]}
        finally:
            clinic.close()
    return {"database": engine, "seed": seed, **told, **dict(sorted(counts.items())), "contradictions": found}


# --- the bank ---------------------------------------------------------------------------------------------------------


def _promises(database: str) -> dict[int, str]:
    """Payment id -> reference, of transfers that are waited for."""
    clinic = Clinic(database, NOBODY, **SETTINGS)
    promises = {}
    for _ in range(PROMISES):
        wanted = {"method": "bank_transfer", "method_id": None, "amount": CENTS, "permission": "pay_invoice"}
        paid = clinic.pay(manager, **wanted, invoice_id=clinic.invoice(CENTS).id)
        promises[paid.id] = paid.body["reference"]
    clinic.close()
    return promises


def _history(dice: random.Random, month: int, promises: dict[int, str]) -> History:
    """Paid in full, in two parts, twice, too much, with one letter wrong; and as much again that is nobody's."""
    moved: list[tuple[int, str]] = []
    captured = {}
    for number, (payment_id, reference) in enumerate(promises.items()):
        wrong = reference.replace(reference[0], "X", 1)
        ways: list[list[tuple[int, str]]] = [
            [(CENTS, reference)],
            [(CENTS // 2, reference)] * 2,
            [(CENTS, reference), (CENTS, f"again {reference}")],
            [(CENTS + 500, reference)],
            [(CENTS, wrong)],
        ]
        chosen = ways[number % len(ways)]
        moved += chosen
        captured[payment_id] = sum(cents for cents, _ in chosen)
        moved.append((dice.choice((-1, 1)) * dice.randrange(1, 9999), f"nobody's {dice.randrange(10**6)}"))
    dice.shuffle(moved)
    rows, balance = [], month * 10**8
    for number, (cents, text) in enumerate(moved):
        balance += cents
        day = TODAY + timedelta(days=31 * month + number // 10)
        rows.append(f'{day:%d/%m/%Y},"{cents / 100:+.2f}","Transfer {text}","{balance / 100:+.2f}"\n')
    files = []
    for number in range(FILES):
        start = number * len(rows) // (FILES + 1)
        files.append(rows[start : start + 2 * len(rows) // (FILES + 1) + 1])
    return History(rows, captured, list(promises)[-FOR_STAFF:], files)


# --- the storm --------------------------------------------------------------------------------------------------------


def _warm(database: str) -> Clinic:
    staging.BATCH = BATCH
    return warm(lambda: Clinic(database, NOBODY, **SETTINGS), lambda clinic: clinic.gateway.statements.reading.lines())


def _storm(clinic: Clinic, history: History, dice: random.Random, counts: Counter[str], kills: int) -> None:
    """Until there were so many kills during imports."""
    running: dict[int, str] = {}
    while counts["killed import"] < kills or running:
        while len(running) < AT_ONCE and counts["killed import"] < kills:
            task, life = dice.choice(TASKS), random.Random(dice.random())
            running[fork(partial(_live, clinic, task, life, history))] = task
        pid, status = os.wait()
        task = running.pop(pid)
        counts[f"{'killed' if os.WIFSIGNALED(status) else 'ended' if status == 0 else 'failed'} {task}"] += 1


def _live(clinic: Clinic, task: str, dice: random.Random, history: History) -> None:
    steps.attach(clinic, Fate(dice, MEAN_STEPS, by_the_kernel).step)
    if task == "import":
        _import(clinic, dice.choice(history.files))
    elif task == "worker":
        clinic.gateway.statements.matching.work()
    else:
        _staff(clinic, dice, history.of_staff)


def _import(clinic: Clinic, rows: list[str]) -> None:
    clinic.gateway.statements.importing.run(as_file("".join(rows).encode()), "file.csv", "cli")


def _staff(clinic: Clinic, dice: random.Random, payments: list[int]) -> None:
    """Un-match what has paid one of these, and match it, or what another one left un-matched, to any of them."""
    query = (
        "SELECT DISTINCT l.id, l.state, l.amount FROM statement_lines l JOIN statement_matches m ON m.line_id = l.id"
    )
    lines = clinic.rows(f"{query} WHERE m.payment_id >= :first ORDER BY l.id", first=payments[0])
    if not lines:
        return
    line = dice.choice(lines)
    statements = clinic.gateway.statements
    try:
        if line.state == "matched":
            statements.undoing.unmatch(manager, line.id)
        part = Allocation(Decimal(line.amount) / 100, payment_id=dice.choice(payments))
        statements.allocating.match(manager, line.id, [part], lambda _: Answer(200, "{}"), None)
    except GatewayError as error:
        if error.code not in ("not_payable", "validation_error"):  # another process was faster
            raise


# --- and what came of it ----------------------------------------------------------------------------------------------


def _judge(clinic: Clinic, histories: list[History]) -> list[str]:
    found = contradictions(clinic.database.engine, NO_BOOKS) + found_by_verify(clinic.database)
    said = Counter((row.amount, row.description, row.balance) for row in clinic.rows("SELECT * FROM statement_lines"))
    there = Counter[tuple[int, str, int]]()
    for row in {row for history in histories for file in history.files for row in file}:
        _day, amount, text, balance = (cell.strip('"\n') for cell in row.split(","))
        there[round(float(amount) * 100), text, round(float(balance) * 100)] += 1
    found += [f"lost: {line} is not here" for line in there - said] + [f"twice: {line}" for line in said - there]
    if clinic.rows("SELECT id FROM statement_lines WHERE state = 'new'"):
        found.append("lines are left that nobody has applied")
    captured = {row.id: row.captured for row in clinic.rows("SELECT id, captured FROM payments")}
    left_alone = {one: cents for h in histories for one, cents in h.captured.items() if one not in h.of_staff}
    for payment_id, should in left_alone.items():
        got = captured[payment_id]
        if got != should:
            found.append(f"{'double' if got > should else 'lost'}: payment {payment_id} has {got}, not {should}")
    matched = clinic.rows("SELECT COALESCE(SUM(amount), 0) FROM statement_matches WHERE undone_at IS NULL")[0][0]
    if matched != sum(captured.values()):
        found.append(f"matched {matched}, captured {sum(captured.values())}")
    return found


if __name__ == "__main__":
    sys.exit(command.main("statement_kills", __doc__, run))
