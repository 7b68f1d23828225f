"""Refunds that wait for the clinic's bank: the queue, the files, and what became of them. For staff."""

from __future__ import annotations

from typing import Any, ClassVar

import colander
from pyramid.response import Response
from pyramid.view import view_config

from tp_gateway import fields
from tp_gateway.money import to_decimal_text
from tp_gateway.services.refund_files import RefundFileFacts
from tp_gateway.views import rendering
from tp_gateway.views.answers import staff as answers
from tp_gateway.views.answers.machines import REFUND_FILE as CONTENT
from tp_gateway.views.answers.payments import REFUND
from tp_gateway.views.responses import next_page, path_id
from tp_gateway.views.schemas import Nothing, Whole, one_of, optional, text


class RefundQuery(fields.Schema):
    status = optional(fields.Text(), validator=one_of("pending", "succeeded", "failed"))
    limit = colander.SchemaNode(Whole(), missing=50, validator=colander.Range(1, 100))
    before_id = optional(fields.Id())


class FileQuery(fields.Schema):
    limit = colander.SchemaNode(Whole(), missing=50, validator=colander.Range(1, 100))
    before_id = optional(fields.Id())


class FileBody(fields.Schema):
    """`provider` only where several pay refunds by a file."""

    provider = text(1, 32, missing=None)
    example: ClassVar[dict[str, Any]] = {}


class Confirmation(fields.Schema):
    """What the bank has done."""

    outcome = colander.SchemaNode(fields.Text(), validator=one_of("paid", "returned"))
    note = text(0, 200, missing="")
    example: ClassVar[dict[str, Any]] = {"outcome": "returned", "note": "account closed"}


@view_config(
    route_name="refunds",
    request_method="GET",
    permission="refund",
    query=RefundQuery,
    answers={200: answers.REFUND_QUEUE},
)
def queue(request: Any) -> dict[str, Any]:
    """Find refunds, newest first."""
    asked = dict(request.validated)
    limit = asked.pop("limit")
    found = request.gateway.refund_files.queue(limit=limit + 1, **asked)
    shown = found[:limit]
    return {
        "refunds": [rendering.refund(facts, request.identity) | {"bank_account": to} for facts, to in shown],
        "next": next_page(request, asked, limit, shown[-1][0].id) if len(found) > limit else None,
    }


@view_config(
    route_name="refund_confirm",
    request_method="POST",
    permission="refund",
    schema=Confirmation,
    answers={200: REFUND},
    refusals=("not_payable",),
)
def confirm(request: Any) -> dict[str, Any]:
    """Say what the bank did with one refund."""
    who, asked = request.identity, request.validated
    paid = asked["outcome"] == "paid"
    facts = request.gateway.refund_files.confirm(who.actor, path_id(request), paid=paid, note=asked["note"])
    return rendering.refund(facts, who)


@view_config(
    route_name="refund_files",
    request_method="POST",
    permission="refund",
    schema=FileBody,
    empty=True,
    answers={201: answers.REFUND_FILE},
    refusals=("not_found", "payment_in_progress"),
)
def make(request: Any) -> dict[str, Any]:
    """Write a file of all refunds that wait."""
    made = request.gateway.refund_files.make(request.identity, request.validated["provider"])
    request.response.status_code = 201
    return _shown(made)


@view_config(
    route_name="refund_files",
    request_method="GET",
    permission="refund",
    query=FileQuery,
    answers={200: answers.REFUND_FILES},
)
def find(request: Any) -> dict[str, Any]:
    """Find files of refunds, newest first."""
    asked = dict(request.validated)
    limit = asked.pop("limit")
    found = request.gateway.refund_files.list(limit=limit + 1, **asked)
    shown = found[:limit]
    return {
        "refund_files": [_shown(facts) for facts in shown],
        "next": next_page(request, asked, limit, shown[-1].id) if len(found) > limit else None,
    }


@view_config(
    route_name="refund_file_content",
    request_method="GET",
    permission="refund",
    answers={200: CONTENT},
    refusals=("not_payable",),
)
def content(request: Any) -> Response:
    """Download a file of refunds, for the bank."""
    facts, data = request.gateway.refund_files.content(path_id(request))
    return Response(data, content_type=facts.media_type, content_disposition=f'attachment; filename="{facts.name}"')


@view_config(
    route_name="refund_file_confirm",
    request_method="POST",
    permission="refund",
    schema=Nothing,
    empty=True,
    answers={200: answers.REFUND_FILE},
    refusals=("not_payable",),
)
def confirm_file(request: Any) -> dict[str, Any]:
    """Say that the bank has paid a file."""
    return _shown(request.gateway.refund_files.confirm_file(request.identity.actor, path_id(request)))


@view_config(
    route_name="refund_file_void",
    request_method="POST",
    permission="refund",
    schema=Nothing,
    empty=True,
    answers={200: answers.REFUND_FILE},
    refusals=("not_payable",),
)
def void(request: Any) -> dict[str, Any]:
    """Void a file that the bank has not got: its refunds wait for another one."""
    return _shown(request.gateway.refund_files.void(request.identity, path_id(request)))


def _shown(facts: RefundFileFacts) -> dict[str, Any]:
    return {
        "id": facts.id,
        "title": facts.title,
        "name": facts.name,
        "refunds": facts.count,
        "total": to_decimal_text(facts.total, facts.currency),
        "currency": facts.currency,
        "made_by": facts.made_by,
        "created_at": rendering.moment(facts.made_at),
        "confirmed_by": facts.confirmed_by,
        "confirmed_at": rendering.moment(facts.confirmed_at) if facts.confirmed_at else None,
        "voided_by": facts.voided_by,
        "voided_at": rendering.moment(facts.voided_at) if facts.voided_at else None,
    }
