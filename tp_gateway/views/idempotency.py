"""The `Idempotency-Key` header -> `Key`: whose it is, for which route, and a fingerprint that tells a repeat from
another request.

A view with the option `idempotent` finds it in `request.idempotency_key`.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

from pyramid.config import Configurator

from tp_gateway.errors import ValidationError
from tp_gateway.services.facts import Key
from tp_gateway.views import jsontext

# RFC 8941, section 3.3.3: a quoted string with \" and \\ as its escapes. A comma outside of quotes: it was sent twice.
_QUOTED = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])*)"')
_BARE = re.compile(r"[ !#-+\--~]*")
_SHOWN = r"[!#-+\--~](?:[ !#-+\--~]*[!#-+\--~])?"
_MOST = 255
HEADER = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same key and the same body again give the same answer, and nothing is done twice. A key "
    "belongs to one user and one route.",
    "schema": {
        "type": "string",
        "minLength": 1,
        "maxLength": _MOST,
        "pattern": f"^(?:{_SHOWN}|{_QUOTED.pattern})$",
    },
    "example": "5f0c2a9e-appointment-123",
}
"""How the API document tells it."""


def idempotency_key(request: Any) -> Key | None:
    """None where the client sent none. ValidationError for one that is malformed."""
    header = request.environ.get("HTTP_IDEMPOTENCY_KEY")
    if header is None:
        return None
    fingerprint = hashlib.sha256(request.path.encode() + b"\n" + jsontext.canonical(request.body_json))
    return Key(
        user_id=request.identity.user_id,
        route=f"{request.method} {request.matched_route.name}",
        key=_text(header.strip()),
        body_hash=fingerprint.hexdigest(),
    )


def _text(header: str) -> str:
    quoted = _QUOTED.fullmatch(header)
    if quoted:
        key = re.sub(r"\\(.)", r"\1", quoted[1])
    elif _BARE.fullmatch(header):
        key = header
    else:
        key = ""
    if not 1 <= len(key) <= _MOST:
        raise ValidationError(
            {"idempotency_key": [f"Send it once, 1 to {_MOST} printable ASCII characters without a comma"]}
        )
    return key


def keyed(view: Any, info: Any) -> Any:
    """The deriver. It runs after the body was found valid, before attempts are counted."""
    if not info.options.get("idempotent"):
        return view

    def keyed_view(context: Any, request: Any) -> Any:
        request.idempotency_key = idempotency_key(request)
        return view(context, request)

    return keyed_view


keyed.options = ("idempotent",)  # type: ignore[attr-defined]


def includeme(config: Configurator) -> None:
    config.add_view_deriver(keyed, name="keyed", under="rendered_view", over="limiting")
