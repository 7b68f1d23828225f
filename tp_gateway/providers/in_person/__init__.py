"""Registration of the provider for money taken at the desk (entry point `in_person`)."""

from collections.abc import Iterator

from tp_gateway.contract import hookimpl
from tp_gateway.providers.in_person.provider import InPersonProvider

__all__ = ["InPersonProvider", "tp_gateway_providers"]


@hookimpl
def tp_gateway_providers() -> Iterator[type[InPersonProvider]]:
    yield InPersonProvider
