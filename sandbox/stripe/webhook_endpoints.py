"""Webhook endpoints and the list of events (docs.stripe.com/api/webhook_endpoints, docs.stripe.com/api/events)."""

from fnmatch import fnmatchcase
from typing import Any

from sandbox.stripe.api_call import Call
from sandbox.stripe.books import Object
from sandbox.stripe.common import fields, merged_metadata
from sandbox.stripe.errors import Invalid
from sandbox.stripe.lists import Where, page
from sandbox.stripe.shapes import blank, letters
from sandbox.stripe.world import World


def add(world: World, url: str, secrets: list[str], **facts: Any) -> Object:
    made = blank("webhook_endpoint", world.clock.seconds(), url=url, metadata={})
    made.update(facts)
    world.books.add(made)
    world.note("_secret", made["id"], secrets=secrets)
    return made


def _check(params: dict[str, Any]) -> None:
    if "url" in params and not str(params["url"]).startswith(("http://", "https://")):
        raise Invalid(
            "Invalid URL: An explicit scheme (such as https) must be provided.", code="url_invalid", param="url"
        )
    if "enabled_events" in params and not params["enabled_events"]:
        raise Invalid("Invalid array: enabled_events", param="enabled_events")


def create(call: Call) -> Object:
    params = call.params
    _check(params)
    secret = f"whsec_{letters(32)}"
    made = add(
        call.world,
        params["url"],
        [secret],
        enabled_events=params["enabled_events"],
        description=params.get("description") or None,
        api_version=params.get("api_version") or None,
        metadata=merged_metadata({}, params.get("metadata")),
    )
    return {**made, "secret": secret}  # docs.stripe.com/api/webhook_endpoints/object: shown at creation only


def retrieve(call: Call) -> Object:
    return call.world.find("webhook_endpoint", call.ids[0])


def update(call: Call) -> Object:
    endpoint = call.world.find("webhook_endpoint", call.ids[0])
    _check(call.params)
    facts = fields(endpoint, call.params, "url", "description", "enabled_events")
    if "disabled" in call.params:
        facts["status"] = "disabled" if call.params["disabled"] else "enabled"
    return call.world.change(endpoint, **facts)


def delete(call: Call) -> Object:
    endpoint = call.world.find("webhook_endpoint", call.ids[0])
    call.world.books.remove("webhook_endpoint", endpoint["id"])
    return {"id": endpoint["id"], "object": "webhook_endpoint", "deleted": True}


def every(call: Call) -> Object:
    return page(call.world, "webhook_endpoint", call.params, "/v1/webhook_endpoints", lambda _: True)


def event(call: Call) -> Object:
    return call.world.find("event", call.ids[0])


def events(call: Call) -> Object:
    """docs.stripe.com/api/events/list: `type` may hold an asterisk; `types` up to twenty names."""
    params = call.params
    if params.get("type") and params.get("types"):
        raise Invalid("You may only specify one of these parameters: type, types.", param="type")
    names = [params["type"]] if params.get("type") else params.get("types") or ["*"]
    if len(names) > 20:
        raise Invalid("You may specify up to 20 types.", param="types")
    delivered = params.get("delivery_success")

    class Wanted(Where):
        def __call__(self, thing: Object) -> bool:
            fits = any(fnmatchcase(thing["type"], name) for name in names)
            return fits and (delivered is None or delivered == (thing["pending_webhooks"] == 0))

    plain = not any("*" in name for name in names)
    return page(call.world, "event", params, "/v1/events", Wanted({"type": names} if plain else {}))
