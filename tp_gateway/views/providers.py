"""Which ways to pay there are, and what each wants to know: enough for a frontend to draw its forms."""

from __future__ import annotations

from typing import Any

import colander
from pyramid.view import view_config

from tp_gateway.observability import class_name
from tp_gateway.registry import GuardedProvider
from tp_gateway.views.answers import machines as answers


@view_config(route_name="providers", request_method="GET", permission="see_providers", answers={200: answers.PROVIDERS})
def find(request: Any) -> dict[str, Any]:
    """List the ways to pay. Enough for a frontend to draw its forms."""
    return {"providers": [_shown(provider) for provider in request.gateway.registry]}


def _shown(provider: GuardedProvider) -> dict[str, Any]:
    manifest = provider.manifest
    return {
        "method": manifest.method,
        "provider": manifest.slug,
        "display_name": manifest.display_name,
        "currencies": sorted(manifest.currencies),
        "needs_payment_method_id": manifest.method_required,
        "staff_only": manifest.staff_only,
        "capabilities": {
            "browser": manifest.capabilities.browser,
            "saved_methods": manifest.capabilities.save_method,
            "charged_by_staff": manifest.capabilities.off_session,
            "refunds": manifest.capabilities.refund,
            "partial_refunds": manifest.capabilities.partial_refund,
            "manual_capture": manifest.capabilities.capture,
        },
        "parameters": [_parameter(node) for node in manifest.parameters_schema.children],
        "settings": dict(provider.public_settings),
    }


def _parameter(node: colander.SchemaNode) -> dict[str, Any]:
    shown = {"name": node.name, "type": _type_name(node.typ), "required": bool(node.required)}
    if node.description:
        shown["description"] = node.description
    if node.children:
        shown["items" if isinstance(node.typ, colander.Sequence) else "fields"] = [
            _parameter(child) for child in node.children
        ]
    return shown


def _type_name(kind: Any) -> str:
    """A schema type's own word for itself: `text`, `amount`, `flag`, `sequence`, …"""
    name = class_name(kind)
    return "object" if isinstance(kind, colander.Mapping) else name[:1].lower() + name[1:]
