"""What a call to Stripe can come to when it does not succeed. Its text never holds a body, a secret or card data."""

from __future__ import annotations

from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    NOT_SENT = "not sent"
    """No connection came about, so no byte of the request left."""
    REFUSED = "refused"
    """Stripe itself answered with a well-formed error, 4xx."""
    UNCLEAR = "unclear"
    """Anything else once bytes may have left: silence, a reset, 5xx, an answer that makes no sense."""


class Failure(Exception):
    """`message` is Stripe's own sentence, kept only to tell apart what Stripe gives no code; never shown."""

    def __init__(
        self,
        kind: Kind,
        why: str = "",
        *,
        status: int | None = None,
        error: dict[str, Any] | None = None,
    ) -> None:
        error = error or {}
        self.kind = kind
        self.status = status
        self.type = _word(error, "type")
        self.code = _word(error, "code")
        self.decline_code = _word(error, "decline_code")
        self.param = _word(error, "param")
        self.message = error["message"] if isinstance(error.get("message"), str) else ""
        self.payment_intent: Any = error.get("payment_intent")
        self.setup_intent: Any = error.get("setup_intent")
        super().__init__(" ".join(word for word in (kind, str(status or ""), self.code or self.type, why) if word))


def unclear(why: str, status: int | None = None) -> Failure:
    return Failure(Kind.UNCLEAR, why, status=status)


def _word(error: dict[str, Any], key: str) -> str:
    """A code of Stripe's, bounded, because it ends up in our store and logs."""
    value = error.get(key)
    return value[:64] if isinstance(value, str) and value.isascii() and value.isprintable() else ""
