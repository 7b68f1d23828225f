"""This document. Public, like the service's source."""

from __future__ import annotations

from typing import Any

from pyramid.response import Response
from pyramid.security import NO_PERMISSION_REQUIRED
from pyramid.view import view_config

from tp_gateway.views.answers.machines import DOCUMENT, PAGE
from tp_gateway.views.openapi import Made


@view_config(
    route_name="api_document",
    request_method="GET",
    permission=NO_PERMISSION_REQUIRED,
    answers={200: DOCUMENT, 304: None},
)
def as_json(request: Any) -> Response:
    """The API document (OpenAPI 3.1). With the fields of the ways to pay that are switched on here."""
    return _served(request, request.registry["api_document"], "application/json")


@view_config(
    route_name="api_page", request_method="GET", permission=NO_PERMISSION_REQUIRED, answers={200: PAGE, 304: None}
)
def as_page(request: Any) -> Response:
    """The API document as a page for people. It needs no network and no script."""
    response = _served(request, request.registry["api_page"](), "text/html")
    response.headers["Content-Security-Policy"] = request.registry["api_page_policy"]
    return response


def _served(request: Any, made: Made, media: str) -> Response:
    """It changes only when the service starts anew with other settings: asked again with its ETag, it is not sent."""
    if made.etag in request.if_none_match and "HTTP_IF_NONE_MATCH" in request.environ:
        response = Response(status=304)
    else:
        response = Response(made.body, content_type=media, charset="utf-8")
    response.etag = made.etag
    response.headers["Cache-Control"] = "no-cache"
    return response
