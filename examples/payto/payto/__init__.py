"""Registration of the PayTo provider (entry point `payto`). Nothing else happens on import."""

from collections.abc import Iterator

from payto.provider import PayToProvider
from tp_gateway.contract import hookimpl

__all__ = ["PayToProvider", "tp_gateway_providers"]


@hookimpl
def tp_gateway_providers() -> Iterator[type[PayToProvider]]:
    yield PayToProvider
