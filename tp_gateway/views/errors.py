"""What a refusal looks like over HTTP: the status of every code, one body for all, the views that answer exceptions.

Never a class name, SQL, a path or a value of the request in an answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyramid.config import Configurator
from pyramid.exceptions import URLDecodeError
from pyramid.httpexceptions import HTTPForbidden, HTTPNotFound
from pyramid.response import Response

from tp_gateway import observability
from tp_gateway.errors import TITLES, GatewayError, InvalidSignature, NotFound
from tp_gateway.views import jsontext
from tp_gateway.views.responses import json_response

log = observability.logger(__name__)

STATUSES: Mapping[str, int] = {
    "validation_error": 400,
    "invalid_json": 400,
    "payment_failed": 400,
    "invalid_signature": 400,
    "card_data_not_accepted": 400,
    "not_authenticated": 401,
    "token_invalid": 401,
    "token_expired": 401,
    "card_declined": 402,
    "permission_denied": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "payment_in_progress": 409,
    "already_paid": 409,
    "not_payable": 409,
    "idempotency_in_progress": 409,
    "refund_exceeds_balance": 409,
    "payment_mismatch": 409,
    "payment_disputed": 409,
    "payload_too_large": 413,
    "unsupported_media_type": 415,
    "idempotency_key_reuse": 422,
    "rate_limited": 429,
    "internal_error": 500,
    "provider_error": 502,
    "service_unavailable": 503,
}
"""Every code of `tp_gateway.errors.TITLES`, and no other; a test compares them."""

RETRY_AFTER = {"idempotency_in_progress": 1, "rate_limited": 60, "service_unavailable": 5}

MAY_SAY_WHEN = frozenset({*RETRY_AFTER, "payment_in_progress"})
"""The codes whose answer can have a `Retry-After`; those of the table always have one."""


def error_body(error: GatewayError) -> dict[str, Any]:
    """`error`, `details`, `code`, and the id of the payment that the refusal is about where there is one."""
    body: dict[str, Any] = {"error": TITLES[error.code], "details": error.details, "code": error.code}
    if error.payment_id is not None:
        body["payment_id"] = error.payment_id
    return body


def error_response(error: GatewayError) -> Response:
    """The whole answer, with the headers that the status asks for."""
    response = json_response(jsontext.dumps(error_body(error)), STATUSES[error.code])
    retry_after = error.retry_after or RETRY_AFTER.get(error.code)
    if retry_after is not None:
        response.headers["Retry-After"] = str(retry_after)
    if response.status_code == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def internal_error(error: Exception) -> Response:
    """A fault of ours: the log has the details, the caller a request id."""
    log.error("unhandled_error", error=observability.class_name(error), exc_info=error)
    return error_response(GatewayError("internal_error"))


def gateway_error(error: GatewayError, request: Any) -> Response:
    return error_response(error)


def invalid_signature(_error: InvalidSignature, request: Any) -> Response:
    return error_response(GatewayError("invalid_signature", "The signature is missing, wrong or too old"))


def not_found(_error: Exception, request: Any) -> Response:
    """No such route; or the route is there and the method is not: 405, naming those that are."""
    route = getattr(request, "matched_route", None)
    allowed = request.registry["allowed_methods"].get(route.name) if route is not None else None
    if not allowed:
        return error_response(NotFound())
    response = error_response(GatewayError("method_not_allowed", f"Allowed here: {', '.join(allowed)}"))
    response.headers["Allow"] = ", ".join(allowed)
    return response


def forbidden(_error: HTTPForbidden, request: Any) -> Response:
    """The security policy explains its own refusals; this is for a view that has no permission of its own."""
    return error_response(GatewayError("permission_denied"))


def anything_else(error: Exception, request: Any) -> Response:
    return internal_error(error)


def allowed_methods(config: Configurator) -> dict[str, list[str]]:
    """Route name -> methods, from the views that are registered."""
    found: dict[str, set[str]] = {}
    for view in config.introspector.get_category("views", ()):
        entry = view["introspectable"]
        methods = entry["request_methods"]
        if entry["route_name"] and methods:
            found.setdefault(entry["route_name"], set()).update([methods] if isinstance(methods, str) else methods)
    return {name: sorted(methods) for name, methods in found.items()}


def includeme(config: Configurator) -> None:
    config.add_exception_view(gateway_error, context=GatewayError)
    config.add_exception_view(invalid_signature, context=InvalidSignature)
    config.add_exception_view(not_found, context=HTTPNotFound)
    config.add_exception_view(not_found, context=URLDecodeError)
    config.add_exception_view(forbidden, context=HTTPForbidden)
    config.add_exception_view(anything_else, context=Exception)
    # Views are known only when every include has run.
    config.action(None, lambda: config.registry.__setitem__("allowed_methods", allowed_methods(config)), order=1000)
