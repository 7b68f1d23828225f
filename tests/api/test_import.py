"""`tp-gateway import`: good rows go in, bad ones are named by their line, and an import can be made again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.clinic import settings
from tp_gateway.cli import main
from tp_gateway.database import Database

USERS = """id,role,active,name,email,created_at
60,patient,true,Zoë Müller,z@clinic.example,2025-01-01T00:00:00Z
61,owner,true,Ann,,2025-01-01T00:00:00Z
62,patient,yes,Ann,,2025-01-01T00:00:00Z
7,psychologist,,,,2024-01-01T00:00:00+11:00
"""
APPOINTMENTS = """id,patient_id,practitioner_id,service,status,starts_at,duration_minutes,rating,fee
900,60,7,individual_therapy,completed,2025-02-01T09:00:00+11:00,50,5,180.00
901,60,7,individual_therapy,completed,2025-02-01T09:00:00+11:00,fifty,,180.005
902,99,,individual_therapy,completed,2025-02-01T09:00:00+11:00,50,,0
"""


class Store:
    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder = url, folder
        lines = (f"{name} = {value}" for name, value in settings(url, "http://127.0.0.1:1").items())
        self.ini = folder / "clinic.ini"
        self.ini.write_text("[app:main]\nuse = egg:tp-gateway\n" + "\n".join(lines).replace("%", "%%"))

    def take(self, what: str, name: str, content: str | bytes, *more: str) -> int:
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return main(["-c", str(self.ini), "import", what, str(path), *more])

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        database = Database(self.url)
        try:
            with database.read() as session:
                return [tuple(row) for row in session.execute(sa.text(query))]
        finally:
            database.dispose()


@pytest.fixture
def store(database_url: str, tmp_path: Path) -> Iterator[Store]:
    yield Store(database_url, tmp_path)


@pytest.fixture
def small(sqlite_database_url: str, tmp_path: Path) -> Iterator[Store]:
    yield Store(sqlite_database_url, tmp_path)


def told(capsys: Any) -> tuple[list[str], str]:
    """Standard error without its progress, each line without the folder; and standard output."""
    printed = capsys.readouterr()
    lines = [line for line in printed.err.splitlines() if "importing," not in line]
    return [line.rpartition("/")[2] for line in lines], printed.out.strip()


def test_users_then_appointments_from_csv(store: Store, capsys: Any) -> None:
    assert store.take("users", "users.csv", USERS) == 1
    errors, summary = told(capsys)
    assert [line.split(": ")[:2] for line in errors] == [["users.csv:3", "role"], ["users.csv:4", "active"]]
    assert summary == "users.csv: 4 users: 2 created, 0 updated, 0 unchanged, 2 refused"
    assert store.take("appointments", "a.csv", APPOINTMENTS) == 1
    errors, summary = told(capsys)
    assert [line.split(": ")[0] for line in errors] == ["a.csv:3", "a.csv:4"]
    assert "duration_minutes: Not a whole number" in errors[0] and "fee: " not in errors[0].split(";")[0]
    assert errors[1].endswith("patient_id: No such patient: push users first")
    assert store.rows("SELECT id, fee, currency, rating FROM appointments") == [(900, 18000, "AUD", 5)]
    assert store.rows("SELECT name FROM users WHERE id = 60") == [("Zoë Müller",)]


def test_json_lines_notes_and_minutes(store: Store, capsys: Any) -> None:
    assert store.take("users", "users.csv", USERS) == 1
    note = {"id": 5, "patient_id": 60, "created_at": "2025-01-19T10:30:00Z"}
    lines = [
        note,
        note | {"id": 6, "text": "secret words"},
        [],
        note | {"id": 8, "completed_at": "2025-01-19T11:00:00Z"},
    ]
    body = "\n".join(map(json.dumps, lines)) + "\n\n{\nNaN\n"
    told(capsys)
    assert store.take("progress-notes", "notes.jsonl", body) == 1
    errors, summary = told(capsys)
    assert errors == [
        "notes.jsonl:2: text: Unknown field",
        "notes.jsonl:3: row: Not one JSON object in UTF-8",
        "notes.jsonl:6: row: Not one JSON object in UTF-8",
        "notes.jsonl:7: row: Not one JSON object in UTF-8",
    ]
    assert "secret" not in str(errors) and summary.startswith("notes.jsonl: 6 progress notes: 2 created")
    assert store.take("availability", "free.jsonl", '{"practitioner_id": 7, "day": "2025-01-20", "minutes": 420}') == 0


def test_again_changes_nothing_and_from_a_line_goes_on(store: Store, capsys: Any) -> None:
    good = "\n".join(USERS.splitlines()[:2])
    many = good + "".join(f"\n{1000 + n},patient,,,,2025-01-01T00:00:00Z" for n in range(2500))
    assert store.take("users", "users.csv", many, "--from-line", "1002") == 0
    assert told(capsys)[1] == "users.csv: 1,501 users: 1,501 created, 0 updated, 0 unchanged, 0 refused"
    assert store.take("users", "users.csv", many) == 0
    assert told(capsys)[1] == "users.csv: 2,501 users: 1,000 created, 0 updated, 1,501 unchanged, 0 refused"


def test_stopped_it_says_where_to_go_on(small: Store, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from tp_gateway.services.practice import Practice

    head = USERS.splitlines()[0]
    many = head + "".join(f"\n{1000 + n},patient,,,,2025-01-01T00:00:00Z" for n in range(2500))
    real, calls = Practice._upsert, []

    def stop(*given: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(*given)

    monkeypatch.setattr(Practice, "_upsert", stop)
    assert small.take("users", "users.csv", many) == 130
    assert told(capsys)[0][-1] == "users.csv: stopped. Go on with --from-line 1002"
    monkeypatch.setattr(Practice, "_upsert", real)
    assert small.take("users", "users.csv", many, "--from-line", "1002") == 0
    assert told(capsys)[1].startswith("users.csv: 1,500 users: 1,500 created")
    assert small.rows("SELECT count(*) FROM users") == [(2500,)]


def test_lines_that_are_no_rows(small: Store, capsys: Any) -> None:
    odd = USERS.encode().splitlines()[0] + b"\r\n"
    odd += b'60,patient,true,"Two\nlines",,2025-01-01T00:00:00Z\r\n'
    odd += b"61,patient,true\r\n\r\n"
    odd += b"62,patient,true,\xff,,2025-01-01T00:00:00Z\r\n"
    odd += b"63,patient,true,4242 4242 4242 4242,,2025-01-01T00:00:00Z\r\n"
    assert small.take("users", "odd.CSV", b"\xef\xbb\xbf" + odd) == 1
    errors, summary = told(capsys)
    assert errors == [
        "odd.CSV:4: row: Has 3 cells under 6 names",
        "odd.CSV:6: name: Contains characters that cannot be stored",
        "odd.CSV:7: row: Holds a card number, which must never come here",
    ]
    assert summary.endswith("1 created, 0 updated, 0 unchanged, 3 refused")
    assert small.rows("SELECT name FROM users") == [("Two\nlines",)]


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("users.csv", "id,role,created_at,password\n", "unknown columns 'password'"),
        ("users.csv", "id,name\n", "missing columns 'created_at', 'role'"),
        ("users.csv", "", "missing columns"),
        ("users.txt", USERS, "say --format"),
        ("users.csv", "id,role,created_at\n" + "1" * 200_000 + ",,\n", "users.csv:1 or later: field larger"),
    ],
)
def test_files_that_cannot_be_read(small: Store, capsys: Any, name: str, content: str, problem: str) -> None:
    assert small.take("users", name, content) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("tp-gateway: ") and problem in line
    assert small.rows("SELECT count(*) FROM users") == [(0,)]


def test_a_file_that_is_not_there(small: Store, capsys: Any) -> None:
    assert main(["-c", str(small.ini), "import", "users", "none.csv"]) == 1
    assert capsys.readouterr().err == "tp-gateway: none.csv: No such file or directory\n"
