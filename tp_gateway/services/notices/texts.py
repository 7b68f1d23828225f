"""Notices as SMS or WhatsApp messages, by whichever plugin can send them."""

from __future__ import annotations

import phonenumbers

from tp_gateway.contract import Channel, Event, TextMessage
from tp_gateway.registry import Registry
from tp_gateway.registry.hooks import SENDER_SECONDS
from tp_gateway.services.notices.reading import KINDS, Notices
from tp_gateway.services.notices.wording import Wording, values

_SHOWN = ("clinic", "amount", "date", "number")
_MOBILE = (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE)


class Texts:
    """One channel."""

    def __init__(self, channel: Channel, registry: Registry, notices: Notices, wording: Wording) -> None:
        self.name, self.longest = str(channel), SENDER_SECONDS
        self._channel, self._registry, self._notices, self._wording = channel, registry, notices, wording

    def wants(self, topic: str) -> bool:
        return topic in KINDS

    def tell(self, event: Event) -> str:
        notice = self._notices.read(event)
        if isinstance(notice, str):
            return notice
        if not getattr(notice.settings.notifications, f"{self._channel}_enabled"):
            return f"{self._channel} is switched off"
        number = mobile(notice.phone)
        if number is None:
            return "no mobile number"
        told = {name: str(value) for name, value in values(notice).items() if name in _SHOWN}
        message = TextMessage(
            id=event.id,
            channel=self._channel,
            kind=notice.kind,
            to=number,
            text=self._wording.short(notice),
            values=told | {"currency": notice.currency},
        )
        return "" if self._registry.send_text(message) else f"no plugin sends {self._channel}"


def mobile(text: str) -> str | None:
    """A mobile number in E.164, read as in Australia; None for anything else."""
    try:
        number = phonenumbers.parse(text, "AU")
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number) or phonenumbers.number_type(number) not in _MOBILE:
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
