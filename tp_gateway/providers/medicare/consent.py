"""The assignment of benefit: the patient lets Medicare pay the clinic. Without it a bulk bill is never lodged. This is
the record that the clinic keeps; the signed agreement itself stays where `document_ref` says.

Rules since 1 July 2026 (ama.com.au, assignment-benefit-changes-1-july-2026; semphn.org.au; emphn.org.au): before or
after the service and always before lodging, kept for two years, verbal only in the transition to mid-2027
(wentwest.com.au, 26 June 2026). The exact statutory data set was not found, and enduring assignments (some groups of
patients only) rest on one source, so the record has what those pages name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

import colander

from tp_gateway.contract import fields
from tp_gateway.providers.medicare.dates import add_years, local_day
from tp_gateway.providers.medicare.nodes import Choice

VERBAL_UNTIL = date(2027, 6, 30)
"""Last day of the transition: twelve months from 1 July 2026. The sources say mid-2027, so the day is ours."""
_YEARS_KEPT = 2


class AssignmentType(StrEnum):
    PRE = "pre"
    """Given before the service."""
    POST = "post"
    VERBAL = "verbal"
    ENDURING = "enduring"


class Method(StrEnum):
    SIGNATURE = "signature"
    """On paper."""
    ELECTRONIC = "electronic"
    VERBAL = "verbal"


@dataclass(frozen=True, slots=True)
class Assignment:
    """`assigned_at` is UTC. `relationship` is the assignor's to the patient, `patient` where it is the patient.
    `document_ref` is where the clinic keeps the agreement, or its note of a verbal one."""

    type: AssignmentType
    assigned_at: datetime
    assignor_name: str = field(repr=False)
    relationship: str = field(repr=False)
    method: Method
    document_ref: str = field(repr=False)

    @classmethod
    def of(cls, value: Mapping[str, Any]) -> Assignment:
        """From what `AssignmentSchema` accepted."""
        return cls(**value)

    def retain_until(self, service_day: date, zone: ZoneInfo) -> date:
        """The last day on which the agreement must still be there: two years from the assignment or from the service,
        whichever is later, because the sources do not say which."""
        return add_years(max(local_day(self.assigned_at, zone), service_day), _YEARS_KEPT)


def _now() -> datetime:
    return datetime.now(UTC)


class AssignmentSchema(fields.Schema):
    """Reads the record from a request. `zone` is the clinic's, for the day of a verbal assignment; `verbal_until` is
    the last day on which one may be given; `clock` gives the aware present. `node` goes to colander (`name`,
    `missing`, …)."""

    type = colander.SchemaNode(Choice(AssignmentType))
    assigned_at = colander.SchemaNode(fields.Moment())
    assignor_name = colander.SchemaNode(fields.Text(), validator=colander.Length(1, 120))
    relationship = colander.SchemaNode(fields.Text(), validator=colander.Length(1, 40))
    method = colander.SchemaNode(Choice(Method))
    document_ref = colander.SchemaNode(fields.Text(), validator=colander.Length(1, 200))

    def __init__(
        self,
        *,
        zone: ZoneInfo,
        verbal_until: date = VERBAL_UNTIL,
        clock: Callable[[], datetime] = _now,
        **node: Any,
    ) -> None:
        super().__init__(**node)
        self._zone, self._verbal_until, self._clock = zone, verbal_until, clock

    def validator(self, node: colander.SchemaNode, value: Mapping[str, Any]) -> None:
        invalid = colander.Invalid(node)
        verbal = value["type"] is AssignmentType.VERBAL
        if verbal != (value["method"] is Method.VERBAL):
            invalid["method"] = "A verbal assignment, and no other, has the method verbal"
        if value["assigned_at"] > self._clock():
            invalid["assigned_at"] = "In the future"
        elif verbal and local_day(value["assigned_at"], self._zone) > self._verbal_until:
            invalid["assigned_at"] = f"A verbal assignment is possible until {self._verbal_until.isoformat()}"
        if invalid.children:
            raise invalid
