"""A plugin for each broken provider, as its entry point names it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.conformance.broken import MISTAKES
from tp_gateway.contract import hookimpl


class Plugin:
    def __init__(self, provider: type[Any]) -> None:
        self._provider = provider

    @hookimpl
    def tp_gateway_providers(self) -> Iterator[type[Any]]:
        yield self._provider


def __getattr__(name: str) -> Plugin:
    if name not in MISTAKES:
        raise AttributeError(name)
    return Plugin(MISTAKES[name].provider)
