"""Strict colander nodes, shared by the views and by providers' parameter schemas.

colander's stock nodes accept NaN, Arabic digits and "1_000", and read "off" as True; these accept one spelling of a
value and refuse the rest. `null` counts as absent.

What the API document says about a type or a validator stands on it as `json_schema` (JSON Schema, 2020-12); a type of
your own inherits its base's, or has its own. Validators that are functions get it from `documented`.
"""

from tp_gateway.fields.australian import AhpraNumber, AustralianPhone
from tp_gateway.fields.contact import Email
from tp_gateway.fields.mappings import Schema, Sequence, StrictMapping, printable, validate
from tp_gateway.fields.nodes import one_of, optional, text
from tp_gateway.fields.values import (
    MAX_ID,
    Amount,
    Currency,
    Day,
    Flag,
    Id,
    Integer,
    JsonNumber,
    JsonSchema,
    Metadata,
    MinorUnits,
    Moment,
    Text,
    documented,
    is_storable,
)

__all__ = [
    "MAX_ID",
    "AhpraNumber",
    "Amount",
    "AustralianPhone",
    "Currency",
    "Day",
    "Email",
    "Flag",
    "Id",
    "Integer",
    "JsonNumber",
    "JsonSchema",
    "Metadata",
    "MinorUnits",
    "Moment",
    "Schema",
    "Sequence",
    "StrictMapping",
    "Text",
    "documented",
    "is_storable",
    "one_of",
    "optional",
    "printable",
    "text",
    "validate",
]
