"""What was rendered, to whom, by whom and when: put together from the request, the appointment and the settings. The
same for bulk bills and patient claims; kept (encrypted) with each, so that later ones can be counted against it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from tp_gateway.contract import Earlier, Service, Veto, money
from tp_gateway.providers.medicare.dates import local_day
from tp_gateway.providers.medicare.identifiers import MedicareCard
from tp_gateway.providers.medicare.items import Catalogue, CountsAs
from tp_gateway.providers.medicare.items import Service as ServiceKind
from tp_gateway.providers.medicare.limits import Session

NOT_RENDERED = ("cancelled", "no_show")


@dataclass(frozen=True, slots=True, repr=False)
class Rendered:
    """`subject` is card number and reference number. `day` is the clinic's, `starts_at` UTC; `minutes` is 0 where only
    the day is known. `items` are (number, charge in cents). `referral` tells one referral from another, "" without."""

    subject: str
    day: date
    starts_at: datetime
    minutes: int
    items: tuple[tuple[str, int], ...]
    provider_number: str
    referral: str

    def plain(self) -> dict[str, Any]:
        moments = {"day": self.day.isoformat(), "starts_at": self.starts_at.isoformat()}
        return asdict(self) | moments | {"items": [list(item) for item in self.items]}

    @classmethod
    def read(cls, kept: Mapping[str, Any]) -> Rendered:
        day, starts_at = date.fromisoformat(kept["day"]), datetime.fromisoformat(kept["starts_at"])
        items = tuple((str(number), int(charge)) for number, charge in kept["items"])
        return cls(**{**kept, "day": day, "starts_at": starts_at, "items": items})

    def sessions(self, catalogue: Catalogue) -> list[Session]:
        """One for each item that counts against a yearly number."""
        found = (catalogue.item_on(number, self.day) for number, _ in self.items)
        return [
            Session(self.starts_at, self.minutes, item.counts_as, item.service is ServiceKind.FAMILY_CARER)
            for item in found
            if item is not None and item.counts_as is not CountsAs.NONE
        ]

    def is_same_service(self, other: Rendered) -> bool:
        """What Medicare takes for the same: an item of the same person on the same day."""
        mine, theirs = {number for number, _ in self.items}, {number for number, _ in other.items}
        return (self.subject, self.day) == (other.subject, other.day) and bool(mine & theirs)


def rendered(
    asked: Mapping[str, Any],
    amount: int,
    currency: str,
    service: Service | None,
    numbers: Mapping[tuple[int, str], str],
    zone: ZoneInfo,
) -> Rendered | Veto:
    """`asked` is what `ServiceFields.typed` gave, `amount` what is charged, in cents. A Veto names what is missing or
    does not fit together."""
    if service is not None and service.status in NOT_RENDERED:
        return Veto("not_payable", "Medicare pays only for a session that took place")
    on = local_day(service.starts_at, zone) if service else None
    day: date | None = asked["service_date"] or on
    if day is None:
        return Veto("validation_error", "Required: no appointment says when it was", "service_date")
    if on is not None and day != on:
        return Veto("validation_error", f"The appointment was on {on.isoformat()}", "service_date")
    items = _items(asked, amount, currency)
    if items is None:
        text = money.to_decimal_text(amount, currency)
        return Veto("validation_error", f"The charges must add up to {text}", "items")
    who = (service.practitioner or 0) if service else 0
    number = asked["provider_number"] or numbers.get((who, asked["location"] or "")) or numbers.get((who, ""))
    theirs = {one for (practitioner, _), one in numbers.items() if practitioner == who}
    if theirs and number not in theirs:
        return Veto("validation_error", "The settings have another one for this practitioner", "provider_number")
    if number is None:
        text = "Required: the settings have none for this practitioner and location"
        return Veto("validation_error", text, "provider_number")
    card = MedicareCard(asked["patient"]["medicare_number"], asked["patient"]["irn"])
    return Rendered(
        subject=card.number + card.reference,
        day=day,
        starts_at=service.starts_at if service else datetime.combine(day, time.min, zone).astimezone(UTC),
        minutes=service.minutes if service else 0,
        items=items,
        provider_number=str(number),
        referral=_referral(asked["referral"]),
    )


def of_earlier(earlier: Iterable[Earlier]) -> list[Rendered]:
    """What is counted of a patient's other claims, newest first: those that stand."""
    return [Rendered.read(one.state["rendered"]) for one in earlier if one.counts and "rendered" in one.state]


def _items(asked: Mapping[str, Any], amount: int, currency: str) -> tuple[tuple[str, int], ...] | None:
    """None where the charges are not the amount."""
    if asked["items"] is None:
        return ((asked["item"], amount),)
    try:
        items = tuple((one["item"], money.to_minor_units(one["charge"], currency)) for one in asked["items"])
    except ValueError:
        return None
    return items if sum(charge for _, charge in items) == amount else None


def _referral(asked: Mapping[str, Any]) -> str:
    if asked["provider_number"] is None:
        return ""
    return f"{asked['provider_number']} {asked['issued_on'].isoformat()}"
