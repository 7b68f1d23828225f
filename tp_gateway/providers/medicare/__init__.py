"""Medicare bulk bills and patient claims for psychologists, registered as a provider (entry point `medicare`). Nothing
else happens on import."""

from collections.abc import Iterator

from tp_gateway.contract import hookimpl
from tp_gateway.providers.medicare.provider import MedicareProvider

__all__ = ["MedicareProvider", "tp_gateway_providers"]


@hookimpl
def tp_gateway_providers() -> Iterator[type[MedicareProvider]]:
    yield MedicareProvider
