"""The item catalogue: what an MBS item is, and its schedule fee on a day. Everything in it is data with a source; a fee
that nobody has seen is absent, and such an item cannot be lodged until an operator gives a file with the fee.

Items and their rules: servicesaustralia.gov.au, MBS billing rules for mental health services, and telehealth billing
codes for MBS items. Fees change each 1 July, so the shipped ones end on 30 June.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path

from tp_gateway.contract import ConfigurationError


class Kind(StrEnum):
    """As whom a psychologist is registered with Medicare."""

    CLINICAL = "clinical_psychologist"
    REGISTERED = "registered_psychologist"


class Service(StrEnum):
    INDIVIDUAL = "individual"
    GROUP = "group"
    FAMILY_CARER = "family_carer"
    """With a family member or carer, the patient absent."""
    CHRONIC_CONDITION = "chronic_condition"
    """Under a chronic condition management plan, not under Better Access."""


class Setting(StrEnum):
    ROOMS = "rooms"
    ELSEWHERE = "elsewhere"
    """In person, outside consulting rooms."""
    VIDEO = "video"
    PHONE = "phone"


class CountsAs(StrEnum):
    """Against which of the yearly numbers of Better Access a service counts."""

    INDIVIDUAL = "individual"
    GROUP = "group"
    NONE = "none"


class Certainty(StrEnum):
    PUBLISHED = "published"
    """Seen for this very item."""
    INFERRED = "inferred"
    """Concluded from an item of the same service and length."""


@dataclass(frozen=True, slots=True)
class Fee:
    """A schedule fee in cents, from `start` to `end`, both included; `end` None: until further notice."""

    cents: int
    start: date
    end: date | None
    certainty: Certainty
    source: str

    def holds_on(self, day: date) -> bool:
        return self.start <= day and (self.end is None or day <= self.end)


@dataclass(frozen=True, slots=True)
class Item:
    """An MBS item from `start` to `end`, both included; None: not known, so open. A session of `minutes_at_least` and
    of less than `minutes_under` minutes (None: however long) can be billed with it, by psychologists of `kinds`, in
    any of `settings`. `certainty` is about all this; each fee has its own."""

    number: str
    group: str
    description: str
    kinds: frozenset[Kind]
    service: Service
    settings: frozenset[Setting]
    minutes_at_least: int
    minutes_under: int | None
    counts_as: CountsAs
    start: date | None
    end: date | None
    certainty: Certainty
    source: str
    fees: tuple[Fee, ...] = ()

    def holds_on(self, day: date) -> bool:
        return (self.start is None or self.start <= day) and (self.end is None or day <= self.end)

    def lasts(self, minutes: int) -> bool:
        """Whether a session of that many whole minutes has this item's length."""
        return self.minutes_at_least <= minutes and (self.minutes_under is None or minutes < self.minutes_under)


class Catalogue:
    """Items by number and day. The same number may stand several times, for different times."""

    def __init__(self, items: Iterable[Item]) -> None:
        """ConfigurationError where two entries of one item, or two fees of one item, hold on the same day."""
        self._items: dict[str, list[Item]] = {}
        for item in items:
            _refuse_overlap(f"Item {item.number} is", self._items.setdefault(item.number, []), item)
            self._items[item.number].append(item)
            for position, fee in enumerate(item.fees):
                _refuse_overlap(f"Item {item.number}: a fee is", item.fees[:position], fee)

    @classmethod
    def load(cls, path: Path | None = None) -> Catalogue:
        """The shipped catalogue, or an operator's file of the same form, which replaces it. ConfigurationError names
        the file and each place in it that is wrong."""
        from tp_gateway.providers.medicare.items_file import read_items

        items = read_items(path)
        try:
            return cls(items)
        except ConfigurationError as error:
            raise ConfigurationError(f"{path or 'The shipped catalogue'}: {error}") from None

    def __iter__(self) -> Iterator[Item]:
        return (item for entries in self._items.values() for item in entries)

    def item_on(self, number: str, day: date) -> Item | None:
        """The item as it was on the day of the service; None if there was no such item."""
        return next((item for item in self._items.get(number, ()) if item.holds_on(day)), None)

    def fee_on(self, number: str, day: date) -> Fee | None:
        """Its fee on the day of the service; None if it is not known, and then the service cannot be lodged."""
        item = self.item_on(number, day)
        return None if item is None else next((fee for fee in item.fees if fee.holds_on(day)), None)

    def suggest(
        self, kind: Kind, setting: Setting, minutes: int, day: date, service: Service = Service.INDIVIDUAL
    ) -> Item | None:
        """The item for a session; the longest that the session fills, where several are open-ended (groups)."""
        fitting = [
            item
            for entries in self._items.values()
            for item in entries
            if item.service is service and kind in item.kinds and setting in item.settings
            if item.holds_on(day) and item.lasts(minutes)
        ]
        return max(fitting, key=lambda item: item.minutes_at_least, default=None)


def _refuse_overlap(what: str, others: Iterable[Item | Fee], new: Item | Fee) -> None:
    for other in others:
        if (other.start or date.min) <= (new.end or date.max) and (new.start or date.min) <= (other.end or date.max):
            raise ConfigurationError(f"{what} given twice for the same time")
