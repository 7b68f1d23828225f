"""What staff have found out about a payment, or decide about one that needs review."""

from __future__ import annotations

from typing import Any, ClassVar

import colander
from pyramid.view import view_config

from tp_gateway import fields
from tp_gateway.errors import ValidationError
from tp_gateway.services.facts import Answer, PaymentFacts
from tp_gateway.views import rendering
from tp_gateway.views.answers import payments as answers
from tp_gateway.views.refusals import CHARGING
from tp_gateway.views.responses import path_id
from tp_gateway.views.schemas import one_of, optional


class EvidenceBody(fields.Schema):
    """A `decision` about a payment that needs review; or, without one, the provider's own fields."""

    decision = optional(fields.Text(), validator=one_of("accept", "fail"))
    note = colander.SchemaNode(fields.Text(), missing="", validator=colander.Length(max=500))
    example: ClassVar[dict[str, Any]] = {"decision": "accept", "note": "as agreed by telephone"}


@view_config(
    route_name="payment_evidence",
    request_method="POST",
    permission="give_evidence",
    schema=EvidenceBody,
    extra="evidence",
    idempotent=True,
    capability="evidence",
    answers={200: answers.PAYMENT},
    refusals=CHARGING,
)
def record(request: Any) -> Answer:
    """Record what was found out about a payment, or decide about it."""
    who, asked, key = request.identity, request.validated, request.idempotency_key

    def render(facts: PaymentFacts) -> Answer:
        return rendering.answer(200, rendering.payment(facts, who))

    if asked["decision"] is None:
        return request.gateway.review.record(who, path_id(request), asked["evidence"], render, key)
    if asked["evidence"]:
        raise ValidationError({name: ["Not together with a decision"] for name in asked["evidence"]})
    accept = asked["decision"] == "accept"
    return request.gateway.review.decide(who, path_id(request), accept, asked["note"], render, key)
