"""Holds a request's parameters to Stripe's own list (params.json) and gives them their types. It judges no state.

params.json: for each operation its required names and a tree of kinds: "string", "string:22" (longest), "integer",
"boolean", "number", "any", ["enum", …], ["list", kind], ["or", kind, …], {"name": kind} or {"*": kind}; an object's
required names are under "!".
guess: the codes parameter_invalid_object and parameter_invalid_string_too_long, and most sentences.
"""

import json
import re
from functools import cache
from importlib.resources import files
from typing import Any

from sandbox.stripe.errors import Invalid
from sandbox.stripe.messages import API_VERSION, ENDIVE

_UNSET = ["enum", ""]  # a value that may be unset by an empty string
_WHOLE = re.compile(r"-?\d+")


@cache
def operations() -> dict[str, Any]:
    return json.loads(files("sandbox.stripe").joinpath("params.json").read_text())


def validated(operation: str, given: dict[str, Any], version: str = API_VERSION) -> dict[str, Any]:
    """The parameters with their types, or Stripe's 400; they have their present names whatever the caller's version."""
    rule = operations()[operation]
    if "allowed_payment_method_types" in rule["params"]:
        given = _renamed(given, version)
    for name in rule["required"]:
        if name not in given:
            raise Invalid(f"Missing required param: {name}.", code="parameter_missing", param=name)
    return _object(rule["params"], given, "")


def _renamed(given: dict[str, Any], version: str) -> dict[str, Any]:
    """docs.stripe.com/changelog: the endive version took `payment_method_types` away, with an error code of its own."""
    old, new = "payment_method_types", "allowed_payment_method_types"
    if version >= ENDIVE and old in given:
        raise Invalid(
            f"The `{old}` parameter is no longer supported. Use `{new}` instead.",
            code=f"{old}_no_longer_supported",
            param=old,
        )
    if version >= ENDIVE:
        return given
    if new in given:
        raise Invalid(f"Received unknown parameter: {new}", code="parameter_unknown", param=new)
    return {(new if name == old else name): value for name, value in given.items()}


def _object(kinds: dict[str, Any], given: dict[str, Any], prefix: str) -> dict[str, Any]:
    for name in kinds.get("!", ()):
        if name not in given:
            where = f"{prefix}[{name}]"
            raise Invalid(f"Missing required param: {where}.", code="parameter_missing", param=where)
    out = {}
    for name, value in given.items():
        where = f"{prefix}[{name}]" if prefix else name
        kind = kinds.get("*") if name == "!" else kinds.get(name) or kinds.get("*")
        if kind is None:
            # docs.stripe.com/error-codes#parameter-unknown
            raise Invalid(f"Received unknown parameter: {where}", code="parameter_unknown", param=where)
        out[name] = _typed(kind, value, where)
    return out


def _typed(kind: Any, value: Any, where: str) -> Any:
    if value == "":
        return _emptied(kind, where)
    if isinstance(kind, dict):
        if not isinstance(value, dict):
            raise Invalid(f"Invalid object: {where}", code="parameter_invalid_object", param=where)
        return _object(kind, value, where)
    if isinstance(kind, list):
        return _composed(kind, value, where)
    if kind == "any":
        return value
    if not isinstance(value, str):
        raise Invalid(f"Invalid {kind.split(':')[0]}: {where}", param=where)
    return _plain(kind, value, where)


def _emptied(kind: Any, where: str) -> str:
    """An empty string is Stripe's way to unset a value, where that can be done; docs.stripe.com/error-codes."""
    free_text = kind == "any" or (isinstance(kind, str) and kind.startswith("string"))
    if free_text or (isinstance(kind, list) and (_UNSET in kind or (kind[0] == "enum" and "" in kind))):
        return ""
    raise Invalid(
        f"You passed an empty string for '{where}'. We assume empty values are an attempt to unset a parameter; "
        f"however '{where}' cannot be unset. You should remove '{where}' from your request or supply a "
        "non-empty value.",
        code="parameter_invalid_empty",
        param=where,
    )


def _composed(kind: list[Any], value: Any, where: str) -> Any:
    if kind[0] == "enum":
        if value not in kind[1:]:
            raise Invalid(f"Invalid {where}: must be one of {', '.join(filter(None, kind[1:]))}", param=where)
        return value
    if kind[0] == "list":
        if not isinstance(value, list):
            raise Invalid(f"Invalid array: {where}", param=where)
        return [_typed(kind[1], item, f"{where}[{index}]") for index, item in enumerate(value)]
    trouble = None
    for one in kind[1:]:
        if one == _UNSET:
            continue
        try:
            return _typed(one, value, where)
        except Invalid as error:
            trouble = error
    raise trouble or Invalid(f"Invalid value: {where}", param=where)


def _plain(kind: str, value: str, where: str) -> Any:
    if kind == "integer":
        if not _WHOLE.fullmatch(value):
            raise Invalid(f"Invalid integer: {value}", code="parameter_invalid_integer", param=where)
        return int(value)
    if kind == "boolean":
        if value not in ("true", "false"):
            raise Invalid(f"Invalid boolean: {value}", param=where)
        return value == "true"
    if kind == "number":
        return value
    longest = int(kind.partition(":")[2] or 5000)
    if len(value) > longest:
        raise Invalid(
            f"Invalid string: {value[:20]}...; must be at most {longest} characters",
            code="parameter_invalid_string_too_long",
            param=where,
        )
    return value
