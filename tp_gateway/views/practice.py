"""The clinic's backend pushes what it owns here: rows that are right go in, each wrong one is named."""

from __future__ import annotations

from typing import Any, ClassVar

import colander
from pyramid.view import view_config

from tp_gateway import fields
from tp_gateway.services import practice_rows
from tp_gateway.services.practice_rows import Bad, Kind
from tp_gateway.views.answers import machines as answers
from tp_gateway.views.body import PUSH_LIMIT

MOST_ROWS = 10_000


class Rows(colander.SchemaType):
    """A list of rows, each judged by itself later, as the node's child says."""

    json_schema: ClassVar[fields.JsonSchema] = {"type": "array", "maxItems": MOST_ROWS}

    def deserialize(self, node: colander.SchemaNode, cstruct: Any) -> Any:
        if cstruct is colander.null:
            return colander.null
        if not isinstance(cstruct, list) or len(cstruct) > MOST_ROWS:
            raise colander.Invalid(node, f"Not a list of at most {MOST_ROWS} rows")
        return cstruct


class UsersBody(fields.Schema):
    users = colander.SchemaNode(Rows(), practice_rows.UserRow(name="user"))
    example: ClassVar[dict[str, Any]] = {
        "users": [{"id": 45, "role": "patient", "name": "Zoë Müller", "created_at": "2025-01-01T10:00:00Z"}]
    }


class AppointmentsBody(fields.Schema):
    appointments = colander.SchemaNode(Rows(), practice_rows.AppointmentRow(name="appointment"))
    example: ClassVar[dict[str, Any]] = {
        "appointments": [
            {
                "id": 123,
                "patient_id": 45,
                "service": "individual_therapy",
                "status": "confirmed",
                "starts_at": "2025-01-19T10:30:00Z",
                "duration_minutes": 50,
                "fee": "180.00",
            }
        ]
    }


class ProgressNotesBody(fields.Schema):
    progress_notes = colander.SchemaNode(Rows(), practice_rows.ProgressNoteRow(name="progress_note"))
    example: ClassVar[dict[str, Any]] = {
        "progress_notes": [
            {"id": 5, "appointment_id": 123, "patient_id": 45, "created_at": "2025-01-19T11:30:00Z"},
        ]
    }


class AvailabilityBody(fields.Schema):
    availability = colander.SchemaNode(Rows(), practice_rows.AvailabilityRow(name="day"))
    example: ClassVar[dict[str, Any]] = {
        "availability": [{"practitioner_id": 7, "day": "2025-01-20", "minutes": 420}],
    }


@view_config(
    route_name="practice_users",
    request_method="PUT",
    permission="push_practice",
    schema=UsersBody,
    limit=PUSH_LIMIT,
    answers={200: answers.PUSHED},
)
def push_users(request: Any) -> dict[str, Any]:
    """Push users. Rows that are right go in, each wrong one is named."""
    return _push(request, practice_rows.USERS)


@view_config(
    route_name="practice_appointments",
    request_method="PUT",
    permission="push_practice",
    schema=AppointmentsBody,
    limit=PUSH_LIMIT,
    answers={200: answers.PUSHED},
)
def push_appointments(request: Any) -> dict[str, Any]:
    """Push appointments. Rows that are right go in, each wrong one is named."""
    return _push(request, practice_rows.APPOINTMENTS)


@view_config(
    route_name="practice_progress_notes",
    request_method="PUT",
    permission="push_practice",
    schema=ProgressNotesBody,
    limit=PUSH_LIMIT,
    answers={200: answers.PUSHED},
)
def push_progress_notes(request: Any) -> dict[str, Any]:
    """Push when progress notes were begun and finished, and nothing of what they say."""
    return _push(request, practice_rows.PROGRESS_NOTES)


@view_config(
    route_name="practice_availability",
    request_method="PUT",
    permission="push_practice",
    schema=AvailabilityBody,
    limit=PUSH_LIMIT,
    answers={200: answers.PUSHED},
)
def push_availability(request: Any) -> dict[str, Any]:
    """Push how many minutes practitioners can be booked, by day of the clinic's calendar."""
    return _push(request, practice_rows.AVAILABILITY)


def _push(request: Any, kind: Kind) -> dict[str, Any]:
    rows = request.validated[kind.name]
    good, bad = kind.read(enumerate(rows), request.gateway.currency)
    seen = set[tuple[Any, ...]]()
    once = []
    for index, row in good:
        if kind.key_of(row) in seen:
            bad[index] = {kind.key[-1]: ["Given twice in this request"]}
        else:
            seen.add(kind.key_of(row))
            once.append((index, row))
    result = kind.upsert(request.gateway.practice, once)
    return {
        "created": result.created,
        "updated": result.updated,
        "unchanged": result.unchanged,
        "errors": _errors(kind, rows, bad | result.errors),
    }


def _errors(kind: Kind, rows: list[Any], bad: Bad) -> list[dict[str, Any]]:
    return [{"index": index, "id": _id(kind, rows[index]), "details": bad[index]} for index in sorted(bad)]


def _id(kind: Kind, row: Any) -> int | str | None:
    """What the row calls itself, if that can be said in an answer."""
    found = [row.get(name) for name in kind.key] if isinstance(row, dict) else []
    said = [part for part in found if isinstance(part, str) or type(part) is int]
    if len(kind.key) == 1 and said and type(said[0]) is int:
        return said[0]
    return fields.printable(" ".join(map(str, said))) if said else None
