"""What was taken on one day, for the one who counts the till."""

from __future__ import annotations

from typing import Any

import colander
from pyramid.view import view_config

from tp_gateway import fields
from tp_gateway.money import to_decimal_text
from tp_gateway.services.takings import Takings
from tp_gateway.views.answers import staff as answers


class DayQuery(fields.Schema):
    date = colander.SchemaNode(fields.Day(), missing=None)


@view_config(
    route_name="takings", request_method="GET", permission="see_takings", query=DayQuery, answers={200: answers.TAKINGS}
)
def of_a_day(request: Any) -> dict[str, Any]:
    """Add up what was taken on one day. Today, in clinic time, unless another is named."""
    day = request.validated["date"] or request.gateway.today()
    return {"date": day.isoformat(), "takings": [_shown(one) for one in request.gateway.day_totals.of(day)]}


def _shown(found: Takings) -> dict[str, Any]:
    return {
        "payment_method": found.method,
        "kind": found.kind or None,
        "currency": found.currency,
        "payments": found.payments,
        "taken": to_decimal_text(found.taken, found.currency),
        "refunds": found.refunds,
        "returned": to_decimal_text(found.returned, found.currency),
        "net": to_decimal_text(found.taken - found.returned, found.currency),
    }
