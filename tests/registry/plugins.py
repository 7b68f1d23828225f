"""Real distributions for the tests: a module and its `NAME-1.0.dist-info`, on `sys.path` as pip would put them."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from tp_gateway.contract import Environment
from tp_gateway.registry import Breaker, Registry, load

PROVIDER = """
import colander
from tp_gateway.contract import (
    Capabilities, ConfigurationError, Health, Manifest, Outcome, OutcomeState, Veto, fields, hookimpl
)

class Settings(fields.Schema):
    api_key = colander.SchemaNode(fields.Text(), secret=True, missing="")
    shown = colander.SchemaNode(fields.Text(), public=True, missing="pk_1")
    unsaid = colander.SchemaNode(fields.Text(), public=True, missing=colander.drop)
    plain = colander.SchemaNode(fields.Text(), missing="plain")

class Parameters(fields.Schema):
    pass

def manifest(**more):
    values = dict(
        slug="acme", method="acme_pay", display_name="Acme", currencies=frozenset({"AUD"}),
        capabilities=Capabilities(), settings_schema=Settings(), parameters_schema=Parameters(),
    )
    return Manifest(**{**values, **more})

class Acme:
    manifest = manifest()
    def __init__(self, settings):
        self.settings = settings
    @classmethod
    def build(cls, settings, environment):
        return cls(settings)
    def check(self, deadline):
        return Health(True, "fine")
    def execute(self, order, reference):
        return Outcome(OutcomeState.SUCCEEDED, "ref", order.amount, order.currency, evidence="ev")

@hookimpl
def tp_gateway_providers():
    yield Acme
"""
"""A plugin in which nothing is wrong. Tests append to it, and what comes later wins."""

Install = Callable[..., None]


def installer(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    monkeypatch.syspath_prepend(folder)

    def install(name: str, source: str, *, distribution: str = "", module: str = "", attribute: str = "") -> None:
        """`pip install` of a package with one plugin."""
        module = module or f"plugin_{name}"
        (folder / f"{module}.py").write_text(textwrap.dedent(source))
        info = folder / f"{(distribution or module).replace('-', '_')}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution or module}\nVersion: 1.0\n")
        value = f"{module}:{attribute}" if attribute else module
        (info / "entry_points.txt").write_text(f"[tp_gateway]\n{name} = {value}\n")
        monkeypatch.delitem(sys.modules, module, raising=False)

    return install


def registry(
    *enabled: str,
    settings: dict[str, dict[str, str]] | None = None,
    lanes: int = 2,
    require_no_transaction: Callable[[], None] = lambda: None,
    refused: dict[str, str] | None = None,
) -> Registry:
    def section(slug: str, names: Iterable[str]) -> dict[str, str]:
        return dict((settings or {}).get(slug, {}))

    return load(
        enabled,
        section,
        Environment("test", production=False),
        lanes=lanes,
        waiting=2,
        breaker=lambda: Breaker(3, 30),
        require_no_transaction=require_no_transaction,
        refused=refused,
    )
