"""What an operator sets (`tp_gateway.payto.*`), and what a payment request brings."""

from __future__ import annotations

import re
from typing import Any

import colander

from payto.payid import PayId
from tp_gateway.contract import fields


class Days(colander.SchemaType):
    """Settings are texts: `"2"` -> 2."""

    def deserialize(self, node: colander.SchemaNode, cstruct: Any) -> Any:
        if cstruct is colander.null:
            return colander.null
        if not re.fullmatch("[1-5]", str(cstruct), re.ASCII):
            raise colander.Invalid(node, "Not a number of days from 1 to 5")
        return int(cstruct)


class Settings(fields.Schema):
    """`tp_gateway.payto.*` of the ini, or the environment: `PAYTO_API_KEY`. `webhook_secret` may list two, with a comma
    between, while one is being replaced."""

    base_url = colander.SchemaNode(fields.Text())
    api_key = colander.SchemaNode(fields.Text(), secret=True)
    webhook_secret = colander.SchemaNode(fields.Text(), secret=True)
    payee_name = colander.SchemaNode(
        fields.Text(), public=True, validator=colander.Length(1, 140), description="Whom the patient's bank names"
    )
    approve_within_days = colander.SchemaNode(Days(), missing=2, description="How long the patient has to approve")


class Parameters(fields.Schema):
    """Whom the agreement is put to. A PayID is somebody's address or number, so it is encrypted where it is kept."""

    payid = colander.SchemaNode(PayId(), secret=True, description="The PayID of the account that pays")
