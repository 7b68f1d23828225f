"""Rebate claims for what a payment has paid, at `…/<provider>-claim/`: `medicare-claim/` for instance."""

from __future__ import annotations

from typing import Any, ClassVar

from pyramid.view import view_config

from tp_gateway import fields
from tp_gateway.errors import ValidationError
from tp_gateway.services.facts import Answer, RebateFacts
from tp_gateway.services.rebates import Decision
from tp_gateway.views import rendering
from tp_gateway.views.answers import payments as answers
from tp_gateway.views.refusals import CHARGING
from tp_gateway.views.responses import path_id
from tp_gateway.views.schemas import one_of, optional


class RebateBody(fields.Schema):
    """A `decision` about the claim that is there; or, without one, the provider's own fields of a new claim."""

    decision = optional(fields.Text(), validator=one_of(*Decision))
    example: ClassVar[dict[str, Any]] = {"decision": "accept"}


@view_config(
    route_name="rebate_claim",
    request_method="POST",
    permission="claim_rebate",
    schema=RebateBody,
    extra="claim",
    limited=True,
    idempotent=True,
    capability="rebates",
    answers={201: answers.REBATE, 200: answers.REBATE},
    refusals=CHARGING,
)
def lodge(request: Any) -> Answer:
    """Lodge a patient's own claim for what was paid, or decide about one."""
    who, asked, slug = request.identity, request.validated, request.matchdict["provider"]
    if asked["decision"] is None:

        def render(facts: RebateFacts) -> Answer:
            return rendering.answer(201, rendering.rebate(facts, who))

        key = request.idempotency_key
        return request.gateway.rebates.lodge(who, slug, path_id(request), asked["claim"], render, key)
    if asked["claim"]:
        raise ValidationError({name: ["Not together with a decision"] for name in asked["claim"]})
    facts = request.gateway.rebates.decide(who, slug, path_id(request), Decision(asked["decision"]))
    return rendering.answer(200, rendering.rebate(facts, who))


@view_config(
    route_name="rebate_claim",
    request_method="GET",
    permission="claim_rebate",
    capability="rebates",
    answers={200: answers.REBATE},
)
def show(request: Any) -> dict[str, Any]:
    """Look at the newest claim of a payment."""
    facts = request.gateway.rebates.get(request.identity, request.matchdict["provider"], path_id(request))
    return rendering.rebate(facts, request.identity)


@view_config(
    route_name="rebate_claim",
    request_method="DELETE",
    permission="claim_rebate",
    capability="rebates",
    answers={200: answers.REBATE},
    refusals=("not_payable", "payment_in_progress", "provider_error"),
)
def delete(request: Any) -> dict[str, Any]:
    """Take a claim back, on the day on which it was lodged."""
    facts = request.gateway.rebates.delete(request.identity, request.matchdict["provider"], path_id(request))
    return rendering.rebate(facts, request.identity)
