"""What staff do to an invoice after it was made: void it, credit it, write it off, pay it with the patient's credit."""

from __future__ import annotations

from typing import Any, ClassVar

import colander
from pyramid.view import view_config

from tp_gateway import fields
from tp_gateway.services.facts import Answer
from tp_gateway.services.invoices import Asked, Credited, InvoiceDetail
from tp_gateway.views import rendering_invoices as rendering
from tp_gateway.views.answers import invoices as answers
from tp_gateway.views.rendering import answer
from tp_gateway.views.responses import path_id
from tp_gateway.views.schemas import optional, text

_REFUSALS = ("not_found", "not_payable", "payment_in_progress")


class ReasonBody(fields.Schema):
    reason = text(0, 500, missing="")
    example: ClassVar[dict[str, Any]] = {"reason": "Made twice"}


class CreditLineBody(fields.Schema):
    """Without an `amount`, all that is left of the line."""

    line = colander.SchemaNode(fields.Integer(), validator=colander.Range(1, 100))
    amount = optional(fields.Amount())


def _not_both(node: colander.SchemaNode, value: dict[str, Any]) -> None:
    error = colander.Invalid(node)
    lines = [line["line"] for line in value["lines"] or ()]
    if lines and value["amount"] is not None:
        error["amount"] = "Not together with lines"
        raise error
    if len(set(lines)) < len(lines):
        error["lines"] = "A line is named twice"
        raise error


class CreditBody(fields.Schema):
    """`lines` or an `amount`; with neither, all that can be credited. An invoice of which only some lines have GST
    needs `lines`. The reason is for the patient too."""

    validator = staticmethod(_not_both)

    amount = optional(fields.Amount())
    lines = colander.SchemaNode(
        fields.Sequence(), CreditLineBody(name="line"), missing=None, validator=colander.Length(min=1, max=100)
    )
    reason = text(0, 500, missing="")
    example: ClassVar[dict[str, Any]] = {"lines": [{"line": 1, "amount": "60.00"}], "reason": "Shorter session"}


class WriteOffBody(fields.Schema):
    """Without an `amount`, all that is due."""

    amount = optional(fields.Amount())
    reason = text(0, 500, missing="")
    example: ClassVar[dict[str, Any]] = {"amount": "20.00", "reason": "Hardship"}


class ApplyCreditBody(fields.Schema):
    """Without an `amount`, all that is due, as far as the credit goes."""

    amount = optional(fields.Amount())
    example: ClassVar[dict[str, Any]] = {"amount": "20.00"}


def _render(found: InvoiceDetail) -> Answer:
    return answer(200, rendering.detail(found))


@view_config(
    route_name="invoice_void",
    request_method="POST",
    permission="change_invoices",
    schema=ReasonBody,
    empty=True,
    idempotent=True,
    answers={200: answers.DETAIL},
    refusals=_REFUSALS,
)
def void(request: Any) -> Answer:
    """Void an invoice on which nothing was paid. Its number stays taken; its appointment can have another."""
    who, asked, key = request.identity, request.validated, request.idempotency_key
    return request.gateway.invoice_operations.void(who, path_id(request), asked["reason"], _render, key)


@view_config(
    route_name="invoice_credit",
    request_method="POST",
    permission="change_invoices",
    schema=CreditBody,
    empty=True,
    idempotent=True,
    answers={201: answers.CREDITED},
    refusals=_REFUSALS,
)
def credit(request: Any) -> Answer:
    """Take back (a part of) what was asked for, by a credit note. What was paid of it becomes the patient's credit."""
    who, given, key = request.identity, request.validated, request.idempotency_key
    lines = {one["line"]: one["amount"] for one in given["lines"]} if given["lines"] else None

    def render(found: InvoiceDetail, note: Credited) -> Answer:
        return answer(201, rendering.credited(found, note))

    asked = Asked(given["amount"], lines)
    return request.gateway.invoice_operations.credit(who, path_id(request), asked, given["reason"], render, key)


@view_config(
    route_name="invoice_write_off",
    request_method="POST",
    permission="change_invoices",
    schema=WriteOffBody,
    empty=True,
    idempotent=True,
    answers={200: answers.DETAIL},
    refusals=(*_REFUSALS, "already_paid"),
)
def write_off(request: Any) -> Answer:
    """Give up what is due, wholly or in part."""
    who, given, key = request.identity, request.validated, request.idempotency_key
    operations = request.gateway.invoice_operations
    return operations.write_off(who, path_id(request), given["amount"], given["reason"], _render, key)


@view_config(
    route_name="invoice_apply_credit",
    request_method="POST",
    permission="change_invoices",
    schema=ApplyCreditBody,
    empty=True,
    idempotent=True,
    answers={200: answers.DETAIL},
    refusals=(*_REFUSALS, "already_paid"),
)
def apply_credit(request: Any) -> Answer:
    """Pay an invoice with the patient's credit, the oldest first."""
    who, given, key = request.identity, request.validated, request.idempotency_key
    return request.gateway.invoice_operations.apply_credit(who, path_id(request), given["amount"], _render, key)


@view_config(
    route_name="invoice_return_credit",
    request_method="POST",
    permission="change_invoices",
    schema=ReasonBody,
    empty=True,
    idempotent=True,
    answers={200: answers.DETAIL},
    refusals=_REFUSALS,
)
def return_credit(request: Any) -> Answer:
    """Take back that credit has paid an invoice: it is the patient's credit again."""
    who, asked, key = request.identity, request.validated, request.idempotency_key
    return request.gateway.invoice_operations.return_credit(who, path_id(request), asked["reason"], _render, key)
