"""Analytics over three years of a practice on PostgreSQL: from the roll-ups, and by plain SQL over the rows, in the
same run. Holds both against each other, and says what keeping the roll-ups costs a payment.

    make bench ARGS=analytics
    .venv/bin/python -m benchmarks.analytics --rows 10000 100000
"""

# ruff: noqa: S608
# The SQL is made of our own words.

from __future__ import annotations

import argparse
import os
import re
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from webob import Request

from benchmarks.practice_store import fill
from benchmarks.statement_import import NOBODY, SETTINGS
from tests.api.conftest import Api, token
from tests.clinic import ADMIN, Clinic, manager
from tests.databases import PostgreSQL, PostgreSQLDatabases
from tp_gateway import observability
from tp_gateway.schema import upgrade
from tp_gateway.services.analytics import Asked, Report, days

PERIODS = ("month", "year", "all")
LONGEST_MS, FASTER, GROWTH, COST = 50.0, 30.0, 3.0, 1.10
"""What must be reached: p95 of an answer, times as fast as plain SQL, growth from the fewest rows to the most, and what
a payment may take with the roll-ups, against without."""
_REVENUE = "(l.debit LIKE 'clearing:%%' AND l.credit IN ('receivable', 'patient_credit')"
_REVENUE += " OR l.credit LIKE 'clearing:%%' AND l.debit IN ('receivable', 'patient_credit'))"
_SIGNED = "CASE WHEN l.debit LIKE 'clearing:%%' THEN l.amount ELSE -l.amount END"
_DAY = "({} AT TIME ZONE 'Australia/Melbourne')::date"
_HERE = " {0} >= :s AND {0} < :e"
PLAIN = {
    "users": "SELECT role, COUNT(*) FROM users WHERE created_at < :e GROUP BY 1",
    "new": f"SELECT {_DAY.format('created_at')}, COUNT(*) FROM users WHERE{_HERE.format('created_at')} GROUP BY 1",
    "active": "SELECT COUNT(DISTINCT patient_id) FROM appointments WHERE status <> 'cancelled' AND"
    + _HERE.format("starts_at"),
    "appointments": "SELECT status, COUNT(*), SUM(duration_minutes), SUM(COALESCE(actual_minutes, duration_minutes)),"
    " COUNT(rating), SUM(rating), SUM(CASE WHEN rating >= 4 THEN 1 ELSE 0 END) FROM appointments WHERE"
    + _HERE.format("starts_at")
    + " GROUP BY 1",
    "trend": f"SELECT {_DAY.format('starts_at')}, COUNT(*) FROM appointments WHERE{_HERE.format('starts_at')}"
    " GROUP BY 1",
    "money": f"SELECT {_DAY.format('l.at')}, p.method, SUM({_SIGNED}) FROM ledger_entries l JOIN payments p"
    f" ON p.id = l.payment_id WHERE {_REVENUE} AND{_HERE.format('l.at')} GROUP BY 1, 2",
    "services": f"SELECT a.service, SUM({_SIGNED}) FROM ledger_entries l JOIN payables y ON y.id = l.payable_id"
    f" LEFT JOIN appointments a ON a.id = y.appointment_id WHERE {_REVENUE} AND{_HERE.format('l.at')} GROUP BY 1",
    "before": f"SELECT SUM({_SIGNED}) FROM ledger_entries l WHERE {_REVENUE} AND l.at >= :q AND l.at < :s",
    "free": "SELECT SUM(minutes) FROM availability WHERE day >= :first AND day <= :last",
    "notes": "SELECT COUNT(*), COUNT(DISTINCT patient_id) FROM progress_notes WHERE created_at < :e",
    "completed": "SELECT COUNT(*) FROM progress_notes WHERE" + _HERE.format("completed_at"),
}


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.analytics", description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 1_000_000])
    parser.add_argument("--answers", type=int, default=100)
    parser.add_argument("--payments", type=int, default=400, help="in all, half of them without roll-ups")
    given = parser.parse_args(arguments)
    observability.configure_logging("error")
    found, kept = {}, True
    server = PostgreSQL()
    try:
        databases = PostgreSQLDatabases(server, upgrade)
        for rows in given.rows:
            with databases.database() as url:
                Clinic(url, NOBODY, **SETTINGS).open().close()
                found[rows], right = measure(server, url, rows, given.answers)
                kept &= right
                if rows == given.rows[-1]:
                    kept &= cost(server, url, given.payments)
    finally:
        server.close()
    fewest, most = found[given.rows[0]], found[given.rows[-1]]
    for period in PERIODS:
        growth = most[period] / fewest[period]
        print(f"{period:>10}: {growth:.1f} times the processor time from {given.rows[0]:,} to {given.rows[-1]:,} rows")
        kept &= growth <= GROWTH
    return 0 if kept else 1


