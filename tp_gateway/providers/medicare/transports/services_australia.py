"""Medicare directly, by Services Australia's web services for digital health channels. Live use needs their Interface
Agreement and a Notice of Integration: hosts, audience and versions are told there, and are settings here.

The headers follow the public clients of these services; where the correlation id of a report stands is one source's
(docs.rebateright.com.au asks reports by the claim's id; a public client sends it in the header).
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from tp_gateway.providers.medicare.transports.calls import Calls, encoded
from tp_gateway.providers.medicare.transports.exchange import Exchange, Reply
from tp_gateway.providers.medicare.transports.proda import DeviceLogin, Token
from tp_gateway.providers.medicare.transports.results import NotSent, Refused, Unclear
from tp_gateway.providers.medicare.transports.settings import ServicesAustraliaSettings
from tp_gateway.providers.medicare.transports.values import Card


class ServicesAustralia(Calls):
    """`login` is also what activates the device and refreshes its key."""

    def __init__(self, settings: ServicesAustraliaSettings, now: Callable[[], float] = time.time) -> None:
        super().__init__(settings.minor_id)
        self._settings = settings
        self._exchange = Exchange(settings.base_url, settings.connect_timeout, settings.read_timeout)
        self.login = DeviceLogin(settings.proda, now)

    def __repr__(self) -> str:
        return f"<ServicesAustralia {self._settings.base_url}>"

    def _post(
        self, function: str, body: Mapping[str, Any], correlation_id: str, subject: Card | None, deadline: float
    ) -> Reply | NotSent | Unclear:
        """A token that is refused (401) is renewed once, and the call sent again: the correlation id is the same, so
        that it cannot take effect twice."""
        reply = self._attempt(function, body, correlation_id, subject, deadline)
        if not isinstance(reply, Reply) or reply.status != 401:
            return reply
        again = self._attempt(function, body, correlation_id, subject, deadline)
        # The first one was sent, so "not sent" is no longer true of the call.
        return Unclear("401, and not sent again", 401) if isinstance(again, NotSent) else again

    def _attempt(
        self, function: str, body: Mapping[str, Any], correlation_id: str, subject: Card | None, deadline: float
    ) -> Reply | NotSent | Unclear:
        token = self.login.token(deadline)
        if not isinstance(token, Token):
            # Nothing but a question for a token has gone out, whatever became of that.
            return NotSent(_no_token(token))
        headers = self._headers(token, correlation_id, subject)
        reply = self._exchange.send("POST", self._settings.prefix + function, headers, encoded(body), deadline)
        if isinstance(reply, Reply) and reply.status == 401:
            self.login.forget(token)
        return reply

    def _headers(self, token: Token, correlation_id: str, subject: Card | None) -> dict[str, str]:
        given, prefix = self._settings, self._settings.header_prefix
        return {
            "Content-Type": "application/json",
            "Authorization": f"Bearer {token.value}",
            given.api_key_header: given.api_key,
            f"{prefix}auditIdType": given.location_type,
            f"{prefix}auditId": given.minor_id,
            f"{prefix}subjectIdType": "Medicare Card" if subject else "N/A",
            f"{prefix}subjectId": subject.number if subject else "N/A",
            f"{prefix}productId": given.proda.product_id,
            f"{prefix}messageId": f"urn:uuid:{uuid.uuid4()}",
            f"{prefix}correlationId": correlation_id,
        }


def _no_token(found: Refused | NotSent | Unclear) -> str:
    return f"PRODA: {' '.join(found.codes) if isinstance(found, Refused) else found.why}"
