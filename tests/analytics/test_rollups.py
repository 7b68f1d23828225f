"""The sums while others write: nothing is counted twice or left out, whoever comes in between, and no payment waits."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.analytics.practice import NOW, PATIENTS, Practice, book, practice
from tests.clinic import Clinic, settings
from tp_gateway.cli import main
from tp_gateway.database import Database
from tp_gateway.services.analytics import Asked, basis, rollups
from tp_gateway.services.analytics.recount import recount


@pytest.fixture
def clinic(database_url: str) -> Iterator[Practice]:
    with practice(database_url, 1) as made:
        made.push_appointments(40)
        made.book(20)
        yield made


def waiting(clinic: Practice) -> int:
    query = "SELECT (SELECT COUNT(*) FROM analytics_entries) + (SELECT COUNT(*) FROM analytics_changes)"
    return int(clinic.clinic.rows(query)[0][0])


def pay(clinic: Practice, name: str, appointment_id: int | None = None) -> None:
    with clinic.gateway.database.transaction() as session:
        book(session, appointment_id=appointment_id, patient_id=PATIENTS[0], at=NOW, amount=100, name=name)


def move(clinic: Practice, appointment: int, **more: Any) -> None:
    [[patient]] = clinic.clinic.rows("SELECT patient_id FROM appointments WHERE id = :id", id=appointment)
    clinic.clinic.appointment(appointment, patient, practitioner_id=None, **more)


def test_the_worker_counts_once_and_then_adds(clinic: Practice) -> None:
    made = clinic.gateway.rollups
    assert waiting(clinic) and made.differences() is None, "nothing was ever counted"
    made.work()
    assert waiting(clinic) == 0 and made.differences() == []
    clinic.push_appointments(20)
    clinic.book(20)
    assert waiting(clinic) > 1
    before = clinic.analytics.report(Asked("all"))
    made.work()
    assert waiting(clinic) == 0 and clinic.analytics.report(Asked("all")) == before
    assert made.differences() == []


def test_a_push_leaves_one_row_and_one_that_changes_nothing_none(clinic: Practice) -> None:
    clinic.gateway.rollups.work()
    rows = [clinic.clinic.user(2000 + number, "patient") for number in range(400)]
    clinic.clinic.push_users(rows)
    clinic.clinic.push_users(rows)
    assert waiting(clinic) == 1


def test_what_happens_during_a_recount_is_added_after_it(clinic: Practice, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between its look at the store and its end: pushes, payments, and an appointment whose service takes its money
    along, counted already or not."""
    clinic.gateway.rollups.work()
    [[appointment]] = clinic.clinic.rows("SELECT MIN(id) FROM appointments WHERE status <> 'cancelled'")
    pay(clinic, "before", appointment)

    def and_meanwhile(*given: Any) -> Any:
        found = recount(*given)
        monkeypatch.undo()

        def happens() -> None:
            assert not clinic.gateway.rollups.add_noted(), "what is noted now must not go into sums that go"
            pay(clinic, "during", appointment)
            move(clinic, appointment, service="couples", starts_at=NOW)
            pay(clinic, "after", appointment)
            clinic.push_notes(3)
            clinic.gateway.rollups.work()
            assert clinic.gateway.rollups.differences() == [], "and still answers come from them"

        in_another_thread(happens)
        return found

    monkeypatch.setattr(rollups, "recount", and_meanwhile)
    assert clinic.gateway.rollups.rebuild() > 0
    assert waiting(clinic) > 0 and clinic.gateway.rollups.differences() == []
    clinic.gateway.rollups.work()
    assert waiting(clinic) == 0 and clinic.gateway.rollups.differences() == []


def test_of_two_recounts_the_later_one_counts(clinic: Practice, monkeypatch: pytest.MonkeyPatch) -> None:
    def and_another(*given: Any) -> Any:
        found = recount(*given)
        monkeypatch.undo()

        def happens() -> None:
            clinic.push_appointments(10)
            assert clinic.gateway.rollups.rebuild() > 0

        in_another_thread(happens)
        return found

    monkeypatch.setattr(rollups, "recount", and_another)
    assert clinic.gateway.rollups.rebuild() == 0
    assert clinic.gateway.rollups.differences() == []


