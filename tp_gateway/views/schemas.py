"""Fields that several requests share."""

from __future__ import annotations

import re
from typing import Any, ClassVar

import colander

from tp_gateway import fields
from tp_gateway.contract import Flow
from tp_gateway.fields import one_of as one_of  # noqa: PLC0414 - told on
from tp_gateway.fields import optional as optional  # noqa: PLC0414 - told on
from tp_gateway.fields import text as text  # noqa: PLC0414 - told on
from tp_gateway.services.facts import Wanted

REFERENCE = re.compile(r"[A-Za-z0-9_]{1,255}", re.ASCII)
"""A provider's id of something of its own, such as `pm_…` or `pi_…`."""
_METHOD = re.compile(r"[a-z][a-z0-9_]{0,31}", re.ASCII)
_DIGITS = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)


class MethodId(colander.SchemaType):
    """The id of a saved payment method (JSON integer or digits -> int), or the provider's reference (`pm_…` -> str)."""

    json_schema: ClassVar[fields.JsonSchema] = {
        "anyOf": [
            {"type": "string", "pattern": f"^{REFERENCE.pattern}$"},
            {"type": "integer", "minimum": 1, "maximum": fields.MAX_ID},
        ],
        "examples": ["pm_1234567890"],
    }

    def deserialize(self, node: colander.SchemaNode, cstruct: Any) -> Any:
        if cstruct is colander.null:
            return colander.null
        if type(cstruct) is int and 1 <= cstruct <= fields.MAX_ID:
            return cstruct
        if not isinstance(cstruct, str) or isinstance(cstruct, fields.JsonNumber) or not REFERENCE.fullmatch(cstruct):
            raise colander.Invalid(node, 'Not a payment method such as "pm_…", nor the id of a saved one')
        if _DIGITS.fullmatch(cstruct) and int(cstruct) <= fields.MAX_ID:
            return int(cstruct)
        return cstruct


class Whole(fields.Integer):
    """A whole number in a query string, where everything is text."""

    def deserialize(self, node: colander.SchemaNode, cstruct: Any) -> Any:
        if isinstance(cstruct, str) and _DIGITS.fullmatch(cstruct):
            cstruct = int(cstruct)
        return super().deserialize(node, cstruct)


def matches(pattern: re.Pattern[str], message: str) -> Any:
    """A validator: the whole text must match."""

    @fields.documented(pattern=f"^(?:{pattern.pattern})$")
    def check(node: colander.SchemaNode, value: str) -> None:
        if not pattern.fullmatch(value):
            raise colander.Invalid(node, message)

    return check


def payment_method(**options: Any) -> colander.SchemaNode:
    """`card`, `bank_transfer`, …: which ones there are is the registry's business."""
    return colander.SchemaNode(
        fields.Text(), validator=matches(_METHOD, "Not a payment method such as card"), **options
    )


def some_of(*names: str, at_most_one: bool = False) -> dict[str, Any]:
    """JSON Schema: at least one of the fields is given, and not as null; or exactly one."""
    given = [{"required": [name], "properties": {name: {"not": {"type": "null"}}}} for name in names]
    return {"oneOf" if at_most_one else "anyOf": given}


@fields.documented(**some_of("appointment_id", "invoice_id"))
def require_payable(node: colander.SchemaNode, value: dict[str, Any]) -> None:
    """A payment is for something."""
    if value["appointment_id"] is None and value["invoice_id"] is None:
        error = colander.Invalid(node)
        error["appointment_id"] = "Name an appointment_id or an invoice_id"
        raise error


class Nothing(fields.Schema):
    """For requests that take no fields."""


class ChargeFields(fields.Schema):
    """What the requests that charge have in common."""

    description = text(0, 500, missing="")
    metadata = optional(fields.Metadata())
    save_payment_method = colander.SchemaNode(fields.Flag(), missing=False)
    capture = colander.SchemaNode(fields.Text(), missing="automatic", validator=one_of("automatic", "manual"))


def wanted(asked: dict[str, Any], permission: str, method: str, flow: Flow = Flow.DIRECT, **door: int) -> Wanted:
    """A validated request to charge, as the services take it. `door`: an id that comes from the path."""
    return Wanted(
        permission=permission,
        method=method,
        flow=flow,
        appointment_id=asked.get("appointment_id"),
        invoice_id=door.get("invoice_id", asked.get("invoice_id")),
        amount=asked["amount"],
        currency=asked.get("currency"),
        method_id=asked.get("payment_method_id"),
        save_method=asked["save_payment_method"],
        manual_capture=asked["capture"] == "manual",
        description=asked["description"],
        metadata=asked["metadata"],
        parameters=asked["parameters"],
    )
