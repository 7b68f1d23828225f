"""Invoices: make one, find them, look at one, have it explained, pay it. What else staff do to them is
`invoice_operations`'."""

from __future__ import annotations

import re
from typing import Any, ClassVar

import colander
from pyramid.view import view_config

from tp_gateway import fields
from tp_gateway.models.states import GstTreatment
from tp_gateway.money import to_decimal_text
from tp_gateway.services.facts import Answer, PaymentFacts
from tp_gateway.services.invoices import Draft, InvoiceDetail, Item, Wish
from tp_gateway.services.invoices.listing import SORTS, STATUSES
from tp_gateway.views import rendering, rendering_invoices
from tp_gateway.views.answers import invoices as answers
from tp_gateway.views.answers.payments import PAID_INVOICE
from tp_gateway.views.refusals import CHARGING
from tp_gateway.views.responses import next_page, path_id
from tp_gateway.views.schemas import (
    ChargeFields,
    MethodId,
    Whole,
    matches,
    one_of,
    optional,
    payment_method,
    text,
    wanted,
)

_ITEM_NUMBER = re.compile(r"[0-9A-Za-z]{1,10}", re.ASCII)


class ItemBody(fields.Schema):
    """A line. Of `unit_price` and `total` one is enough. The total includes GST. Treatment is free of GST, which is
    what a line for an appointment is by itself; any other line is taxable by itself."""

    description = text(1, 500)
    quantity = colander.SchemaNode(fields.Integer(), missing=1, validator=colander.Range(1, 10_000))
    unit_price = optional(fields.Amount())
    total = optional(fields.Amount())
    gst_treatment = optional(fields.Text(), validator=one_of(*GstTreatment))
    service_date = optional(fields.Day())
    item_number = optional(fields.Text(), validator=matches(_ITEM_NUMBER, "Not an item number such as 80110"))
    practitioner_id = optional(fields.Id())


class InvoiceBody(fields.Schema):
    """`items` or an `amount`, or both if they agree; for an appointment neither is needed. Without a `due_date` it is
    due after the clinic's usual days."""

    patient_id = colander.SchemaNode(fields.Id())
    appointment_id = optional(fields.Id())
    amount = optional(fields.Amount())
    currency = optional(fields.Currency())
    description = text(0, 500, missing="")
    due_date = optional(fields.Day())
    items = colander.SchemaNode(
        fields.Sequence(), ItemBody(name="item"), missing=(), validator=colander.Length(min=1, max=100)
    )
    example: ClassVar[dict[str, Any]] = {
        "patient_id": 45,
        "appointment_id": 123,
        "amount": "180.00",
        "description": "Individual therapy session",
        "due_date": "2025-02-19",
        "items": [
            {
                "description": "Individual Therapy Session",
                "quantity": 1,
                "unit_price": "180.00",
                "total": "180.00",
            }
        ],
    }


class InvoiceQuery(fields.Schema):
    """`due_from` and `due_to` are included. `text` finds whole words of number, patient's name, description and
    lines."""

    patient_id = optional(fields.Id())
    status = optional(fields.Text(), validator=one_of(*STATUSES))
    due_from = optional(fields.Day())
    due_to = optional(fields.Day())
    text = text(1, 200, missing=None)
    sort = optional(fields.Text(), validator=one_of(*SORTS))
    limit = colander.SchemaNode(Whole(), missing=50, validator=colander.Range(1, 100))
    before_id = optional(fields.Id())


class InvoicePaymentBody(ChargeFields):
    amount = optional(fields.Amount())
    payment_method = payment_method()
    payment_method_id = optional(MethodId())
    example: ClassVar[dict[str, Any]] = {
        "amount": "100.00",
        "payment_method": "card",
        "payment_method_id": "pm_1234567890",
    }


@view_config(
    route_name="create_invoice",
    request_method="POST",
    permission="make_invoices",
    schema=InvoiceBody,
    idempotent=True,
    answers={201: answers.DETAIL},
    refusals=("not_found", "not_payable", "payment_in_progress"),
)
def create(request: Any) -> Answer:
    """Make an invoice. Its number has no gaps. For an appointment it counts what was paid for that already."""
    asked = dict(request.validated)
    draft = Draft(**asked | {"items": [Item(**item) for item in asked["items"]]})

    def render(found: InvoiceDetail) -> Answer:
        return rendering.answer(201, rendering_invoices.detail(found))

    return request.gateway.invoices.order(request.identity, draft, render, request.idempotency_key)


@view_config(
    route_name="invoices",
    request_method="GET",
    permission="see_invoices",
    query=InvoiceQuery,
    answers={200: answers.LIST},
)
def find(request: Any) -> dict[str, Any]:
    """Find invoices. A patient sees their own, and their credit."""
    asked = dict(request.validated)
    found = request.gateway.invoices.find(request.identity, Wish(**asked))
    limit, _ = asked.pop("limit"), asked.pop("before_id")
    following = next_page(request, asked, limit, found.invoices[-1][0].id) if found.more else None
    credit = to_decimal_text(found.credit, found.currency) if found.credit is not None else None
    shown = [rendering_invoices.listed(facts, status) for facts, status in found.invoices]
    return {"invoices": shown, "next": following, "credit": credit}


@view_config(
    route_name="invoice",
    request_method="GET",
    permission="see_invoices",
    answers={200: answers.DETAIL},
)
def show(request: Any) -> dict[str, Any]:
    """Look at one invoice, its lines, its payments and its credit notes."""
    return rendering_invoices.detail(request.gateway.invoices.detail(request.identity, path_id(request)))


@view_config(
    route_name="invoice_explain",
    request_method="GET",
    permission="see_invoices",
    answers={200: answers.EXPLAINED},
)
def explain(request: Any) -> dict[str, Any]:
    """Have each cent explained: from what is due to the ledger, to what was done, to the evidence of it."""
    return rendering_invoices.explanation(request.gateway.invoices.explain(request.identity, path_id(request)))


@view_config(
    route_name="invoice_pay",
    request_method="POST",
    permission="pay_invoice",
    schema=InvoicePaymentBody,
    extra="parameters",
    limited=True,
    idempotent=True,
    answers={200: PAID_INVOICE},
    refusals=CHARGING,
)
def pay(request: Any) -> Answer:
    """Pay an invoice, wholly or in part.

    Staff can charge a card that the patient has saved, and write down what they took at the desk.
    """
    who, asked = request.identity, request.validated

    def render(facts: PaymentFacts) -> Answer:
        return rendering.invoice_answer(facts, who, request.gateway.today_there(facts.zone_name))

    charge = wanted(asked, "pay_invoice", asked["payment_method"], invoice_id=path_id(request))
    return request.gateway.payments.pay(who, charge, render, request.idempotency_key)
