"""`GET /api/openapi.json` and `GET /api/docs/`: the API document, made once when the service starts, and its page, made
when somebody wants it.

Two view options are for the document: `answers` (status -> what is declared in `views.answers`), `refusals` (the codes
of errors that are the view's own). `takes` names the media types of a body that the view reads by itself, `capability`
the flag of a manifest's capabilities that the `{provider}` of a path must have.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import json
from dataclasses import dataclass
from typing import Any

from pyramid.config import Configurator

from tp_gateway.views import jsontext
from tp_gateway.views.openapi.document import document
from tp_gateway.views.openapi.operations import operations
from tp_gateway.views.openapi.page import page, style


@dataclass(frozen=True)
class Made:
    """Something that is served as it is. `etag` without quotes."""

    body: bytes
    etag: str

    @classmethod
    def of(cls, text: str) -> Made:
        body = text.encode()
        return cls(body, hashlib.sha256(body).hexdigest()[:32])


def make(config: Configurator) -> None:
    """Into the registry: `api_document`; `api_page`, to be called; `api_page_policy`."""
    registry = config.registry
    manifests = [provider.manifest for provider in registry["gateway"].registry]
    made = Made.of(jsontext.dumps(document(operations(config.introspector), manifests)))
    registry["api_document"] = made
    registry["api_page"] = functools.cache(lambda: Made.of(page(json.loads(made.body))))
    digest = base64.b64encode(hashlib.sha256(style().encode()).digest()).decode()
    registry["api_page_policy"] = (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def declared(view: Any, _info: Any) -> Any:
    """A deriver that changes nothing: it makes the options known to Pyramid."""
    return view


declared.options = ("answers", "refusals", "takes", "capability")  # type: ignore[attr-defined]


def includeme(config: Configurator) -> None:
    config.add_view_deriver(declared, name="declared")
    # Views are known only when every include has run.
    config.action(None, lambda: make(config), order=1001)
