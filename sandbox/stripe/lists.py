"""Lists: filters, the `created` range and cursors (docs.stripe.com/api/pagination). Newest first."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from sandbox.stripe.books import Object
from sandbox.stripe.errors import Invalid, Missing
from sandbox.stripe.world import World

_BOUNDS: dict[str, Callable[[int, int], bool]] = {
    "gt": int.__gt__,
    "gte": int.__ge__,
    "lt": int.__lt__,
    "lte": int.__le__,
}


def page(world: World, kind: str, params: dict[str, Any], url: str, wanted: Callable[[Object], bool]) -> Object:
    """One page of the objects of a kind that are wanted."""
    limit = params["limit"] if params.get("limit") not in (None, "") else 10
    if not 1 <= limit <= 100:
        raise Invalid("Invalid limit: must be between 1 and 100", code="parameter_invalid_integer", param="limit")
    created = params.get("created")
    fits = (
        thing
        for thing in _walk(world, kind, params, getattr(wanted, "given", {}))
        if not thing.get("deleted") and _in_range(thing["created"], created) and wanted(thing)
    )
    data = list(islice(fits, limit + 1))
    more, data = len(data) > limit, data[:limit]
    if params.get("ending_before"):  # those were walked oldest first
        data.reverse()
    return {"object": "list", "data": data, "has_more": more, "url": url}


def _walk(world: World, kind: str, params: dict[str, Any], given: dict[str, Any]) -> Iterator[Object]:
    """What may be on the page, from the cursor on: newest first, or oldest first when going back."""
    start, end = params.get("starting_after"), params.get("ending_before")
    if start and end:
        raise Invalid(
            "You may only specify one of these parameters: starting_after, ending_before.", param="starting_after"
        )
    shelf, catalogue = world.books.all(kind), world.books.catalogue(kind)
    oldest, newest = _bounds(params.get("created"))
    values = {name: value if isinstance(value, list) else [value] for name, value in given.items()}
    places = catalogue.among(values, oldest, newest)
    cursor = start or end
    if cursor and cursor not in shelf:
        raise Missing("object", cursor, "starting_after" if start else "ending_before")
    if start:
        places = places[: bisect_left(places, catalogue.places[start])]
    if end:
        places = places[bisect_right(places, catalogue.places[end]) :]
    ids = (catalogue.ids[place] for place in (places if end else reversed(places)))
    return (shelf.peek(key) for key in ids if key in shelf)


def _bounds(created: Any) -> tuple[int | None, int | None]:
    """The oldest and the newest second that can be meant."""
    if created in (None, ""):
        return None, None
    if isinstance(created, int):
        return created, created
    oldest = [created[name] for name in ("gt", "gte") if name in created]
    newest = [created[name] for name in ("lt", "lte") if name in created]
    return max(oldest, default=None), min(newest, default=None)


def _in_range(moment: int, bounds: Any) -> bool:
    if bounds in (None, ""):
        return True
    if isinstance(bounds, int):
        return moment == bounds
    return all(_BOUNDS[name](moment, bound) for name, bound in bounds.items())


class Where:
    """Wanted are the objects that agree with all that is given: a field, and its value or a list of possible ones;
    and whose moments (`ranges`: a field, and its bounds as for `created`) fit."""

    def __init__(self, given: dict[str, Any], ranges: dict[str, Any] | None = None) -> None:
        self.given, self.ranges = given, ranges or {}

    def __call__(self, thing: Object) -> bool:
        return all(
            thing.get(name) in value if isinstance(value, list) else thing.get(name) == value
            for name, value in self.given.items()
        ) and all(_in_range(thing[name], bounds) for name, bounds in self.ranges.items())


def where(params: dict[str, Any], *names: str, ranges: tuple[str, ...] = ()) -> Where:
    """By those of these parameters that were given."""
    return Where(
        {name: params[name] for name in names if params.get(name) is not None},
        {name: params[name] for name in ranges if params.get(name) is not None},
    )
