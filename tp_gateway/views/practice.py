"""The clinic's backend pushes its users and appointments here: rows that are right go in, each wrong one is named."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, ClassVar

import colander
from pyramid.view import view_config

from tp_gateway import fields, money
from tp_gateway.errors import ValidationError
from tp_gateway.identity import ADMIN, MANAGER, PATIENT, PSYCHOLOGIST
from tp_gateway.models.states import AppointmentStatus
from tp_gateway.views.answers import machines as answers
from tp_gateway.views.body import PUSH_LIMIT
from tp_gateway.views.schemas import one_of, optional, text

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


class Fee(fields.Amount):
    """An amount that may be zero."""

    json_schema: ClassVar[fields.JsonSchema] = {
        "anyOf": [*fields.Amount.json_schema["anyOf"], {"enum": ["0", "0.0", "0.00", "0.000", 0]}],
        "examples": ["180.00"],
    }

    def deserialize(self, node: colander.SchemaNode, cstruct: Any) -> Any:
        if type(cstruct) is not bool and cstruct in (0, "0", "0.0", "0.00", "0.000"):
            return Decimal(0)
        return super().deserialize(node, cstruct)


class UserRow(fields.Schema):
    id = colander.SchemaNode(fields.Id())
    role = colander.SchemaNode(fields.Text(), validator=one_of(PATIENT, PSYCHOLOGIST, MANAGER, ADMIN))
    active = colander.SchemaNode(fields.Flag(), missing=True)
    name = text(0, 255, missing=None)
    email = text(0, 254, missing=None)
    phone = text(0, 40, missing=None)
    created_at = colander.SchemaNode(fields.Moment())


class AppointmentRow(fields.Schema):
    id = colander.SchemaNode(fields.Id())
    patient_id = colander.SchemaNode(fields.Id())
    practitioner_id = optional(fields.Id())
    service = text(1, 100)
    status = colander.SchemaNode(fields.Text(), validator=one_of(*AppointmentStatus))
    starts_at = colander.SchemaNode(fields.Moment())
    duration_minutes = colander.SchemaNode(fields.Integer(), validator=colander.Range(1, 24 * 60))
    fee = colander.SchemaNode(Fee())
    currency = optional(fields.Currency())


class UsersBody(fields.Schema):
    users = colander.SchemaNode(Rows(), UserRow(name="user"))
    example: ClassVar[dict[str, Any]] = {
        "users": [{"id": 45, "role": "patient", "name": "Zoë Müller", "created_at": "2025-01-01T10:00:00Z"}]
    }


class AppointmentsBody(fields.Schema):
    appointments = colander.SchemaNode(Rows(), AppointmentRow(name="appointment"))
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
    return _push(request.validated["users"], UserRow(), lambda row: row, request.gateway.practice.upsert_users)


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
    default = request.gateway.currency

    def in_minor_units(row: dict[str, Any]) -> dict[str, Any]:
        currency = row["currency"] or default
        try:
            return {**row, "currency": currency, "fee": money.to_minor_units(row["fee"], currency)}
        except ValueError as error:
            raise ValidationError({"fee": [str(error)]}) from None

    rows = request.validated["appointments"]
    return _push(rows, AppointmentRow(), in_minor_units, request.gateway.practice.upsert_appointments)


def _push(
    rows: list[Any],
    schema: colander.SchemaNode,
    complete: Callable[[dict[str, Any]], dict[str, Any]],
    upsert: Callable[..., Any],
) -> dict[str, Any]:
    good: list[tuple[int, dict[str, Any]]] = []
    bad: dict[int, Any] = {}
    seen: set[int] = set()
    for index, row in enumerate(rows):
        try:
            valid = complete(fields.validate(schema, row))
            if valid["id"] in seen:
                raise ValidationError({"id": ["Given twice in this request"]})
        except ValidationError as error:
            bad[index] = error.details
        else:
            seen.add(valid["id"])
            good.append((index, valid))
    result = upsert(good)
    bad |= result.errors
    return {
        "created": result.created,
        "updated": result.updated,
        "unchanged": result.unchanged,
        "errors": [{"index": index, "id": _id(rows[index]), "details": bad[index]} for index in sorted(bad)],
    }


def _id(row: Any) -> int | str | None:
    """What the row calls itself, if that can be said in an answer."""
    found = row.get("id") if isinstance(row, dict) else None
    if isinstance(found, str):
        return fields.printable(found)
    return found if type(found) is int else None