def measure(server: PostgreSQL, url: str, rows: int, answers: int) -> tuple[dict[str, float], bool]:
    """Period -> processor time of an answer over HTTP in milliseconds, and whether all was as it must be."""
    began = time.monotonic()
    made = fill(url, rows)
    print(f"{rows:>10,}: {made:,} rows made in {time.monotonic() - began:.0f} s", flush=True)
    api = Api(url, NOBODY, **SETTINGS)
    began = time.monotonic()
    sums = api.gateway.rollups.rebuild()
    print(f"{'':>12}{sums:,} sums counted in {time.monotonic() - began:.1f} s", flush=True)
    with api.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE analytics_sums")  # as the server does by itself within a minute
    costs, kept = {}, True
    for period in PERIODS:
        report = api.gateway.analytics.report(Asked(period))
        before = busy(server)
        plain = [clocked(lambda asked=report: plain_sql(api, asked)) for _ in range(3)]  # type: ignore[misc]
        plain_busy = (busy(server) - before) / 3 * 1000
        kept &= compare(report, plain_sql(api, report))
        before = busy(server)
        taken = sorted(clocked(lambda period=period: ask(api, period)) for _ in range(answers))  # type: ignore[misc]
        median, p95 = statistics.median(taken), taken[int(len(taken) * 0.95) - 1]
        own = costs[period] = (busy(server) - before) / answers * 1000
        faster = statistics.median(plain) / median
        print(
            f"{'':>12}{period:<6} {median:6.1f} ms median, {p95:6.1f} ms p95, {own:5.1f} ms of processor time;"
            f" plain SQL {statistics.median(plain):8.1f} ms, {plain_busy:8.1f} ms of processor time:"
            f" {faster:.0f} and {plain_busy / own:.0f} times as long",
            flush=True,
        )
        if rows >= 1_000_000:
            kept &= p95 < LONGEST_MS and faster >= FASTER
    began = time.monotonic()
    wrong = api.gateway.rollups.differences()
    print(f"{'':>12}checked in {time.monotonic() - began:.1f} s, {len(wrong or ())} sums wrong", flush=True)
    api.close()
    return costs, kept and wrong == []


def ask(api: Api, period: str) -> None:
    """Through the whole application, but for the server's socket."""
    headers = {"Authorization": f"Bearer {token(ADMIN)}"}
    request = Request.blank(f"/api/auth/admin/analytics/?period={period}", headers=headers)
    if request.get_response(api.app.app).status_code != 200:
        raise RuntimeError("no answer")


def plain_sql(api: Api, report: Report) -> dict[str, Any]:
    """The same figures from the rows, as anybody would write it."""
    zone = api.gateway.practice_settings.read().system.zone
    first, last = report.period.first, report.period.last
    moments = {"s": first, "q": report.period.before[0] if report.period.before else first}
    given: dict[str, Any] = {name: days.begin(day, zone) for name, day in moments.items()}
    given |= {"e": days.end(last, zone), "first": first, "last": last}
    with api.database.engine.connect() as connection:
        connection.exec_driver_sql("SET enable_seqscan = on")
        result = {
            name: [tuple(row) for row in connection.execute(sa.text(query.replace("%%", "%")), _used(query, given))]
            for name, query in PLAIN.items()
        }
        connection.exec_driver_sql("RESET enable_seqscan")
    return result


