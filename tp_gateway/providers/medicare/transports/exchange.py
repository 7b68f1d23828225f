"""One HTTP request and its whole answer over urllib3, by a deadline. No retry, no redirect, no proxy; it knows no
Medicare. It says for certain when no request was sent, and calls everything else unclear.

The deadline bounds connecting, TLS and the body; a server that drips its headers can hold a call for longer.
"""

from __future__ import annotations

import http.client
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from tp_gateway.providers.medicare.transports.results import NotSent, Unclear

LARGEST_ANSWER = 1024 * 1024
_PIECE = 65536
_BROKEN = (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError)


class _NotConnected(Exception):
    """Outside urllib3's own families, so that the pool passes it on as it is."""


class _Connection(HTTPConnection):
    def connect(self) -> None:
        # One place for refusal, DNS, timeouts and TLS: what goes wrong in here happened before the request was sent.
        try:
            super().connect()
        except Exception as error:
            self.close()
            raise _NotConnected(type(error).__name__) from None


class _TlsConnection(_Connection, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


@dataclass(frozen=True, slots=True, repr=False)
class Reply:
    status: int
    body: bytes


class Exchange:
    """One for each host; safe for threads. Timeouts are seconds."""

    def __init__(self, base_url: str, connect_timeout: float, read_timeout: float) -> None:
        where = urllib3.util.parse_url(base_url)
        self._prefix = (where.path or "").rstrip("/")
        self._timeouts = connect_timeout, read_timeout
        pool: Any = _TlsPool if where.scheme == "https" else _Pool
        self._pool: HTTPConnectionPool = pool(where.host, where.port, maxsize=8, block=False)

    def send(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, deadline: float
    ) -> Reply | NotSent | Unclear:
        left = deadline - time.monotonic()
        if left <= 0:
            return NotSent("no time left")
        connect, read = (min(left, most) for most in self._timeouts)
        try:
            answer = self._pool.urlopen(
                method,
                self._prefix + path,
                body=body,
                headers=headers,
                timeout=urllib3.Timeout(total=left, connect=connect, read=read),
                retries=False,
                redirect=False,
                preload_content=False,
                decode_content=False,
            )
        except _NotConnected as error:
            return NotSent(str(error))
        except _BROKEN as error:
            # A reset on a reused connection lands here too: the request may have been read before the line went.
            return Unclear(type(error).__name__)
        return _whole(answer, deadline)


def _whole(answer: urllib3.BaseHTTPResponse, deadline: float) -> Reply | Unclear:
    """`read1`, because `read` waits for a whole piece: a body that drips would never meet the check."""
    parts, size = [], 0
    try:
        while part := answer.read1(_PIECE):
            parts.append(part)
            size += len(part)
            if size > LARGEST_ANSWER:
                answer.close()
                return Unclear("answer too large", answer.status)
            if time.monotonic() > deadline:
                answer.close()
                return Unclear("deadline", answer.status)
    except _BROKEN as error:
        answer.close()
        return Unclear(type(error).__name__, answer.status)
    answer.release_conn()
    return Reply(answer.status, b"".join(parts))
