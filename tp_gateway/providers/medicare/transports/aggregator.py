"""Medicare by way of an aggregator that takes the same bodies: an API key and the Minor ID in headers, the correlation
id in the body (docs.rebateright.com.au). No login, no device key: the aggregator holds those."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tp_gateway.providers.medicare.transports.calls import Calls, encoded
from tp_gateway.providers.medicare.transports.exchange import Exchange, Reply
from tp_gateway.providers.medicare.transports.results import NotSent, Unclear
from tp_gateway.providers.medicare.transports.settings import AggregatorSettings
from tp_gateway.providers.medicare.transports.values import Card


class Aggregator(Calls):
    def __init__(self, settings: AggregatorSettings) -> None:
        super().__init__(settings.minor_id)
        self._settings = settings
        self._exchange = Exchange(settings.base_url, settings.connect_timeout, settings.read_timeout)

    def __repr__(self) -> str:
        return f"<Aggregator {self._settings.base_url}>"

    def _post(
        self, function: str, body: Mapping[str, Any], correlation_id: str, subject: Card | None, deadline: float
    ) -> Reply | NotSent | Unclear:
        headers = {
            "Content-Type": "application/json",
            self._settings.api_key_header: self._settings.api_key,
            self._settings.minor_id_header: self._settings.minor_id,
        }
        whole = {**body, "correlationId": correlation_id}
        return self._exchange.send("POST", function, headers, encoded(whole), deadline)
