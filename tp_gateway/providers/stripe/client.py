"""Calls to Stripe's API by `raw_request`: plain dicts out, one kind of error (`Failure`), one deadline each.

It knows HTTP statuses and nothing of payments. `raw_request` because typed objects cost several times more, and one
style is enough. Do not pass parameters named `usage` or `base`: raw_request keeps those for itself.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from typing import Any

import stripe

from tp_gateway.providers.stripe.failure import Failure, Kind, unclear
from tp_gateway.providers.stripe.sockets import until
from tp_gateway.providers.stripe.transport import Transport

_ID = re.compile(r"[A-Za-z0-9_]{1,255}", re.ASCII)
_PAGE = 100


class Client:
    """One per process. `live` is the mode of our key: an object of the other mode is never ours."""

    def __init__(self, api_key: str, api_base: str, transport: Transport) -> None:
        # The library sends telemetry, and writes an id for it into the home directory, unless this one switch is off.
        # It has no per-client form. No other module-level setting of the library is touched.
        stripe.enable_telemetry = False
        _quieten()
        self.live = "_live_" in api_key[:8]
        self.base = api_base
        self._stripe = stripe.StripeClient(
            api_key,
            http_client=transport,
            max_network_retries=0,
            base_addresses={"api": api_base.rstrip("/")},
        )

    def __repr__(self) -> str:
        return f"<Client {self.base} {'live' if self.live else 'test'}>"

    def get(self, path: str, deadline: float, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
        return self._call("get", path, deadline, dict(params or {}))

    def post(self, path: str, deadline: float, params: Mapping[str, Any], key: str | None = None) -> dict[str, Any]:
        """Without `key` the library makes a random one: right only for calls that are idempotent by nature."""
        options = {"idempotency_key": key} if key else {}
        return self._call("post", path, deadline, {**params, **options})

    def pages(self, path: str, deadline: float, params: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Every object of a list, newest first (docs.stripe.com/api/pagination)."""
        after: dict[str, str] = {}
        while True:
            page = self.get(path, deadline, {"limit": _PAGE, **params, **after})
            data = page.get("data")
            if page.get("object") != "list" or not isinstance(data, list) or not all(map(_has_id, data)):
                raise unclear("not a list")
            yield from data
            if page.get("has_more") is not True:
                return
            if not data or data[-1]["id"] == after.get("starting_after"):
                raise unclear("a list that does not end")
            after = {"starting_after": data[-1]["id"]}

    def _call(self, method: str, path: str, deadline: float, params: dict[str, Any]) -> dict[str, Any]:
        try:
            with until(deadline):
                data = self._stripe.raw_request(method, path, **params).data
        except Failure:
            raise
        except stripe.StripeError as error:
            raise _failure(error) from None
        except Exception as error:
            # The library trips over error bodies that are not shaped like Stripe's ({"error": null}).
            raise unclear(type(error).__name__) from None
        if not isinstance(data, dict):
            raise unclear("not an object")
        return data


def path(*parts: str) -> str:
    """`path("refunds", id)` -> `/v1/refunds/<id>`. A reference that is no Stripe id never reaches a URL."""
    if not all(_ID.fullmatch(part) for part in parts):
        raise Failure(Kind.REFUSED, "no such id", status=404, error={"code": "resource_missing"})
    return "/v1/" + "/".join(parts)


def _failure(error: stripe.StripeError) -> Failure:
    """Believe an error only if it is Stripe's own (docs.stripe.com/api/errors): a proxy's 403 page says nothing."""
    status, body = error.http_status, error.json_body
    inner = body.get("error") if isinstance(body, dict) else None
    if status is None or not 400 <= status < 500:
        return unclear("", status)
    if not isinstance(inner, dict) or not isinstance(inner.get("type"), str):
        return unclear("not an error of Stripe's", status)
    return Failure(Kind.REFUSED, status=status, error=inner)


def _has_id(item: Any) -> bool:
    return isinstance(item, dict) and isinstance(item.get("id"), str)


def _important(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING


def _quieten() -> None:
    """Below WARNING the library logs request and answer bodies, client secrets included. A filter outlasts logging
    set-ups that change levels."""
    logger = logging.getLogger("stripe")
    if _important not in logger.filters:
        logger.addFilter(_important)
