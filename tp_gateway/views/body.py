"""Reads a request's body once, and never more of it than its route allows."""

from __future__ import annotations

from typing import Any

from tp_gateway.errors import GatewayError

DEFAULT_LIMIT = 64 * 1024
WEBHOOK_LIMIT = 256 * 1024
PUSH_LIMIT = 8 * 1024 * 1024
_CHUNK = 64 * 1024


def read_body(request: Any, limit: int) -> bytes:
    """GatewayError `payload_too_large`: by the declared length before anything is read, else once there is more."""
    declared = _declared_length(request.environ)
    if declared is not None and declared > limit:
        raise _too_large(limit)
    if declared is None and not request.environ.get("wsgi.input_terminated"):
        return b""
    wanted = limit + 1 if declared is None else declared
    parts: list[bytes] = []
    while wanted > 0:
        try:
            part = request.environ["wsgi.input"].read(min(wanted, _CHUNK))
        except OSError:  # a malformed chunk, a connection that went away
            raise GatewayError("invalid_json", "The body could not be read") from None
        if not part:
            break
        parts.append(part)
        wanted -= len(part)
    if declared is None and wanted == 0:
        raise _too_large(limit)
    if declared is not None and wanted > 0:
        raise GatewayError("invalid_json", "The body ended early")
    return b"".join(parts)


def _declared_length(environ: dict[str, Any]) -> int | None:
    text = environ.get("CONTENT_LENGTH", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def _too_large(limit: int) -> GatewayError:
    return GatewayError("payload_too_large", f"The body may have {limit // 1024} KiB here")
