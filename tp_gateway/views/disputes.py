"""Disputes, for staff: seen, and after a lost one the amount made due again."""

from __future__ import annotations

from typing import Any

import colander
from pyramid.view import view_config

from tp_gateway import fields
from tp_gateway.contract import DisputeStatus
from tp_gateway.views import rendering
from tp_gateway.views.answers import staff as answers
from tp_gateway.views.responses import next_page, path_id
from tp_gateway.views.schemas import Nothing, Whole, one_of, optional


class DisputeQuery(fields.Schema):
    status = optional(fields.Text(), validator=one_of(*DisputeStatus))
    payment_id = optional(fields.Id())
    patient_id = optional(fields.Id())
    limit = colander.SchemaNode(Whole(), missing=50, validator=colander.Range(1, 100))
    before_id = optional(fields.Id())


@view_config(
    route_name="disputes",
    request_method="GET",
    permission="see_disputes",
    query=DisputeQuery,
    answers={200: answers.DISPUTES},
)
def find(request: Any) -> dict[str, Any]:
    """Find disputes, newest first."""
    asked = dict(request.validated)
    limit = asked.pop("limit")
    found = request.gateway.disputes.list(limit=limit + 1, **asked)
    shown = found[:limit]
    return {
        "disputes": [rendering.dispute(facts) for facts in shown],
        "next": next_page(request, asked, limit, shown[-1].id) if len(found) > limit else None,
    }


@view_config(
    route_name="dispute_reopen",
    request_method="POST",
    permission="reopen_dispute",
    schema=Nothing,
    empty=True,
    answers={200: answers.DISPUTE},
    refusals=("not_payable",),
)
def reopen(request: Any) -> dict[str, Any]:
    """Make the amount of a lost dispute due again."""
    return rendering.dispute(request.gateway.disputes.reopen(request.identity, path_id(request)))
