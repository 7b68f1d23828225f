"""Payments: charge, list, look at one, cancel."""

from __future__ import annotations

from typing import Any, ClassVar

import colander
from pyramid.view import view_config

from tp_gateway import fields
from tp_gateway.services.facts import Answer, PaymentFacts
from tp_gateway.views import rendering
from tp_gateway.views.answers import payments as answers
from tp_gateway.views.refusals import CHARGING, OF_A_PAYMENT
from tp_gateway.views.responses import next_page, path_id
from tp_gateway.views.schemas import (
    ChargeFields,
    MethodId,
    Nothing,
    Whole,
    one_of,
    optional,
    payment_method,
    require_payable,
    wanted,
)


class PaymentBody(ChargeFields):
    validator = staticmethod(require_payable)

    appointment_id = optional(fields.Id())
    invoice_id = optional(fields.Id())
    amount = colander.SchemaNode(fields.Amount())
    currency = optional(fields.Currency())
    payment_method = payment_method()
    payment_method_id = optional(MethodId())
    example: ClassVar[dict[str, Any]] = {
        "appointment_id": 123,
        "amount": "180.00",
        "currency": "AUD",
        "payment_method": "card",
        "payment_method_id": "pm_1234567890",
        "metadata": {"appointment_id": "123"},
    }


class PaymentQuery(fields.Schema):
    patient_id = optional(fields.Id())
    invoice_id = optional(fields.Id())
    appointment_id = optional(fields.Id())
    status = optional(fields.Text(), validator=one_of("pending", "succeeded", "failed", "refunded"))
    method = payment_method(missing=None)
    limit = colander.SchemaNode(Whole(), missing=50, validator=colander.Range(1, 100))
    before_id = optional(fields.Id())


@view_config(
    route_name="payments",
    request_method="POST",
    permission="pay",
    schema=PaymentBody,
    extra="parameters",
    limited=True,
    idempotent=True,
    answers={201: answers.PAYMENT},
    refusals=CHARGING,
)
def pay(request: Any) -> Answer:
    """Pay for an appointment or an invoice.

    An appointment is paid exactly as it is due, an invoice can be paid in parts. When the provider did not answer
    clearly, the payment is `pending`: do not pay again, look how it ends.
    """
    who, asked = request.identity, request.validated

    def render(facts: PaymentFacts) -> Answer:
        return rendering.payment_answer(facts, who, 201)

    charge = wanted(asked, "pay", asked["payment_method"])
    return request.gateway.payments.pay(who, charge, render, request.idempotency_key)


@view_config(
    route_name="payments",
    request_method="GET",
    permission="see_payments",
    query=PaymentQuery,
    answers={200: answers.PAYMENTS},
)
def find(request: Any) -> dict[str, Any]:
    """Find payments, newest first. A patient sees their own."""
    asked = dict(request.validated)
    limit = asked.pop("limit")
    found = request.gateway.payments.list(request.identity, limit=limit + 1, **asked)
    shown = found[:limit]
    following = next_page(request, asked, limit, shown[-1].id) if len(found) > limit else None
    return {"payments": [rendering.summary(facts, request.identity) for facts in shown], "next": following}


@view_config(
    route_name="payment", request_method="GET", permission="see_payments", answers={200: answers.PAYMENT_WITH_REFUNDS}
)
def show(request: Any) -> dict[str, Any]:
    """Look at one payment and its refunds."""
    facts = request.gateway.payments.get(request.identity, path_id(request))
    refunds = request.gateway.refunds.of_payment(facts.id)
    return {
        **rendering.payment(facts, request.identity),
        "refunds": [rendering.refund(refund, request.identity) for refund in refunds],
    }


@view_config(
    route_name="payment_cancel",
    request_method="POST",
    permission="cancel_payment",
    schema=Nothing,
    empty=True,
    answers={200: answers.PAYMENT},
    refusals=OF_A_PAYMENT,
)
def cancel(request: Any) -> dict[str, Any]:
    """Close a payment that waits for its patient."""
    facts = request.gateway.payments.cancel(request.identity, path_id(request))
    return rendering.payment(facts, request.identity)
