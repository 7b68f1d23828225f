"""Paying an invoice: by the patient it belongs to, or by staff."""

from __future__ import annotations

from typing import Any, ClassVar

from pyramid.view import view_config

from tp_gateway import fields
from tp_gateway.services.facts import Answer, PaymentFacts
from tp_gateway.views import rendering
from tp_gateway.views.answers import payments as answers
from tp_gateway.views.refusals import CHARGING
from tp_gateway.views.responses import path_id
from tp_gateway.views.schemas import ChargeFields, MethodId, optional, payment_method, wanted


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
    route_name="invoice_pay",
    request_method="POST",
    permission="pay_invoice",
    schema=InvoicePaymentBody,
    extra="parameters",
    limited=True,
    idempotent=True,
    answers={200: answers.PAID_INVOICE},
    refusals=CHARGING,
)
def pay(request: Any) -> Answer:
    """Pay an invoice, wholly or in part.

    Staff can charge a card that the patient has saved, and write down what they took at the desk.
    """
    who, asked = request.identity, request.validated

    def render(facts: PaymentFacts) -> Answer:
        return rendering.invoice_answer(facts, who)

    charge = wanted(asked, "pay_invoice", asked["payment_method"], invoice_id=path_id(request))
    return request.gateway.payments.pay(who, charge, render, request.idempotency_key)
