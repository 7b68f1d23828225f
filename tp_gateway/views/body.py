"""Reads a request's body once, and never more of it than its route allows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tp_gateway.errors import GatewayError

DEFAULT_LIMIT = 64 * 1024
WEBHOOK_LIMIT = 256 * 1024
PUSH_LIMIT = 8 * 1024 * 1024
_CHUNK = 64 * 1024


def read_body(request: Any, limit: int) -> bytes:
    """GatewayError `payload_too_large`: by the declared length before anything is read, else once there is more."""
    return b"".join(_parts(request.environ, limit))


class BodyFile:
    """The body as something that is read from front to back, for what need not fit into memory. Reading it ends in the
    same refusals as `read_body`; its length, where it is declared, is looked at before anything is read."""

    def __init__(self, request: Any, limit: int) -> None:
        self._parts = _parts(request.environ, limit)
        self._rest = next(self._parts, b"")

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes; b"" at the end."""
        rest = self._rest or next(self._parts, b"")
        self._rest = rest[size:]
        return rest[:size]

    def drain(self) -> None:
        """Read what is left: a client that is still sending does not listen for the answer."""
        self._rest = b""
        for _ in self._parts:
            pass


def _parts(environ: dict[str, Any], limit: int) -> Iterator[bytes]:
    declared = _declared_length(environ)
    if declared is not None and declared > limit:
        raise _too_large(limit)
    if declared is None and not environ.get("wsgi.input_terminated"):
        return
    wanted = limit + 1 if declared is None else declared
    while wanted > 0:
        try:
            part = environ["wsgi.input"].read(min(wanted, _CHUNK))
        except OSError:  # a malformed chunk, a connection that went away
            raise GatewayError("invalid_json", "The body could not be read") from None
        if not part:
            break
        wanted -= len(part)
        if declared is None and wanted == 0:
            raise _too_large(limit)
        yield part
    if declared is not None and wanted > 0:
        raise GatewayError("invalid_json", "The body ended early")


def _declared_length(environ: dict[str, Any]) -> int | None:
    text = environ.get("CONTENT_LENGTH", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def _too_large(limit: int) -> GatewayError:
    most = f"{limit // 1024} KiB" if limit < 1 << 26 else f"{limit >> 20} MiB"
    return GatewayError("payload_too_large", f"The body may have {most} here")
