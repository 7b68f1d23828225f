"""Small rules that several resources share: metadata, plain fields, client secrets. Nothing about one kind only."""

from typing import Any

from sandbox.stripe.books import Object
from sandbox.stripe.errors import Invalid
from sandbox.stripe.world import World

Params = dict[str, Any]


def merged_metadata(old: Params, given: Any) -> Params:
    """docs.stripe.com/api/metadata: keys are merged, an empty value removes one, an empty whole removes all."""
    if given == "":
        return {}
    merged = {**old, **(given or {})}
    if len(merged) > 50:
        raise Invalid("Metadata can have up to 50 keys.", param="metadata")
    for key, value in merged.items():
        if len(key) > 40 or len(value) > 500:
            raise Invalid("Metadata keys can have up to 40 characters and values up to 500.", param="metadata")
    return {key: value for key, value in merged.items() if value != ""}


def fields(thing: Object, params: Params, *names: str) -> Params:
    """What these plain parameters make of the object; an empty string unsets one."""
    facts: Params = {name: (None if params[name] == "" else params[name]) for name in names if name in params}
    if "metadata" in params:
        facts["metadata"] = merged_metadata(thing.get("metadata") or {}, params["metadata"])
    return facts


def billing_details(old: Params, given: Params | None) -> Params:
    given = given or {}
    address = {**old["address"], **(given.get("address") or {})}
    merged = {**old, **given, "address": address}
    return {key: (None if value == "" else value) for key, value in merged.items()}


def check_client_secret(thing: Object, params: Params, required: bool) -> None:
    """docs.stripe.com/api/payment_intents/retrieve: a browser must show the secret. guess: the sentence."""
    given = params.get("client_secret")
    if given is None and required:
        raise Invalid("Missing required param: client_secret.", code="parameter_missing", param="client_secret")
    if given is not None and given != thing["client_secret"]:
        raise Invalid(
            "The client_secret provided does not match any associated "
            f"{thing['object'].replace('_', ' ')} on this account.",
            param="client_secret",
        )


def customer_of(world: World, params: Params) -> str | None:
    """The customer named, who must exist."""
    if not params.get("customer"):
        return None
    return world.find("customer", params["customer"], "customer")["id"]
