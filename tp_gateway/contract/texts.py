"""Short texts to patients: what a plugin that can send SMS or WhatsApp messages is asked to send."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from tp_gateway.contract.nothing import nothing


class Channel(StrEnum):
    """How a text travels."""

    SMS = "sms"
    """To any mobile phone."""
    WHATSAPP = "whatsapp"
    """By the WhatsApp Business Platform, which takes approved templates only."""


@dataclass(frozen=True, slots=True)
class TextMessage:
    """`id` is stable over repeats: hand it to your service as its idempotency key. `channel` is how it is to go. `to`
    is a mobile number in E.164 (`+61491570156`). `kind` is `receipt`, `refund` or `reminder`. `values` are the words in
    `text` by name (clinic, amount, currency, date, number), for services that send approved templates, as WhatsApp's
    do."""

    id: str
    channel: Channel
    kind: str
    to: str = field(repr=False)
    text: str = field(repr=False)
    values: Mapping[str, str] = field(default_factory=nothing, repr=False)
