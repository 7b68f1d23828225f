"""What providers tell us by themselves. Their signature is the only thing that counts: a token is not looked at."""

from __future__ import annotations

from typing import Any

from pyramid.security import NO_PERMISSION_REQUIRED
from pyramid.view import view_config

from tp_gateway.views.answers import machines as answers
from tp_gateway.views.body import WEBHOOK_LIMIT, read_body


@view_config(
    route_name="webhook",
    request_method="POST",
    permission=NO_PERMISSION_REQUIRED,
    raw=True,
    capability="webhooks",
    answers={200: answers.RECEIVED},
    refusals=("invalid_signature", "payload_too_large", "invalid_json", "service_unavailable"),
)
def receive(request: Any) -> dict[str, bool]:
    """Take a message of a provider. Its signature decides; a token is not looked at."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    request.gateway.inbox.receive(request.matchdict["provider"], read_body(request, WEBHOOK_LIMIT), headers)
    return {"received": True}
