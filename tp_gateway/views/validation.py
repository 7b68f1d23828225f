"""The view option `schema`: the body is read within its limit, parsed strictly, searched for card data and run through
the schema. Views find the result in `request.validated`; a view without a schema gets no body at all.

    @view_config(route_name="payments", request_method="POST", schema=PaymentBody, extra="parameters", …)

`query` does the same for the query string, `extra` collects the keys that are nobody's into a mapping of that name (a
provider's own schema judges them), `limit` is the body's limit, `empty` allows no body at all.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

import colander
from pyramid.config import Configurator

from tp_gateway import fields
from tp_gateway.errors import GatewayError, ValidationError
from tp_gateway.registry import CORE_FIELDS
from tp_gateway.views import card_data, jsontext
from tp_gateway.views.body import DEFAULT_LIMIT, read_body

View = Callable[[Any, Any], Any]
_CONTENT_TYPE = re.compile(r'application/json\s*(?:;\s*charset="?utf-8"?\s*)?', re.IGNORECASE)


def validating(view: View, info: Any) -> View:
    """The deriver. It runs after the security policy has let the caller in, and before the view."""
    options = info.options
    schema, query = _instance(options.get("schema")), _instance(options.get("query"))
    extra, limit, empty = options.get("extra"), options.get("limit") or DEFAULT_LIMIT, bool(options.get("empty"))
    if options.get("raw") or info.exception_only:  # a signed webhook is its provider's, byte for byte
        return view

    def validated_view(context: Any, request: Any) -> Any:
        card_data.refuse_in_request(request.environ)
        if schema is not None:
            request.body_json = _body(request, limit, empty)
            request.validated = _validated(schema, request.body_json, extra)
        if query is not None:
            request.validated = fields.validate(query, _query(request.environ.get("QUERY_STRING", "")))
        return view(context, request)

    return validated_view


validating.options = ("schema", "query", "extra", "limit", "empty", "raw")  # type: ignore[attr-defined]


def _instance(schema: type[colander.Schema] | None) -> colander.SchemaNode | None:
    return schema() if schema is not None else None


def _body(request: Any, limit: int, empty: bool) -> dict[str, Any]:
    text = read_body(request, limit)
    if not text and empty:
        return {}
    if not _CONTENT_TYPE.fullmatch(request.environ.get("CONTENT_TYPE", "").strip()):
        raise GatewayError("unsupported_media_type", "Send the body as application/json")
    body = jsontext.loads(text)
    card_data.refuse_in_body(body)
    if not isinstance(body, dict):
        raise GatewayError("invalid_json", "The body must be a JSON object")
    return body


def _validated(schema: colander.SchemaNode, body: dict[str, Any], extra: str | None) -> dict[str, Any]:
    if extra is None:
        return fields.validate(schema, body)
    ours = CORE_FIELDS | {node.name for node in schema.children}
    validated = fields.validate(schema, {key: value for key, value in body.items() if key in ours})
    validated[extra] = {key: value for key, value in body.items() if key not in ours}
    return validated


def _query(text: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=32)
    except ValueError:
        raise ValidationError({"query": ["Not a valid query string"]}) from None
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValidationError({"query": ["A parameter is given twice"]})
    return found


def includeme(config: Configurator) -> None:
    config.add_view_deriver(validating, name="validating")
