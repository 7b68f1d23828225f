"""What a request says about a service that Medicare shall pay for. `deserialize` gives values that JSON can hold, as
they are stored; `typed` the same with dates and enumerations."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import colander

from tp_gateway.contract import fields
from tp_gateway.providers.medicare import identifiers
from tp_gateway.providers.medicare.consent import AssignmentSchema
from tp_gateway.providers.medicare.nodes import Identifier
from tp_gateway.providers.medicare.referral import ReferralSchema

_NAME = colander.Length(1, 40)
_ITEM = colander.Regex(r"[1-9][0-9]{0,4}\Z", "Not an MBS item number of up to 5 digits")
_LOCATION = colander.Regex(r"[a-z0-9_-]{1,32}\Z", "Not the name of a location in the settings")


def plain(value: Any) -> Any:
    """With texts in the place of dates, moments, amounts and enumerations."""
    if isinstance(value, Mapping):
        return {name: plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, date | datetime):
        return value.isoformat()
    return str(value) if isinstance(value, str | Decimal) else value


class PlainSchema(fields.Schema):
    def deserialize(self, cstruct: Any = colander.null) -> Any:
        return plain(self.typed(cstruct))

    def typed(self, cstruct: Any) -> Any:
        return super().deserialize(cstruct)


class Patient(fields.Schema):
    """As on the card. Who has only one name gives it as `family_name` and "Onlyname" as `given_name`."""

    family_name = colander.SchemaNode(fields.Text(), validator=_NAME)
    given_name = colander.SchemaNode(fields.Text(), validator=_NAME)
    date_of_birth = colander.SchemaNode(fields.Day())
    medicare_number = colander.SchemaNode(Identifier(identifiers.card_number), description="10 digits")
    irn = colander.SchemaNode(Identifier(identifiers.reference_number), description="The digit beside the name")


class ItemCharge(fields.Schema):
    item = colander.SchemaNode(fields.Text(), validator=_ITEM)
    charge = colander.SchemaNode(fields.Amount())


class ServiceFields(PlainSchema):
    """`item` for one item and the whole amount, or `items` with what is charged for each."""

    item = colander.SchemaNode(fields.Text(), missing=None, validator=_ITEM, description="MBS item number")
    items = colander.SchemaNode(
        fields.Sequence(), ItemCharge(name="item"), missing=None, validator=colander.Length(1, 14)
    )
    service_date = colander.SchemaNode(fields.Day(), missing=None, description="Unless it is the appointment's")
    location = colander.SchemaNode(fields.Text(), missing=None, validator=_LOCATION)
    provider_number = colander.SchemaNode(
        Identifier(identifiers.provider_number), missing=None, description="Unless the settings have it"
    )
    patient = Patient(secret=True)
    referral = ReferralSchema(secret=True)
    sessions_referred = colander.SchemaNode(fields.Integer(), missing=None, validator=colander.Range(1, 10))

    def validator(self, node: colander.SchemaNode, value: Mapping[str, Any]) -> None:
        if (value["item"] is None) == (value["items"] is None):
            invalid = colander.Invalid(node)
            invalid["item"] = "Either item or items"
            raise invalid


class BulkBillFields(ServiceFields):
    """Without `consent` the claim waits for it. The last day of verbal consents is judged with the clinic's calendar,
    when the claim is screened."""

    consent = AssignmentSchema(zone=ZoneInfo("UTC"), verbal_until=date.max, missing=None)


class RebateFields(ServiceFields):
    """`claimant`: who paid, where it was not the patient."""

    claimant = Patient(missing=None, secret=True)
