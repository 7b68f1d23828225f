"""Under which name a provider is installed: the gateway loads plugins by their entry points, and by nothing else."""

from __future__ import annotations

import re
from typing import Any

import pluggy

from tp_gateway.contract import PROJECT, hooks
from tp_gateway.registry import installed


def plugin_of(provider: type[Any]) -> str:
    """The installed plugin that yields this very class; "" if none does. Only plugins of the same top-level package as
    the provider are loaded to see."""
    for name, points in sorted(installed().items()):
        for point in points:
            if _package(point.value) == _package(provider.__module__) and provider in _yielded(point.load()):
                return name
    return ""


def _package(dotted: str) -> str:
    return re.split("[.:]", dotted, maxsplit=1)[0]


def _yielded(plugin: Any) -> list[Any]:
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(hooks)
    manager.register(plugin)
    return [one for group in manager.hook.tp_gateway_providers() for one in group or ()]
