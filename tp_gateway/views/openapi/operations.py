"""What Pyramid knows about every route and view of the application, as `Operation`s: nothing here is written twice."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pyramid.security import NO_PERMISSION_REQUIRED

from tp_gateway.errors import TITLES
from tp_gateway.identity import PERMISSIONS
from tp_gateway.views.answers.shape import Answer

_PART = re.compile(r"\{(\w+):(.*?)\}(?=[/-])")


@dataclass(frozen=True)
class Operation:
    """One method of one route. `options` are the view's own, as `view_config` has them."""

    route: str
    method: str
    pattern: str
    permission: str | None
    view: Any
    options: Mapping[str, Any]

    @cached_property
    def id(self) -> str:
        return f"{self.method.lower()}_{self.route}"

    @cached_property
    def path(self) -> str:
        return _PART.sub(r"{\1}", self.pattern)

    @cached_property
    def parts(self) -> dict[str, str]:
        """Name -> pattern, of what stands in the path."""
        return dict(_PART.findall(self.pattern))

    @property
    def roles(self) -> tuple[str, ...]:
        """Who may call; nothing where anybody may."""
        return PERMISSIONS[self.permission] if self.permission else ()

    @property
    def told(self) -> tuple[str, str]:
        """Summary and description: the first sentence of the view's docstring, and the rest."""
        summary, *rest = re.split(r"\.(?:\s+|$)", inspect.cleandoc(self.view.__doc__ or ""), maxsplit=1)
        return " ".join(summary.split()), "".join(rest).strip()

    @property
    def group(self) -> str:
        return str(self.view.__module__.rpartition(".")[2]).replace("_", " ")

    @property
    def about_group(self) -> str:
        return inspect.cleandoc(inspect.getmodule(self.view).__doc__ or "").split("\n\n")[0].replace("\n", " ")

    @property
    def answers(self) -> Mapping[int, Answer]:
        found: Mapping[int, Answer] = self.options["answers"]
        return found

    @cached_property
    def ids_needed(self) -> frozenset[str]:
        """The keys that a body must have, where they are all ids; otherwise nothing."""
        schema = self.options.get("schema")
        required = frozenset(node.name for node in schema().children if node.required) if schema else frozenset()
        return required if all(name.endswith("_id") for name in required) else frozenset()

    @cached_property
    def refusals(self) -> list[str]:
        """The codes it can refuse with, in the order of the table: those of its own, and those of what it uses."""
        has, found = self.options.get, {"internal_error", *(self.options.get("refusals") or ())}
        if not has("raw"):
            found |= {"card_data_not_accepted"}
        if self.permission:
            found |= {"not_authenticated", "token_invalid", "token_expired", "permission_denied"}
            found |= {"service_unavailable"}
        if self.parts:
            found |= {"not_found"}
        if has("schema"):
            found |= {"validation_error", "invalid_json", "payload_too_large", "unsupported_media_type"}
        if has("query"):
            found |= {"validation_error"}
        if has("idempotent"):
            found |= {"validation_error", "idempotency_in_progress", "idempotency_key_reuse"}
        if has("limited"):
            found |= {"rate_limited"}
        return [code for code in TITLES if code in found]


def operations(introspector: Any) -> Iterator[Operation]:
    """In the order of the routes; the methods of one in that of `_METHODS`."""
    routes = {entry["introspectable"]["name"]: entry["introspectable"] for entry in introspector.get_category("routes")}
    order = {name: number for number, name in enumerate(routes)}
    found = []
    for entry in introspector.get_category("views"):
        view = entry["introspectable"]
        if view["route_name"]:
            found += list(_of_view(view, entry["related"], routes[view["route_name"]]["pattern"]))
    yield from sorted(found, key=lambda one: (order[one.route], _METHODS.index(one.method)))


_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def _of_view(view: Any, related: Any, pattern: str) -> Iterator[Operation]:
    [permission] = [one["value"] for one in related if one.category_name == "permissions"]
    methods = view["request_methods"]
    for method in [methods] if isinstance(methods, str) else methods:
        yield Operation(
            view["route_name"],
            method,
            pattern,
            None if permission == NO_PERMISSION_REQUIRED else permission,
            view["callable"],
            view,
        )
