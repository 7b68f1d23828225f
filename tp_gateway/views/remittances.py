"""What providers have paid out to the clinic's bank account, for staff."""

from __future__ import annotations

from typing import Any

import colander
from pyramid.view import view_config

from tp_gateway import fields
from tp_gateway.contract import RemittanceKind, RemittanceState
from tp_gateway.money import to_decimal_text
from tp_gateway.services.remittances import RemittanceFacts, RemittanceItemFacts
from tp_gateway.views import rendering
from tp_gateway.views.answers import staff as answers
from tp_gateway.views.responses import next_page, path_id
from tp_gateway.views.schemas import Whole, one_of, optional, text

_DESCRIPTIONS = {
    RemittanceKind.PAYMENT: "Payment",
    RemittanceKind.REFUND: "Refund of payment",
    RemittanceKind.DISPUTE: "Dispute of payment",
}
_WITHOUT_PAYMENT = {
    RemittanceKind.FEE: "Fee of the provider",
    RemittanceKind.RETURNED: "Came back from an earlier remittance",
}


class RemittanceQuery(fields.Schema):
    provider = text(1, 32, missing=None)
    state = optional(fields.Text(), validator=one_of(*RemittanceState))
    unexplained = optional(fields.Text(), validator=one_of("true", "false"))
    limit = colander.SchemaNode(Whole(), missing=50, validator=colander.Range(1, 100))
    before_id = optional(fields.Id())


@view_config(
    route_name="remittances",
    request_method="GET",
    permission="see_remittances",
    query=RemittanceQuery,
    answers={200: answers.REMITTANCES},
)
def find(request: Any) -> dict[str, Any]:
    """Find remittances, newest first."""
    asked = dict(request.validated)
    limit, unexplained = asked["limit"], asked["unexplained"]
    found = request.gateway.remittances.list(
        provider=asked["provider"],
        state=asked["state"],
        explained=None if unexplained is None else unexplained == "false",
        limit=limit + 1,
        before_id=asked["before_id"],
    )
    shown = found[:limit]
    return {
        "remittances": [_shown(facts) for facts in shown],
        "next": next_page(request, asked, limit, shown[-1].id) if len(found) > limit else None,
    }


@view_config(
    route_name="remittance",
    request_method="GET",
    permission="see_remittances",
    answers={200: answers.REMITTANCE_WITH_ITEMS},
)
def one(request: Any) -> dict[str, Any]:
    """Look at one remittance and all that it pays."""
    facts, items = request.gateway.remittances.get(path_id(request))
    return _shown(facts) | {"items": [_item(item, facts.currency) for item in items]}


def _shown(facts: RemittanceFacts) -> dict[str, Any]:
    def amount(value: int) -> str:
        return to_decimal_text(value, facts.currency)

    sums = facts.sums
    return {
        "id": facts.id,
        "provider": facts.provider,
        "reference": facts.reference,
        "amount": amount(facts.amount),
        "currency": facts.currency,
        "state": facts.state,
        "arrives_on": facts.arrives_on.isoformat(),
        "statement_text": facts.statement_text,
        "statement_line_id": facts.statement_line_id,
        "explained": facts.explained,
        "note": facts.note,
        "totals": {
            "items": sums.count,
            "unknown": sums.unknown,
            "gross": amount(sums.gross),
            "fees": amount(sums.fees),
            "net": amount(sums.net),
            "difference": amount(facts.amount - sums.net),
        },
        "created_at": rendering.moment(facts.created_at),
    }


def _item(item: RemittanceItemFacts, currency: str) -> dict[str, Any]:
    return {
        "transaction_id": item.transaction_id,
        "kind": item.kind,
        "description": _description(item),
        "payment_id": item.payment_id,
        "reference": item.reference,
        "gross": to_decimal_text(item.amount, currency),
        "fee": to_decimal_text(item.fee, currency),
        "net": to_decimal_text(item.net, currency),
    }


def _description(item: RemittanceItemFacts) -> str:
    """In our words: what the provider writes about a movement may name a patient."""
    kind = RemittanceKind(item.kind)
    if kind in _DESCRIPTIONS:
        return f"{_DESCRIPTIONS[kind]} {item.payment_id or 'that is not known here'}"
    return _WITHOUT_PAYMENT.get(kind, "Another movement")