def test_only_one_of_many_workers_counts_anew(clinic: Practice, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = list[int]()

    def and_others(*given: Any) -> Any:
        calls.append(1)
        in_another_thread(clinic.gateway.rollups.work)
        return recount(*given)

    monkeypatch.setattr(rollups, "recount", and_others)
    clinic.gateway.rollups.work()
    assert len(calls) == 1 and clinic.gateway.rollups.differences() == []


def in_another_thread(work: Callable[[], Any]) -> None:
    """A thread has one transaction at a time."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(work).result(60)


def test_pushes_payments_adding_and_recounts_at_once(clinic: Practice) -> None:
    made = clinic.gateway
    made.rollups.work()
    there = [row[0] for row in clinic.clinic.rows("SELECT id FROM appointments ORDER BY id")]
    together = threading.Barrier(4)

    def push() -> None:
        together.wait(10)
        for number in range(25):
            appointment = there[number % len(there)]
            service = ("assessment", "couples")[number % 2]
            at = NOW + timedelta(days=number * 7)
            move(clinic, appointment, service=service, starts_at=at)

    def pays() -> None:
        together.wait(10)
        for number in range(25):
            pay(clinic, f"p{number}", there[number % len(there)])

    def adds() -> None:
        together.wait(10)
        for _ in range(15):
            made.rollups.add_noted()

    def counts() -> None:
        together.wait(10)
        for _ in range(2):
            made.rollups.rebuild()

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(work) for work in (push, pays, adds, counts)]:
            done.result(120)
    assert made.rollups.differences() == []
    made.rollups.work()
    assert waiting(clinic) == 0 and made.rollups.differences() == []


@pytest.mark.postgresql
def test_a_payment_waits_for_nobody_who_counts(postgresql_database_url: str) -> None:
    """Whoever adds up, or counts anew, holds the turn of the pushes; money comes in meanwhile."""
    with practice(postgresql_database_url, 1) as clinic:
        clinic.push_appointments(5)
        [[appointment]] = clinic.clinic.rows("SELECT MIN(id) FROM appointments")
        with clinic.gateway.database.transaction() as session:
            basis.take_turn(session)
            session.execute(sa.text("UPDATE analytics_sums SET value = value + 1"))
            in_another_thread(lambda: pay(clinic, "meanwhile", appointment))


# --- the command ------------------------------------------------------------------------------------------------------


def test_the_command_counts_checks_and_names_what_is_wrong(database_url: str, tmp_path: Any, capsys: Any) -> None:
    Clinic(database_url, "http://127.0.0.1:1").open().close()
    ini = tmp_path / "clinic.ini"
    lines = (f"{name} = {value}" for name, value in settings(database_url, "http://127.0.0.1:1").items())
    ini.write_text("[app:main]\nuse = egg:tp-gateway\n" + "\n".join(lines).replace("%", "%%"))

    def run(*more: str) -> tuple[int, str]:
        return main(["-c", str(ini), "analytics", "rebuild", *more]), capsys.readouterr().out

    code, said = run("--check")
    assert code == 0 and said.startswith("The sums are not counted yet")
    assert run() == (0, "8 sums were counted.\n"), "four roles by day and month"
    assert run("--check") == (0, "0 sums are wrong.\n")
    database = Database(database_url)
    with database.transaction() as session:
        session.execute(sa.text("UPDATE analytics_sums SET value = 9 WHERE key = 'admin' AND span = 'day'"))
        session.execute(sa.text("DELETE FROM analytics_sums WHERE key = 'patient' AND span = 'month'"))
    database.dispose()
    code, said = run("--check")
    assert (code, said.splitlines()) == (
        1,
        [
            "day 2025-01-19: users admin is 9, and should be 1",
            "month 2025-01-01: users patient is 0, and should be 2",
            "2 sums are wrong.",
        ],
    )
    assert run()[0] == 0 and run("--check")[0] == 0
