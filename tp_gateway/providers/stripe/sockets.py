"""Connections whose whole life keeps one deadline: looking the name up, connecting, TLS, and every read of an answer.

A socket timeout alone bounds each read, so an answer that drips a byte at a time would never time out.
Nothing here knows Stripe.
"""

from __future__ import annotations

import http.client
import io
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

# stripe offers no way to hand a deadline through to its HTTP client.
_deadline: ContextVar[float] = ContextVar("deadline")


@contextmanager
def until(deadline: float) -> Iterator[None]:
    """Every request made inside ends by `deadline`, on `time.monotonic()`'s clock."""
    token = _deadline.set(deadline)
    try:
        yield
    finally:
        _deadline.reset(token)


def seconds_left() -> float:
    return _deadline.get() - time.monotonic()


class NotConnected(Exception):
    """Outside urllib3's own families, so that the pool passes it on as it is."""


def _addresses(host: str, port: int) -> list[Any]:
    """Looking a name up cannot be bounded, so a thread of its own does it, once a connection: a resolver that hangs
    costs threads until it gives up, but no request."""
    found: Future[list[Any]] = Future()

    def look_up() -> None:
        try:
            found.set_result(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except Exception as error:
            found.set_exception(error)

    threading.Thread(target=look_up, name="resolve", daemon=True).start()
    try:
        return found.result(max(0.0, seconds_left()))
    except FutureTimeout:
        raise OSError("no address in time") from None


class _BoundedReader(io.RawIOBase):
    """Reads a socket; before each read the socket's timeout shrinks to what is left."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock, self._raw = sock, sock.makefile("rb", buffering=0)
        self._longest = sock.gettimeout()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = seconds_left()
        if left <= 0:
            raise TimeoutError("deadline")
        self._sock.settimeout(left if self._longest is None else min(left, self._longest))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _BoundedResponse(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self.fp.close()
        self.fp = io.BufferedReader(_BoundedReader(sock))


class _Bounded(HTTPConnection):
    response_class = _BoundedResponse

    def connect(self) -> None:
        # One place for refusal, DNS, timeouts and TLS: what goes wrong in here happened before the request was sent.
        try:
            super().connect()
        except Exception as error:
            self.close()
            raise NotConnected(type(error).__name__) from None

    def _new_conn(self) -> socket.socket:
        """As urllib3's, but several addresses share one deadline instead of having a timeout each."""
        longest = self.timeout if isinstance(self.timeout, (int, float)) else seconds_left()
        ends = time.monotonic() + min(longest, seconds_left())
        failed: OSError = OSError("no address")
        for family, kind, protocol, _, address in _addresses(self.host, self.port):
            left = ends - time.monotonic()
            if left <= 0:
                break
            sock = socket.socket(family, kind, protocol)
            try:
                sock.settimeout(left)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                sock.connect(address)
                return sock
            except OSError as error:
                sock.close()
                failed = error
        raise failed


class _BoundedTls(_Bounded, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Bounded


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _BoundedTls


POOLS = {"http": _Pool, "https": _TlsPool}
