"""Events: a snapshot of the object for each change, and one delivery for each endpoint that wants it.

docs.stripe.com/api/events. It writes to the books only; sending is the business of deliveries.py.
"""

from typing import TYPE_CHECKING, Any

from sandbox.stripe.books import Object
from sandbox.stripe.shapes import blank, copied, letters

if TYPE_CHECKING:
    from sandbox.stripe.world import World


def emit(world: "World", kind: str, thing: Object, previous: dict[str, Any] | None = None) -> None:
    endpoints = [endpoint for endpoint in world.books.all("webhook_endpoint").values() if _wants(endpoint, kind)]
    data = {"object": copied(thing)} | ({"previous_attributes": previous} if previous else {})
    event = blank(
        "event",
        world.clock.seconds(),
        api_version=world.account_version,
        type=kind,
        data=data,
        pending_webhooks=len(endpoints),
        request=dict(world.cause),
    )
    world.books.add(event)
    _forget_old(world)
    for endpoint in endpoints:
        add_delivery(world, event, endpoint["id"])


def _forget_old(world: "World") -> None:
    """Stripe keeps events for 30 days (docs.stripe.com/api/events); here as many as the settings say."""
    kept = world.settings["events_kept"]
    for kind in ("event", "_delivery") if kept else ():
        shelf = world.books.all(kind)
        while len(shelf) > kept:
            world.books.remove(kind, next(iter(shelf)))


def add_delivery(world: "World", event: Object, endpoint_id: str) -> str:
    key = f"dlv_{letters(20)}"
    world.books.put(
        "_delivery",
        key,
        {
            "id": key,
            "event": event["id"],
            "type": event["type"],
            "endpoint": endpoint_id,
            "state": "pending",
            "attempts": [],
            "due": world.clock.now(),
        },
    )
    world.outbox.append((key, event["type"]))
    return key


def _wants(endpoint: Object, kind: str) -> bool:
    return endpoint["status"] == "enabled" and ("*" in endpoint["enabled_events"] or kind in endpoint["enabled_events"])
