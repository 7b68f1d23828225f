"""Payments: charge, list, look at one, cancel."""

from __future__ import annotations

from typing import Any

import colander
from pyramid.view import view_config

from tp_gateway import fields
from tp_gateway.services.facts import Answer, PaymentFacts
from tp_gateway.views import rendering
from tp_gateway.views.idempotency import idempotency_key
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
)
def pay(request: Any) -> Answer:
    who, asked = request.identity, request.validated

    def render(facts: PaymentFacts) -> Answer:
        return rendering.payment_answer(facts, who, 201)

    charge = wanted(asked, "pay", asked["payment_method"])
    return request.gateway.payments.pay(who, charge, render, idempotency_key(request))


@view_config(route_name="payments", request_method="GET", permission="see_payments", query=PaymentQuery)
def find(request: Any) -> dict[str, Any]:
    asked = dict(request.validated)
    limit = asked.pop("limit")
    found = request.gateway.payments.list(request.identity, limit=limit + 1, **asked)
    shown = found[:limit]
    following = next_page(request, asked, limit, shown[-1].id) if len(found) > limit else None
    return {"payments": [rendering.summary(facts, request.identity) for facts in shown], "next": following}


@view_config(route_name="payment", request_method="GET", permission="see_payments")
def show(request: Any) -> dict[str, Any]:
    facts = request.gateway.payments.get(request.identity, path_id(request))
    refunds = request.gateway.refunds.of_payment(facts.id)
    return {
        **rendering.payment(facts, request.identity),
        "refunds": [rendering.refund(refund, request.identity) for refund in refunds],
    }


@view_config(
    route_name="payment_cancel", request_method="POST", permission="cancel_payment", schema=Nothing, empty=True
)
def cancel(request: Any) -> dict[str, Any]:
    facts = request.gateway.payments.cancel(request.identity, path_id(request))
    return rendering.payment(facts, request.identity)
