"""A provider's settings, read by its own schema from its own section: never from the core's, nor from another's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tp_gateway import observability
from tp_gateway.contract import Manifest
from tp_gateway.errors import ConfigurationError, ValidationError
from tp_gateway.fields import validate
from tp_gateway.registry.exact import Nonsense, plain

Section = Callable[[str, Iterable[str]], dict[str, str]]
_OF_THE_CORE = frozenset(
    {"database", "jwt", "notifications", "rate_limits", "service", "smtp", "timing", "tp", "tp_gateway"}
)
"""Slugs whose section, or whose variables of the environment, would hold settings of the core."""


def variables(manifest: Manifest) -> list[str]:
    """Names of the environment's variables that the provider reads: `<SLUG>_<NAME>`."""
    return [f"{manifest.slug}_{child.name}".upper() for child in manifest.settings_schema.children]


def read(manifest: Manifest, section: Section) -> dict[str, Any]:
    """ConfigurationError names the setting that is wrong, and never shows its value."""
    if manifest.slug in _OF_THE_CORE or any(name.startswith("TP_GATEWAY_") for name in variables(manifest)):
        raise ConfigurationError(f"provider {manifest.slug}: with this slug it would read settings of the core")
    given = section(manifest.slug, [child.name for child in manifest.settings_schema.children])
    try:
        return validate(manifest.settings_schema, dict(given))
    except ValidationError as error:
        prefix = f"tp_gateway.{manifest.slug}"
        wrong = [f"{prefix}.{name}: {_without(given, str(messages))}" for name, messages in dict(error.fields).items()]
        raise ConfigurationError("; ".join(wrong)) from None
    except Exception as error:  # whose text could repeat a secret
        raise ConfigurationError(
            f"provider {manifest.slug}: its settings_schema fails: {observability.class_name(error)}"
        ) from error


def public(manifest: Manifest, settings: Mapping[str, Any]) -> dict[str, Any]:
    """What a frontend may know: settings whose node says `public=True` (a publishable key)."""
    shown = {}
    for node in manifest.settings_schema.children:
        if not getattr(node, "public", False) or node.name not in settings:
            continue
        if getattr(node, "secret", False):
            raise ConfigurationError(f"provider {manifest.slug}: {node.name} is both secret and public")
        try:
            shown[node.name] = plain(settings[node.name])
        except Nonsense as problem:
            raise ConfigurationError(f"provider {manifest.slug}: {node.name} is public and {problem}") from None
    return shown


def _without(given: Mapping[str, str], message: str) -> str:
    """colander's own validators repeat the value, and a mistyped secret is still a secret."""
    for value in sorted(given.values(), key=len, reverse=True):
        message = message.replace(value, observability.HIDDEN) if len(value) > 3 else message
    return message
