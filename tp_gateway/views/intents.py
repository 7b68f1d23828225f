"""A payment that the patient's browser finishes in the provider's own card form: begin it, find out how it ended."""

from __future__ import annotations

from typing import Any, ClassVar

import colander
from pyramid.view import view_config

from tp_gateway import fields
from tp_gateway.contract import Flow
from tp_gateway.errors import NotFound
from tp_gateway.registry import GuardedProvider
from tp_gateway.services.facts import Answer
from tp_gateway.views import rendering
from tp_gateway.views.answers import payments as answers
from tp_gateway.views.refusals import CHARGING
from tp_gateway.views.schemas import REFERENCE, ChargeFields, matches, optional, require_payable, wanted


class IntentBody(ChargeFields):
    validator = staticmethod(require_payable)

    appointment_id = optional(fields.Id())
    invoice_id = optional(fields.Id())
    amount = colander.SchemaNode(fields.MinorUnits())
    currency = optional(fields.Currency())
    example: ClassVar[dict[str, Any]] = {"amount": 18000, "currency": "aud", "appointment_id": 123}


class ConfirmBody(fields.Schema):
    payment_intent_id = colander.SchemaNode(fields.Text(), validator=matches(REFERENCE, "Not a payment intent's id"))
    appointment_id = optional(fields.Id())
    example: ClassVar[dict[str, Any]] = {"payment_intent_id": "pi_1234567890", "appointment_id": 123}


@view_config(
    route_name="create_intent",
    request_method="POST",
    permission="pay",
    schema=IntentBody,
    extra="parameters",
    limited=True,
    idempotent=True,
    capability="browser",
    answers={200: answers.INTENT},
    refusals=CHARGING,
)
def create(request: Any) -> Answer:
    """Begin a payment in the card form of the browser.

    Asked again for the same thing, the answer is the same intent; another amount closes the old one first.
    """
    who, method = request.identity, _browser_provider(request).manifest.method
    charge = wanted(request.validated, "pay", method, Flow.BROWSER)
    return request.gateway.payments.pay(who, charge, rendering.intent_answer, request.idempotency_key)


@view_config(
    route_name="confirm_payment",
    request_method="POST",
    permission="confirm_payment",
    schema=ConfirmBody,
    capability="browser",
    answers={200: answers.PAYMENT},
    refusals=("payment_mismatch", *CHARGING),
)
def confirm(request: Any) -> Answer:
    """Find out how the card form ended.

    The provider is asked; the word of the browser does not count.
    """
    who, asked = request.identity, request.validated
    slug, reference = _browser_provider(request).slug, asked["payment_intent_id"]
    return request.gateway.payments.confirm(
        who, slug, reference, asked["appointment_id"], lambda facts: rendering.payment_answer(facts, who, 200)
    )


def _browser_provider(request: Any) -> GuardedProvider:
    found: GuardedProvider | None = request.gateway.registry.find(request.matchdict["provider"])
    if found is None or not found.manifest.capabilities.browser:
        raise NotFound
    return found
