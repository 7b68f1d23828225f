"""Every refusal the gateway can give, by code. Nothing here knows HTTP: `views` maps a code to a status."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TITLES: Mapping[str, str] = {
    "validation_error": "Validation error",
    "invalid_json": "Invalid JSON",
    "payment_failed": "Payment processing failed",
    "invalid_signature": "Invalid signature",
    "card_data_not_accepted": "Card data is not accepted",
    "not_authenticated": "Authentication required",
    "token_invalid": "Invalid token",
    "token_expired": "Token expired",
    "card_declined": "Payment method declined",
    "permission_denied": "Permission denied",
    "not_found": "Not found",
    "method_not_allowed": "Method not allowed",
    "payment_in_progress": "Payment in progress",
    "already_paid": "Already paid",
    "not_payable": "Not payable",
    "idempotency_in_progress": "Request in progress",
    "refund_exceeds_balance": "Refund exceeds balance",
    "payment_mismatch": "Payment does not match",
    "payment_disputed": "Payment is disputed",
    "payload_too_large": "Request body too large",
    "unsupported_media_type": "Unsupported media type",
    "idempotency_key_reuse": "Idempotency key reused",
    "rate_limited": "Too many requests",
    "internal_error": "Internal error",
    "provider_error": "Payment provider error",
    "service_unavailable": "Service unavailable",
}

DEFAULT_DETAILS: Mapping[str, str] = {
    "card_declined": "Card was declined",
    "not_found": "No such object",
    "permission_denied": "Your role may not do this",
    "not_authenticated": "Send a valid access token: Authorization: Bearer <token>",
    "internal_error": "The request failed. Quote the X-Request-Id header when you report it",
    "provider_error": "The payment provider refused the request. No money was taken",
    "service_unavailable": "Nothing was started. Please try again in a moment",
    "card_data_not_accepted": "Never send card numbers or security codes; send the token that the card form returns",
}

VETOES = frozenset(
    {"validation_error", "payment_failed", "card_declined", "permission_denied", "not_found", "payment_in_progress"}
    | {"already_paid", "not_payable", "payment_disputed", "rate_limited", "provider_error", "service_unavailable"}
)
"""What a plugin may refuse with (`Veto.code`). Any other of its codes is told as `not_payable`."""

Details = str | Mapping[str, Any]


class GatewayError(Exception):
    """A refusal with a `code` of `TITLES`, and `details`: text, or field -> list of messages.

    `retry_after` is in seconds. `payment_id` names the payment that stands in the way, if the caller may see it.
    """

    def __init__(
        self,
        code: str,
        details: Details | None = None,
        *,
        retry_after: int | None = None,
        payment_id: int | None = None,
    ) -> None:
        super().__init__(code)
        self.code = code
        self.title = TITLES[code]
        self.details: Details = details if details is not None else DEFAULT_DETAILS.get(code, self.title)
        self.retry_after = retry_after
        self.payment_id = payment_id


class ValidationError(GatewayError):
    """Input that cannot be accepted: `details` is field -> list of messages."""

    def __init__(self, details: Mapping[str, Any]) -> None:
        super().__init__("validation_error", details)
        self.fields = details


class NotFound(GatewayError):
    """Absent, or not the caller's: the answer is the same, so that ids cannot be probed."""

    def __init__(self) -> None:
        super().__init__("not_found")


class ConfigurationError(Exception):
    """The service must not start like this. The message names the setting or the plugin, never a secret's value."""


class InvalidSignature(Exception):
    """A webhook that its provider did not sign, or signed too long ago."""