def _used(query: str, given: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if re.search(rf"(?<!:):{name}\b", query)}


def compare(report: Report, plain: dict[str, Any]) -> bool:
    """Says what differs."""
    status = {row[0]: row[1] for row in plain["appointments"]}
    sums = [sum(int(row[place]) for row in plain["appointments"] if row[place]) for place in (4, 5, 6)]
    pairs = {
        "users": (sum(report.users.values()), sum(row[1] for row in plain["users"])),
        "new": (report.new_users, sum(row[1] for row in plain["new"])),
        "active": (report.active_patients, plain["active"][0][0]),
        "appointments": ({key: value for key, value in report.appointments.items() if value}, status),
        "ratings": ([report.ratings, report.rating_points, report.satisfied], sums),
        "trend": (sum(point.appointments for point in report.points), sum(row[1] for row in plain["trend"])),
        "money": (report.revenue, sum(int(row[2]) for row in plain["money"])),
        "services": (sum(report.by_service.values()), sum(int(row[1]) for row in plain["services"])),
        "before": (report.revenue_before, int(plain["before"][0][0] or 0)),
        "free": (report.available_minutes, int(plain["free"][0][0] or 0)),
        "notes": ((report.notes, report.note_patients), plain["notes"][0]),
        "completed": (report.completed_notes, plain["completed"][0][0]),
    }
    for name, (ours, theirs) in pairs.items():
        if ours != theirs:
            print(f"{'':>12}{name} is {ours}, and by plain SQL {theirs}", flush=True)
    return all(ours == theirs for ours, theirs in pairs.values())


def clocked(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def cost(server: PostgreSQL, url: str, payments: int) -> bool:
    """Payments at the desk with and without the trigger that notes them for the roll-ups, turn by turn."""
    clinic = Clinic(url, NOBODY, **SETTINGS)
    taken: dict[bool, list[float]] = {True: [], False: []}
    used = {True: 0.0, False: 0.0}
    for number in range(payments // 10):
        noted = number % 2 == 0
        with clinic.database.transaction() as session:
            what = "ENABLE" if noted else "DISABLE"
            session.execute(sa.text(f"ALTER TABLE ledger_entries {what} TRIGGER tr_ledger_entries_counted"))
        due = [clinic.invoice(18000).id for _ in range(10)]
        before = busy(server)
        taken[noted] += [
            clocked(
                lambda one=one: clinic.pay(  # type: ignore[misc]
                    manager,
                    method="in_person",
                    method_id=None,
                    amount=18000,
                    permission="pay_invoice",
                    invoice_id=one,
                    parameters={"kind": "cash"},
                )
            )
            for one in due
        ]
        used[noted] += busy(server) - before
    clinic.close()
    ratio = statistics.median(taken[True]) / statistics.median(taken[False])
    share = used[True] / used[False]
    print(
        f"{'payment':>10}: {statistics.median(taken[True]):.2f} ms with the roll-ups, "
        f"{statistics.median(taken[False]):.2f} ms without: {(ratio - 1) * 100:+.1f} %;"
        f" processor time {(share - 1) * 100:+.1f} %",
        flush=True,
    )
    return min(ratio, share) <= COST


def busy(server: PostgreSQL) -> float:
    """Processor time of this process and of the server's, in seconds so far."""
    return time.process_time() + server_seconds(server)


def server_seconds(server: PostgreSQL) -> float:
    """Processor time of the server's processes so far, also of those that have ended."""
    postmaster = (server.directory / "data/postmaster.pid").read_text().split()[0]
    ticks = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:  # it ended just now
            continue
        if path.parent.name == postmaster:
            ticks += sum(map(int, fields[11:15]))  # its own, and what its ended children had
        elif fields[1] == postmaster:
            ticks += sum(map(int, fields[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
