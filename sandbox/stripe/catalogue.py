"""Finds objects without looking at all of them: by creation, and by the fields that lists are filtered by."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from typing import Any

INDEXED: dict[str, tuple[str, ...]] = {
    "balance_transaction": ("source",),
    "charge": ("customer", "payment_intent"),
    "customer": ("email",),
    "dispute": ("charge", "payment_intent"),
    "event": ("type",),
    "payment_intent": ("customer",),
    "payment_method": ("customer",),
    "payout": ("status",),
    "refund": ("charge", "payment_intent"),
    "setup_attempt": ("setup_intent",),
    "setup_intent": ("customer", "payment_method"),
    "webhook_endpoint": (),
}


class Catalogue:
    """Of one kind. A place is a running number: an object that came later has a higher one."""

    def __init__(self, kind: str) -> None:
        self.fields = INDEXED[kind]
        self.ids: list[str] = []
        self.places: dict[str, int] = {}
        self.created: list[int] = []
        self._index: dict[tuple[str, Any], dict[int, None]] = {}

    def note(self, key: str, before: dict[str, Any] | None, after: dict[str, Any] | None) -> None:
        """An object was made, changed, or (`after` is None) taken away."""
        place = self.places.get(key)
        if place is None:
            if after is None:
                return
            place = self.places[key] = len(self.ids)
            self.ids.append(key)
            # What was deleted tells its time no more; it is only here when the books are read anew.
            self.created.append(after.get("created", self.created[-1] if self.created else 0))
        for field in self.fields:
            old, new = (before or {}).get(field), (after or {}).get(field)
            if old != new:
                if old is not None:
                    self._index[field, old].pop(place, None)
                if new is not None:
                    self._index.setdefault((field, new), {})[place] = None

    def among(self, given: dict[str, Sequence[Any]], oldest: int | None, newest: int | None) -> Sequence[int]:
        """Places, ascending, that can agree with the fields (each any of some values) and were created in these
        bounds. What is found is a superset: a field that is not indexed narrows nothing."""
        low = 0 if oldest is None else bisect_left(self.created, oldest)
        high = len(self.ids) if newest is None else bisect_right(self.created, newest)
        found: Sequence[int] = range(low, high)
        for field, values in given.items():
            if field not in self.fields:
                continue
            places = self._of(field, values)
            if len(places) < len(found):
                found = sorted(place for place in places if low <= place < high)
        return found

    def since(self, place: int) -> list[str]:
        """The ids of what has come since there were so many."""
        return self.ids[place:]

    def _of(self, field: str, values: Iterable[Any]) -> list[int]:
        return [place for value in values for place in self._index.get((field, value), ())]
