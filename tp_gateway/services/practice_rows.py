"""The rows that the clinic's backend pushes, as they are read: each judged by itself, so that a wrong one stops no
other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar

import colander

from tp_gateway import fields, money
from tp_gateway.errors import ValidationError
from tp_gateway.fields import one_of, optional, text
from tp_gateway.identity import ADMIN, MANAGER, PATIENT, PSYCHOLOGIST
from tp_gateway.models.states import AppointmentStatus
from tp_gateway.services.practice import Practice
from tp_gateway.services.practice_upserts import Row, UpsertResult

Bad = dict[int, Mapping[str, Any]]
"""Row index -> field -> messages."""


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
    provider_number = text(0, 8, missing=None)
    ahpra_number = optional(fields.AhpraNumber())
    created_at = colander.SchemaNode(fields.Moment())


class AppointmentRow(fields.Schema):
    id = colander.SchemaNode(fields.Id())
    patient_id = colander.SchemaNode(fields.Id())
    practitioner_id = optional(fields.Id())
    service = text(1, 100)
    status = colander.SchemaNode(fields.Text(), validator=one_of(*AppointmentStatus))
    starts_at = colander.SchemaNode(fields.Moment())
    duration_minutes = colander.SchemaNode(fields.Integer(), validator=colander.Range(1, 24 * 60))
    actual_minutes = optional(fields.Integer(), validator=colander.Range(1, 24 * 60))
    rating = optional(fields.Integer(), validator=colander.Range(1, 5))
    fee = colander.SchemaNode(Fee())
    currency = optional(fields.Currency())


class ProgressNoteRow(fields.Schema):
    """Nothing of what it says: an unknown field is refused, so none can slip in."""

    id = colander.SchemaNode(fields.Id())
    appointment_id = optional(fields.Id())
    patient_id = colander.SchemaNode(fields.Id())
    practitioner_id = optional(fields.Id())
    created_at = colander.SchemaNode(fields.Moment())
    completed_at = optional(fields.Moment())


class AvailabilityRow(fields.Schema):
    practitioner_id = colander.SchemaNode(fields.Id())
    day = colander.SchemaNode(fields.Day())
    minutes = colander.SchemaNode(fields.Integer(), validator=colander.Range(0, 24 * 60))


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of rows: its name, its fields, which of them name a row, and who takes them."""

    name: str
    schema: type[colander.Schema]
    key: tuple[str, ...]
    upsert: Callable[[Practice, list[Row]], UpsertResult]

    def read(self, rows: Iterable[tuple[int, Any]], currency: str) -> tuple[list[Row], Bad]:
        """(index, what was sent) -> the rows that are right, and what is wrong with the others. `currency`: of an
        appointment that names none."""
        schema, good, bad = self.schema(), list[Row](), Bad()
        for index, sent in rows:
            try:
                good.append((index, _complete(fields.validate(schema, sent), currency)))
            except ValidationError as error:
                bad[index] = error.fields
        return good, bad

    def key_of(self, row: Mapping[str, Any]) -> tuple[Any, ...]:
        return tuple(row[name] for name in self.key)


USERS = Kind("users", UserRow, ("id",), Practice.upsert_users)
APPOINTMENTS = Kind("appointments", AppointmentRow, ("id",), Practice.upsert_appointments)
PROGRESS_NOTES = Kind("progress_notes", ProgressNoteRow, ("id",), Practice.upsert_progress_notes)
AVAILABILITY = Kind("availability", AvailabilityRow, ("practitioner_id", "day"), Practice.upsert_availability)
KINDS = {kind.name: kind for kind in (USERS, APPOINTMENTS, PROGRESS_NOTES, AVAILABILITY)}


def _complete(row: dict[str, Any], currency: str) -> dict[str, Any]:
    """The fee in minor units of its currency."""
    if "fee" not in row:
        return row
    row["currency"] = row["currency"] or currency
    try:
        row["fee"] = money.to_minor_units(row["fee"], row["currency"])
    except ValueError as error:
        raise ValidationError({"fee": [str(error)]}) from None
    return row
