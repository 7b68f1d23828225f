"""What frontends and machines are answered: the ways to pay, pushes, webhooks, health."""

from __future__ import annotations

from typing import Any

from tp_gateway.errors import TITLES
from tp_gateway.views.answers.shape import (
    CURRENCY,
    FLAG,
    SLUG,
    TEXT,
    File,
    Shape,
    list_of,
    one_of,
    text,
    whole,
)

MESSAGES = Shape(
    "FieldMessages",
    "Field -> list of messages, nested as the request is.",
    {},
    open={"anyOf": [list_of(TEXT), {"$ref": "#/components/schemas/FieldMessages"}]},
)
ERROR = Shape(
    "Error",
    "Every refusal. `code` is for programs, `error` and `details` are for people.",
    {"error": text("Validation error"), "details": {"anyOf": [TEXT, MESSAGES]}, "code": one_of(TITLES)},
    {"payment_id": {"type": "integer", "minimum": 1, "description": "The payment that the refusal is about."}},
)
CAPABILITIES = Shape(
    "Capabilities",
    "What a provider can do.",
    dict.fromkeys(
        ("browser", "saved_methods", "charged_by_staff", "refunds", "partial_refunds", "manual_capture"), FLAG
    ),
)
_PARAMETER: dict[str, Any] = {"$ref": "#/components/schemas/Parameter"}
PARAMETER = Shape(
    "Parameter",
    "A field of a payment request that is the provider's own.",
    {"name": text("return_url"), "type": text("text"), "required": FLAG},
    {"description": TEXT, "items": list_of(_PARAMETER), "fields": list_of(_PARAMETER)},
)
PROVIDER = Shape(
    "Provider",
    "A way to pay.",
    {
        "method": {**SLUG, "examples": ["card"]},
        "provider": SLUG,
        "display_name": text("Card"),
        "currencies": list_of(CURRENCY),
        "needs_payment_method_id": FLAG,
        "staff_only": FLAG,
        "capabilities": CAPABILITIES,
        "parameters": list_of(PARAMETER),
        "settings": {"type": "object", "description": "What a frontend may know, such as a publishable key."},
    },
)
PROVIDERS = Shape("Providers", "Every way to pay.", {"providers": list_of(PROVIDER)})
ROW_ERROR = Shape(
    "RowError",
    "A row that was refused.",
    {
        "index": whole(3),
        "id": {"type": ["integer", "string", "null"], "description": "What the row calls itself."},
        "details": MESSAGES,
    },
)
PUSHED = Shape(
    "Pushed",
    "What became of the rows.",
    {"created": whole(1), "updated": whole(0), "unchanged": whole(0), "errors": list_of(ROW_ERROR)},
)
RECEIVED = Shape("Received", "The message is kept.", {"received": {"type": "boolean", "const": True}})
ALIVE = Shape("Alive", "The process answers.", {"status": {"type": "string", "const": "ok"}})
READY = Shape(
    "Ready",
    "Whether it can work.",
    {
        "status": one_of(("ok", "unavailable")),
        "components": {"type": "object", "additionalProperties": one_of(("ok", "unavailable"))},
    },
)
METRICS = File(("text/plain",), "Prometheus's text format.")
REFUND_FILE = File(("*/*",), "The file, in the media type that its provider gives it (ABA: text/plain).")
PDF = File(("application/pdf",), "The document, as tagged PDF (PDF/UA-1).")
DOCUMENT = Shape(
    "Document",
    "This document.",
    {"openapi": text("3.1.0"), "info": {"type": "object"}, "paths": {"type": "object"}},
    open="As OpenAPI 3.1 has it.",
)
PAGE = File(("text/html",), "The page.")
