"""Paying an invoice: by the patient it belongs to, or by staff."""

from __future__ import annotations

from typing import Any

from pyramid.view import view_config

from tp_gateway import fields
from tp_gateway.services.facts import Answer, PaymentFacts
from tp_gateway.views import rendering
from tp_gateway.views.idempotency import idempotency_key
from tp_gateway.views.responses import path_id
from tp_gateway.views.schemas import ChargeFields, MethodId, optional, payment_method, wanted


class InvoicePaymentBody(ChargeFields):
    amount = optional(fields.Amount())
    payment_method = payment_method()
    payment_method_id = optional(MethodId())


@view_config(
    route_name="invoice_pay",
    request_method="POST",
    permission="pay_invoice",
    schema=InvoicePaymentBody,
    extra="parameters",
    limited=True,
)
def pay(request: Any) -> Answer:
    who, asked = request.identity, request.validated

    def render(facts: PaymentFacts) -> Answer:
        return rendering.invoice_answer(facts, who)

    charge = wanted(asked, "pay_invoice", asked["payment_method"], invoice_id=path_id(request))
    return request.gateway.payments.pay(who, charge, render, idempotency_key(request))
