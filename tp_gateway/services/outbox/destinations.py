"""Who hears of facts. Each destination has its own progress: one that is slow or away keeps the news from nobody
else."""

from __future__ import annotations

from typing import Protocol

from tp_gateway.contract import Event
from tp_gateway.registry import Listener
from tp_gateway.registry.hooks import LISTENER_SECONDS


class NotTold(Exception):
    """To be told again later. The text says what went wrong, without anything about a person: it is kept and
    logged."""


class Destination(Protocol):
    """`name` is what its progress is kept under. `longest` is how many seconds telling one fact can take."""

    @property
    def name(self) -> str: ...

    @property
    def longest(self) -> float: ...

    def wants(self, topic: str) -> bool: ...

    def tell(self, event: Event) -> str:
        """ "" once it was told; otherwise why it never will be. Whatever is raised: again later."""
        ...


class PluginListener:
    """A plugin's `tp_gateway_after_commit`."""

    longest = LISTENER_SECONDS

    def __init__(self, listener: Listener) -> None:
        self.name, self._listener = f"plugin:{listener.plugin}", listener

    def wants(self, topic: str) -> bool:
        return True

    def tell(self, event: Event) -> str:
        self._listener.hear(event)
        return ""
