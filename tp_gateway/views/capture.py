"""What is held: captured by staff, or let go."""

from __future__ import annotations

from typing import Any, ClassVar

from pyramid.view import view_config

from tp_gateway import fields
from tp_gateway.services.facts import Answer, PaymentFacts
from tp_gateway.views import rendering
from tp_gateway.views.answers import payments as answers
from tp_gateway.views.refusals import CHARGING, OF_A_PAYMENT
from tp_gateway.views.responses import path_id
from tp_gateway.views.schemas import Nothing, optional


class CaptureBody(fields.Schema):
    """Without an `amount`, all that is held."""

    amount = optional(fields.Amount())
    example: ClassVar[dict[str, Any]] = {"amount": "100.00"}


@view_config(
    route_name="payment_capture",
    request_method="POST",
    permission="capture",
    schema=CaptureBody,
    empty=True,
    idempotent=True,
    answers={200: answers.PAYMENT},
    refusals=CHARGING,
)
def capture(request: Any) -> Answer:
    """Take what is held, wholly or in part. Without an amount, all of it."""
    who, asked = request.identity, request.validated

    def render(facts: PaymentFacts) -> Answer:
        return rendering.payment_answer(facts, who, 200)

    key = request.idempotency_key
    return request.gateway.capturing.capture(who, path_id(request), asked["amount"], render, key)


@view_config(
    route_name="payment_void",
    request_method="POST",
    permission="capture",
    schema=Nothing,
    empty=True,
    answers={200: answers.PAYMENT},
    refusals=OF_A_PAYMENT,
)
def void(request: Any) -> dict[str, Any]:
    """Let go what is held."""
    facts = request.gateway.capturing.void(request.identity, path_id(request))
    return rendering.payment(facts, request.identity)
