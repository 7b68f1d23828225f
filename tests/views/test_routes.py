"""Promises about every route at once, read from the registered views: what a new one forgets fails here."""

from types import SimpleNamespace
from typing import Any

import pytest
from pyramid.config import Configurator
from pyramid.security import NO_PERMISSION_REQUIRED

from tp_gateway.identity import PERMISSIONS
from tp_gateway.views.routes import ROUTES

OPEN = {"webhook", "healthz", "readyz", "metrics", "api_document", "api_page"}
"""The only routes without a token."""


@pytest.fixture(scope="module")
def config() -> Configurator:
    made = Configurator()
    made.registry.update(gateway=SimpleNamespace(registry=()), verifier=None, cors_origins=frozenset())
    made.include("tp_gateway.views")
    made.commit()
    return made


@pytest.fixture(scope="module")
def views(config: Configurator) -> list[Any]:
    found = [view["introspectable"] for view in config.introspector.get_category("views")]
    return [view for view in found if view["route_name"]]


def test_every_route_has_a_view_and_every_view_a_method(views: list[Any]) -> None:
    assert {view["route_name"] for view in views} == {name for name, _ in ROUTES}
    assert all(view["request_methods"] for view in views)


def test_every_view_names_a_permission_of_the_table(config: Configurator) -> None:
    named = {
        (permission["introspectable"]["value"], view["route_name"])
        for permission in config.introspector.get_category("permissions")
        for view in permission["related"]
        if view["route_name"]
    }
    assert {route for permission, route in named if permission == NO_PERMISSION_REQUIRED} == OPEN
    assert {permission for permission, route in named if route not in OPEN} == set(PERMISSIONS)
    assert {route for _, route in named} == {name for name, _ in ROUTES}


def test_every_view_that_takes_a_body_has_a_schema(views: list[Any]) -> None:
    without = {
        view["route_name"] for view in views if view["request_methods"] in ("POST", "PUT") and not view.get("schema")
    }
    assert without == {"webhook", "statements"}, "a signed event, and a bank's file, are no JSON"


def test_api_paths_end_in_a_slash_and_redirect_nowhere() -> None:
    assert all(pattern.endswith("/") for _, pattern in ROUTES if pattern.startswith("/api/") and "." not in pattern)
