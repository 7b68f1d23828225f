"""Giving money back."""

from __future__ import annotations

from typing import Any, ClassVar

import colander
from pyramid.view import view_config

from tp_gateway import fields
from tp_gateway.services.facts import Answer
from tp_gateway.views import rendering
from tp_gateway.views.answers import payments as answers
from tp_gateway.views.payment_methods import AccountFields
from tp_gateway.views.refusals import OF_A_PAYMENT
from tp_gateway.views.responses import path_id
from tp_gateway.views.schemas import optional, text


def _not_both(node: colander.SchemaNode, value: dict[str, Any]) -> None:
    if value["bank_account"] is not None and value["payment_method_id"] is not None:
        error = colander.Invalid(node)
        error["payment_method_id"] = "Not together with bank_account"
        raise error


class RefundBody(fields.Schema):
    """Without an `amount`, all that is left. `reopen` makes the amount due again. `bank_account`, or the id of one that
    the patient saved, says where to, for payment methods that cannot give it back by themselves."""

    validator = staticmethod(_not_both)

    amount = optional(fields.Amount())
    reason = text(0, 500, missing="")
    reopen = colander.SchemaNode(fields.Flag(), missing=False)
    bank_account = AccountFields(missing=None)
    payment_method_id = optional(fields.Id())
    example: ClassVar[dict[str, Any]] = {"amount": "60.00", "reason": "Shorter session"}


@view_config(
    route_name="payment_refund",
    request_method="POST",
    permission="refund",
    schema=RefundBody,
    idempotent=True,
    answers={201: answers.REFUNDED},
    refusals=(*OF_A_PAYMENT, "refund_exceeds_balance", "payment_disputed", "provider_error"),
)
def refund(request: Any) -> Answer:
    """Give money back, wholly or in part."""
    who, asked = request.identity, request.validated
    given = asked["bank_account"]
    account = given and {"name": given["account_name"], "bsb": given["bsb"], "account_number": given["account_number"]}
    return request.gateway.refunds.request(
        who,
        path_id(request),
        asked["amount"],
        asked["reason"],
        asked["reopen"],
        lambda facts, payment: rendering.refund_answer(facts, payment, who),
        request.idempotency_key,
        account or asked["payment_method_id"],
    )
