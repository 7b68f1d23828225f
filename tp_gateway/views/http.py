"""What every answer has, whatever happened inside: a request id, CORS headers, no caching, one line in the log."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import structlog
from pyramid.config import Configurator
from pyramid.response import Response

from tp_gateway import observability
from tp_gateway.card_numbers import card_numbers
from tp_gateway.errors import NotFound
from tp_gateway.views.errors import error_response, internal_error

log = observability.logger("tp_gateway.access")

_REGEX_OF_PART = re.compile(r"\{(\w+):[^/]*\}")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_METHODS = ("GET", "POST", "PUT", "DELETE")
_PREFLIGHT = {
    "Access-Control-Allow-Methods": ", ".join(_METHODS),
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Idempotency-Key, X-Request-Id",
    "Access-Control-Max-Age": "600",
}
_FIXED = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}
_JSON = "application/json; charset=utf-8"
Handler = Callable[[Any], Response]


def http_tween_factory(handler: Handler, registry: Any) -> Handler:
    """Stands outside of everything else, exception views included."""
    origins: frozenset[str] = registry["cors_origins"]

    def http_tween(request: Any) -> Response:
        started = time.perf_counter()
        request_id = _request_id(request.environ.get("HTTP_X_REQUEST_ID", ""))
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            response = _at_once(request) or handler(request)
        except Exception as error:
            response = internal_error(error)
        _complete(response, request, request_id, origins)
        _record(request, response, time.perf_counter() - started)
        structlog.contextvars.clear_contextvars()
        return response

    return http_tween


def _at_once(request: Any) -> Response | None:
    if _is_preflight(request):
        return _preflight()
    if "\n" in request.environ["PATH_INFO"]:
        return error_response(NotFound())  # Pyramid's patterns end with `$`, which also matches before a last newline
    return None


def _request_id(given: str) -> str:
    """The caller's own, if it is harmless in a log and in a header. A card number is not."""
    harmless = _REQUEST_ID.fullmatch(given) and not any(True for _ in card_numbers(given))
    return given if harmless else uuid4().hex


def _is_preflight(request: Any) -> bool:
    environ = request.environ
    return (
        environ["REQUEST_METHOD"] == "OPTIONS"
        and "HTTP_ORIGIN" in environ
        and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ
    )


def _preflight() -> Response:
    return Response(status=204, headerlist=list(_PREFLIGHT.items()))


def _complete(response: Response, request: Any, request_id: str, origins: frozenset[str]) -> None:
    headers = response.headers
    for name, value in _FIXED.items():
        headers.setdefault(name, value)  # a view that says otherwise has a reason
    headers["X-Request-Id"] = request_id
    if headers.get("Content-Type", "").startswith("application/json"):
        headers["Content-Type"] = _JSON
    headers["Vary"] = "Origin"
    origin = request.environ.get("HTTP_ORIGIN", "")
    if origin in origins:
        headers["Access-Control-Allow-Origin"] = origin
        headers["Access-Control-Expose-Headers"] = "X-Request-Id, Idempotent-Replayed, Retry-After"
    else:
        for name in _PREFLIGHT:
            headers.pop(name, None)


def _record(request: Any, response: Response, seconds: float) -> None:
    """The route's pattern, not the path: an address can hold what a log must not."""
    route = getattr(request, "matched_route", None)
    pattern = _REGEX_OF_PART.sub(r"{\1}", route.pattern) if route is not None else "none"
    method = request.environ["REQUEST_METHOD"]
    method = method if method in (*_METHODS, "HEAD", "OPTIONS", "PATCH") else "other"
    observability.REQUESTS.labels(pattern, method, str(response.status_code)).inc()
    observability.REQUEST_SECONDS.labels(pattern).observe(seconds)
    log.info(
        "request",
        method=method,
        route=pattern,
        status=response.status_code,
        ms=round(seconds * 1000, 1),
        actor=request.environ.get("tp_gateway.actor", "nobody"),
    )


def includeme(config: Configurator) -> None:
    config.add_tween("tp_gateway.views.http.http_tween_factory")
