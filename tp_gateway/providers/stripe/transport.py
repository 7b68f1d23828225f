"""stripe's `HTTPClient` over one urllib3 pool. It must not retry, follow redirects, or know what Stripe's answers mean;
it says for certain when no request was sent, and calls everything else unclear."""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from typing import Any

import stripe
import urllib3

from tp_gateway.providers.stripe.failure import Failure, Kind, unclear
from tp_gateway.providers.stripe.sockets import POOLS, NotConnected, seconds_left

LARGEST_ANSWER = 1024 * 1024


class Transport(stripe.HTTPClient):
    """One per process, for one host; safe for threads. More calls at once than `pool_size` open connections that are
    not kept."""

    name = "urllib3"

    def __init__(self, base: str, connect_timeout: float, read_timeout: float, pool_size: int) -> None:
        super().__init__()
        self._connect_timeout, self._read_timeout = connect_timeout, read_timeout
        self._origin, where = "/".join(base.split("/")[:3]), urllib3.util.parse_url(base)
        self._pool = POOLS[where.scheme or "https"](where.host, where.port, maxsize=pool_size, block=False)

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        *,
        _usage: list[str] | None = None,
    ) -> tuple[Any, int, Mapping[str, str]]:
        left = seconds_left()
        if left <= 0:
            raise Failure(Kind.NOT_SENT, "no time left")
        timeout = urllib3.Timeout(total=left, connect=min(left, self._connect_timeout), read=self._read_timeout)
        try:
            answer = self._pool.urlopen(
                method.upper(),
                url.removeprefix(self._origin),
                body=post_data,
                headers=headers,
                timeout=timeout,
                retries=False,
                redirect=False,
                preload_content=False,
                decode_content=False,
            )
        except NotConnected as error:
            raise Failure(Kind.NOT_SENT, str(error)) from None
        except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError) as error:
            # A reset on a reused connection lands here too: the request may have been read before the line went.
            raise unclear(type(error).__name__) from None
        return _body(answer), answer.status, answer.headers

    def close(self) -> None:
        self._pool.close()


def _body(answer: urllib3.BaseHTTPResponse) -> bytes:
    parts, size = [], 0
    try:
        while part := answer.read(65536):
            parts.append(part)
            size += len(part)
            if size > LARGEST_ANSWER:
                raise unclear("answer too large", answer.status)
    except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError) as error:
        answer.close()
        raise unclear(type(error).__name__, answer.status) from None
    except Failure:
        answer.close()
        raise
    answer.release_conn()
    return b"".join(parts)
