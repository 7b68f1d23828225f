"""Giving money back."""

from __future__ import annotations

from typing import Any

import colander
from pyramid.view import view_config

from tp_gateway import fields
from tp_gateway.services.facts import Answer
from tp_gateway.views import rendering
from tp_gateway.views.idempotency import idempotency_key
from tp_gateway.views.responses import path_id
from tp_gateway.views.schemas import optional, text


class RefundBody(fields.Schema):
    """Without an `amount`, all that is left. `reopen` makes the amount due again."""

    amount = optional(fields.Amount())
    reason = text(0, 500, missing="")
    reopen = colander.SchemaNode(fields.Flag(), missing=False)


@view_config(route_name="payment_refund", request_method="POST", permission="refund", schema=RefundBody)
def refund(request: Any) -> Answer:
    who, asked = request.identity, request.validated
    return request.gateway.refunds.request(
        who,
        path_id(request),
        asked["amount"],
        asked["reason"],
        asked["reopen"],
        lambda facts, payment: rendering.refund_answer(facts, payment, who),
        idempotency_key(request),
    )
