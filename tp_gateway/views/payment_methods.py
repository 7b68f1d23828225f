"""A patient's saved cards, and bank accounts for refunds."""

from __future__ import annotations

from typing import Any, ClassVar

import colander
from pyramid.response import Response
from pyramid.view import view_config

from tp_gateway import fields, identifiers
from tp_gateway.views import rendering
from tp_gateway.views.answers import payments as answers
from tp_gateway.views.responses import path_id
from tp_gateway.views.schemas import REFERENCE, Nothing, matches, one_of, payment_method, some_of, text


class Bsb(fields.Text):
    """An Australian bank, state and branch number: `062-000` or `062000` -> `062-000`."""

    read = staticmethod(identifiers.bsb)
    json_schema: ClassVar[fields.JsonSchema] = {
        "type": "string",
        "pattern": f"^{identifiers.BSB.pattern}$",
        "examples": ["062-000"],
    }

    def deserialize(self, node: colander.SchemaNode, cstruct: Any) -> Any:
        value = super().deserialize(node, cstruct)
        try:
            return value if value is colander.null else self.read(value)
        except identifiers.InvalidIdentifier as invalid:
            raise colander.Invalid(node, str(invalid)) from None


class AccountNumber(Bsb):
    """An Australian account number, with or without gaps: `987 654 321` -> `987654321`."""

    read = staticmethod(identifiers.account_number)
    json_schema: ClassVar[fields.JsonSchema] = {
        "type": "string",
        "pattern": f"^{identifiers.ACCOUNT_NUMBER.pattern}$",
        "examples": ["12345678"],
    }


class AccountFields(fields.Schema):
    account_name = text(1, 32)
    bsb = colander.SchemaNode(Bsb())
    account_number = colander.SchemaNode(AccountNumber())


class BankAccount(AccountFields):
    bank_name = text(1, 32)


@fields.documented(**some_of("payment_method_id", "bank_account", at_most_one=True))
def _one_of_the_two(node: colander.SchemaNode, value: dict[str, Any]) -> None:
    wanted = "bank_account" if value["type"] == "bank_account" else "payment_method_id"
    error = colander.Invalid(node)
    for name in ("bank_account", "payment_method_id"):
        if name == wanted and value[name] is None:
            error[name] = "Required"
        elif name != wanted and value[name] is not None:
            error[name] = f"Not together with type {value['type']}"
    if error.children:
        raise error


class MethodBody(fields.Schema):
    """A provider's payment method (`type` card, the default), or a bank account."""

    validator = staticmethod(_one_of_the_two)

    type = colander.SchemaNode(fields.Text(), missing="card", validator=one_of("card", "bank_account"))
    payment_method = payment_method(missing="card")
    payment_method_id = colander.SchemaNode(
        fields.Text(), missing=None, validator=matches(REFERENCE, 'Not a payment method such as "pm_…"')
    )
    bank_account = BankAccount(missing=None)
    example: ClassVar[dict[str, Any]] = {"payment_method_id": "pm_1234567890"}


@view_config(
    route_name="payment_methods", request_method="GET", permission="own_methods", answers={200: answers.METHODS}
)
def find(request: Any) -> dict[str, Any]:
    """List the saved payment methods."""
    found = request.gateway.payment_methods.list(request.identity.user_id)
    return {"payment_methods": [rendering.method(facts) for facts in found]}


@view_config(
    route_name="payment_methods",
    request_method="POST",
    permission="own_methods",
    schema=MethodBody,
    limited=True,
    answers={201: answers.METHOD},
    refusals=("not_found", "card_declined", "provider_error"),
)
def add(request: Any) -> dict[str, Any]:
    """Save a card, or a bank account for refunds."""
    who, asked = request.identity, request.validated
    if asked["type"] == "bank_account":
        facts = request.gateway.payment_methods.add_bank_account(who.user_id, **asked["bank_account"])
    else:
        facts = request.gateway.payment_methods.add(who, asked["payment_method"], asked["payment_method_id"])
    request.response.status_code = 201
    return rendering.method(facts)


@view_config(route_name="payment_method", request_method="DELETE", permission="own_methods", answers={204: None})
def remove(request: Any) -> Response:
    """Forget a saved payment method."""
    request.gateway.payment_methods.remove(request.identity.user_id, path_id(request))
    return Response(status=204)


@view_config(
    route_name="payment_method_default",
    request_method="POST",
    permission="own_methods",
    schema=Nothing,
    empty=True,
    answers={200: answers.METHOD},
)
def make_default(request: Any) -> dict[str, Any]:
    """Make a saved payment method the default."""
    return rendering.method(request.gateway.payment_methods.make_default(request.identity.user_id, path_id(request)))
