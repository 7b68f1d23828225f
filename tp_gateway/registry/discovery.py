"""The installed plugins, from the entry points of the installed packages. Nothing is imported to find them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import metadata
from typing import Any

from tp_gateway.contract import PROJECT
from tp_gateway.errors import ConfigurationError


def installed() -> dict[str, list[metadata.EntryPoint]]:
    """Every installed plugin by name, enabled or not; where two packages bring one of the same name, both."""
    found: dict[str, list[metadata.EntryPoint]] = {}
    try:
        points = metadata.entry_points(group=PROJECT)
    except Exception as error:
        raise ConfigurationError(
            f"the entry points of {_unreadable()} cannot be read: {type(error).__name__}"
        ) from error
    for point in points:
        same = found.setdefault(point.name, [])
        if all(one.value != point.value for one in same):
            same.append(point)
    return found


def find(name: str, there: Mapping[str, Sequence[metadata.EntryPoint]]) -> metadata.EntryPoint:
    """ConfigurationError unless exactly one package of `there`, which is `installed()`, brings that plugin."""
    points = there.get(name, [])
    if not points:
        raise ConfigurationError(
            f"tp_gateway.providers: no installed plugin is named {name} (installed: {', '.join(sorted(there))})"
        )
    if len(points) > 1:
        raise ConfigurationError(
            f"two installed packages bring a plugin named {name}: {' and '.join(map(package, points))}"
        )
    return points[0]


def package(point: metadata.EntryPoint) -> str:
    """`acme-pay 1.0`, as pip calls it."""
    distribution: Any = getattr(point, "dist", None)
    told = distribution.metadata if distribution is not None else {}
    return f"{told.get('Name') or 'an unnamed package'} {told.get('Version') or ''}".strip()


def _unreadable() -> str:
    """The first package whose entry points cannot be read, by where it lies."""
    for distribution in metadata.distributions():
        try:
            list(distribution.entry_points)
        except Exception:
            return str(getattr(distribution, "_path", "an installed package"))
    return "the installed packages"
