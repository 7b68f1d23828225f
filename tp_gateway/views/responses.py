"""How what a view returns becomes a response: values as JSON, an `Answer` as exactly the text stored for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from pyramid.config import Configurator
from pyramid.renderers import JSON
from pyramid.response import Response

from tp_gateway.errors import NotFound
from tp_gateway.fields import MAX_ID
from tp_gateway.services.facts import Answer
from tp_gateway.views import jsontext


def json_response(text: str, status: int) -> Response:
    return Response(text.encode(), status=status, content_type="application/json")


def from_answer(answer: Answer) -> Response:
    response = json_response(answer.text, answer.status)
    if answer.replayed:
        response.headers["Idempotent-Replayed"] = "true"
    if answer.status == 503:
        response.headers["Retry-After"] = "5"
    return response


def path_id(request: Any) -> int:
    """The id in the path. One that no row can have is as absent as any other."""
    found = int(request.matchdict["id"])
    if found > MAX_ID:
        raise NotFound
    return found


def next_page(request: Any, asked: Mapping[str, Any], limit: int, last_id: int) -> str:
    """The path of what follows `last_id` in a list that was asked for with `asked`."""
    again = {name: value for name, value in asked.items() if value is not None}
    return f"{request.path}?{urlencode(again | {'limit': limit, 'before_id': last_id})}"


def includeme(config: Configurator) -> None:
    config.add_renderer(None, JSON(serializer=lambda value, default=None: jsontext.dumps(value)))
    config.add_response_adapter(from_answer, Answer)
    config.add_request_method(lambda request: request.registry["gateway"], "gateway", property=True)
