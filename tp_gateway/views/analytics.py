"""How the practice does, for admins."""

from __future__ import annotations

from typing import Any

import colander
from pyramid.response import Response
from pyramid.view import view_config

from tp_gateway import fields
from tp_gateway.services.analytics import Asked
from tp_gateway.services.analytics.periods import CUSTOM, KINDS
from tp_gateway.views import rendering_analytics
from tp_gateway.views.answers import analytics as answers
from tp_gateway.views.schemas import one_of, optional


class AnalyticsQuery(fields.Schema):
    period = colander.SchemaNode(fields.Text(), missing="month", validator=one_of(*KINDS, CUSTOM))
    start_date = optional(fields.Day())
    end_date = optional(fields.Day())


@view_config(
    route_name="analytics",
    request_method="GET",
    permission="see_analytics",
    query=AnalyticsQuery,
    answers={200: answers.ANALYTICS},
)
def analytics(request: Any) -> dict[str, Any]:
    """See how the practice does in a period: users, appointments, revenue, notes."""
    return rendering_analytics.analytics(request.gateway.analytics.report(_asked(request)))


@view_config(
    route_name="analytics_export",
    request_method="GET",
    permission="see_analytics",
    query=AnalyticsQuery,
    answers={200: answers.SPREADSHEET},
)
def export(request: Any) -> Response:
    """The same figures as a file for a spreadsheet (CSV)."""
    found = request.gateway.analytics.report(_asked(request))
    name = f"analytics-{found.period.first}-{found.period.last}.csv"
    response = Response(rendering_analytics.spreadsheet(found), content_type="text/csv", charset="utf-8")
    response.content_disposition = f'attachment; filename="{name}"'
    return response


def _asked(request: Any) -> Asked:
    query = request.validated
    return Asked(query["period"], query["start_date"], query["end_date"])
