"""`tp-gateway providers`: what is installed, enabled, able to work, and if not why."""

from __future__ import annotations

import argparse

import tp_gateway
from tp_gateway import observability
from tp_gateway.cli.commands import Add, settings_of
from tp_gateway.registry import ProviderFailed, installed, package

_CHECK_SECONDS = 10.0


def add(command: Add) -> None:
    command("providers", _providers, "list the installed plugins: enabled, able to work, and if not why")


def _providers(given: argparse.Namespace) -> int:
    """Exit code 1 when an enabled plugin is refused, or its provider cannot work: the service would not start, or
    start without it being of use."""
    settings = settings_of(given)
    observability.configure_logging("error")
    there = installed()
    for name in sorted(set(there) - set(settings.providers)):
        print(f"{name}: installed ({' and '.join(map(package, there[name]))}), not enabled")
    refused = dict[str, str]()
    registry = tp_gateway.make_registry(settings, refused=refused)
    for name, reason in refused.items():
        print(f"{name}: enabled, refused: {reason}")
    for name in sorted(registry.without_provider):
        print(f"{name}: enabled, brings no provider (a policy or a listener)")
    well = not refused
    for provider in registry:
        try:
            health = provider.check(_CHECK_SECONDS)
            ok, message = health.ok, _line(health.message)
        except ProviderFailed as failed:
            ok, message = False, _line(failed.why)
        well = well and ok
        state = "works" if ok else f"does not work: {message}"
        print(f"{provider.slug}: enabled, takes {provider.manifest.method} ({provider.manifest.display_name}), {state}")
    return 0 if well else 1


def _line(text: str) -> str:
    """What a provider says, without secrets, and as one line of a terminal."""
    said = observability.scrub_text(" ".join(text.split())[:300])
    return "".join(one if one.isprintable() else "?" for one in said)
