"""Lists: filters, the `created` range and cursors (docs.stripe.com/api/pagination). Newest first."""

from collections.abc import Callable, Iterable
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
    everything = world.books.all(kind)
    created = params.get("created")
    fits = (
        thing
        for thing in _after(everything, params)
        if not thing.get("deleted") and _in_range(thing, created) and wanted(thing)
    )
    data = list(islice(fits, limit + 1))
    more, data = len(data) > limit, data[:limit]
    if params.get("ending_before"):  # those were walked oldest first
        data.reverse()
    return {"object": "list", "data": data, "has_more": more, "url": url}


def _after(everything: dict[str, Object], params: dict[str, Any]) -> Iterable[Object]:
    start, end = params.get("starting_after"), params.get("ending_before")
    if start and end:
        raise Invalid(
            "You may only specify one of these parameters: starting_after, ending_before.", param="starting_after"
        )
    cursor = start or end
    things: Iterable[Object] = everything.values() if end else reversed(everything.values())
    if not cursor:
        return things
    if cursor not in everything:
        raise Missing("object", cursor, "starting_after" if start else "ending_before")
    walk = iter(things)
    for thing in walk:
        if thing["id"] == cursor:
            break
    return walk


def _in_range(thing: Object, created: Any) -> bool:
    if created in (None, ""):
        return True
    if isinstance(created, int):
        return thing["created"] == created
    return all(_BOUNDS[name](thing["created"], bound) for name, bound in created.items())


def where(params: dict[str, Any], *names: str) -> Callable[[Object], bool]:
    """Wanted are the objects that agree with those of these parameters that were given."""
    given = {name: params[name] for name in names if params.get(name) is not None}
    return lambda thing: all(thing.get(name) == value for name, value in given.items())
