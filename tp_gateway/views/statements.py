"""Bank statements, for staff: a file comes in, its lines are seen, matched and un-matched."""

from __future__ import annotations

import re
from typing import Any, ClassVar

import colander
from pyramid.view import view_config

from tp_gateway import fields
from tp_gateway.contract import MalformedStatement
from tp_gateway.errors import GatewayError, ValidationError
from tp_gateway.models.states import LineState
from tp_gateway.services.facts import Answer
from tp_gateway.services.statements.facts import Allocation, LineFacts
from tp_gateway.views import rendering_statements as rendering
from tp_gateway.views.answers import staff as answers
from tp_gateway.views.body import BodyFile
from tp_gateway.views.refusals import OF_A_PAYMENT
from tp_gateway.views.rendering import answer
from tp_gateway.views.responses import next_page, path_id
from tp_gateway.views.schemas import Nothing, Whole, matches, one_of, optional, some_of, text

_SLUG = re.compile(r"[a-z][a-z0-9_]{0,31}", re.ASCII)
_NO_FILE = re.compile(r"\s*(?:multipart/|application/(?:json|x-www-form-urlencoded))", re.IGNORECASE)


class UploadQuery(fields.Schema):
    filename = text(1, 255)
    provider = optional(fields.Text(), validator=matches(_SLUG, "Not the name of a provider"))


class StatementQuery(fields.Schema):
    limit = colander.SchemaNode(Whole(), missing=20, validator=colander.Range(1, 100))
    before_id = optional(fields.Id())


class LineQuery(fields.Schema):
    state = optional(fields.Text(), validator=one_of(*LineState))
    statement_id = optional(fields.Id())
    limit = colander.SchemaNode(Whole(), missing=50, validator=colander.Range(1, 100))
    before_id = optional(fields.Id())


class AllocationBody(fields.Schema):
    """For exactly one thing."""

    amount = colander.SchemaNode(fields.Amount())
    payment_id = optional(fields.Id())
    invoice_id = optional(fields.Id())
    patient_id = optional(fields.Id())

    @staticmethod
    @fields.documented(**some_of("payment_id", "invoice_id", "patient_id", at_most_one=True))
    def validator(node: colander.SchemaNode, value: dict[str, Any]) -> None:
        named = [name for name in ("payment_id", "invoice_id", "patient_id") if value[name] is not None]
        if len(named) != 1:
            error = colander.Invalid(node)
            error["payment_id"] = "Name exactly one of payment_id, invoice_id and patient_id"
            raise error


class MatchBody(fields.Schema):
    allocations = colander.SchemaNode(
        fields.Sequence(), AllocationBody(name="allocation"), validator=colander.Length(min=1, max=100)
    )
    example: ClassVar[dict[str, Any]] = {"allocations": [{"amount": "180.00", "invoice_id": 456}]}


class ExplainBody(fields.Schema):
    why = text(1, 200, description="What the line is, in a few words")
    example: ClassVar[dict[str, Any]] = {"why": "Interest for March"}


@view_config(
    route_name="statements",
    request_method="GET",
    permission="see_statements",
    query=StatementQuery,
    answers={200: answers.STATEMENTS},
)
def find(request: Any) -> dict[str, Any]:
    """Find imported statements, newest first."""
    asked = dict(request.validated)
    limit = asked.pop("limit")
    found = request.gateway.statements.reading.statements(limit + 1, **asked)
    shown = found[:limit]
    following = next_page(request, asked, limit, shown[-1].id) if len(found) > limit else None
    return {"statements": [rendering.statement(facts) for facts in shown], "next": following}


@view_config(
    route_name="statements",
    request_method="POST",
    permission="import_statement",
    query=UploadQuery,
    takes=("text/csv", "application/xml", "application/octet-stream"),
    answers={201: answers.STATEMENT},
    refusals=("payload_too_large", "unsupported_media_type", "invalid_json", "payment_in_progress", "not_payable"),
)
def upload(request: Any) -> Answer:
    """Import a file of the bank's statement. The body is the file itself, in whatever type the browser calls it."""
    if _NO_FILE.match(request.environ.get("CONTENT_TYPE", "")):
        raise GatewayError("unsupported_media_type", "Send the file itself as the body, as text/csv for instance")
    asked, file = request.validated, BodyFile(request, request.registry["statement_bytes"])
    importing = request.gateway.statements.importing
    try:
        found = importing.run(file, asked["filename"], request.identity.actor, asked["provider"])
    except MalformedStatement as problem:
        file.drain()
        raise ValidationError({"file": [str(problem)]}) from None
    return answer(201, rendering.statement(found))


@view_config(
    route_name="statement_lines",
    request_method="GET",
    permission="see_statements",
    query=LineQuery,
    answers={200: answers.LINES},
)
def find_lines(request: Any) -> dict[str, Any]:
    """Find lines of statements, newest first."""
    asked = dict(request.validated)
    limit = asked.pop("limit")
    found = request.gateway.statements.reading.lines(limit=limit + 1, **asked)
    shown = found[:limit]
    following = next_page(request, asked, limit, shown[-1].id) if len(found) > limit else None
    return {"lines": [rendering.line(facts) for facts in shown], "next": following}


@view_config(
    route_name="statement_line_match",
    request_method="POST",
    permission="match_statement",
    schema=MatchBody,
    idempotent=True,
    answers={200: answers.LINE},
    refusals=OF_A_PAYMENT,
)
def match(request: Any) -> Answer:
    """Say what a line has paid."""

    def render(facts: LineFacts) -> Answer:
        return answer(200, rendering.line(facts))

    wanted = [Allocation(**one) for one in request.validated["allocations"]]
    key = request.idempotency_key
    return request.gateway.statements.allocating.match(request.identity, path_id(request), wanted, render, key)


@view_config(
    route_name="statement_line_explain",
    request_method="POST",
    permission="match_statement",
    schema=ExplainBody,
    answers={200: answers.LINE},
    refusals=("not_payable",),
)
def explain(request: Any) -> dict[str, Any]:
    """Say what a line is that is nobody's payment."""
    explaining = request.gateway.statements.explaining
    return rendering.line(explaining.explain(request.identity, path_id(request), request.validated["why"]))


@view_config(
    route_name="statement_line_unmatch",
    request_method="POST",
    permission="match_statement",
    schema=Nothing,
    empty=True,
    answers={200: answers.LINE},
    refusals=("not_payable", "payment_in_progress"),
)
def unmatch(request: Any) -> dict[str, Any]:
    """Take back what a line was matched with, or explained as."""
    return rendering.line(request.gateway.statements.undoing.unmatch(request.identity, path_id(request)))
