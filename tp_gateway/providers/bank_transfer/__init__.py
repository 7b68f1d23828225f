"""Registration of the bank transfer provider (entry point `bank_transfer`). Nothing else happens on import."""

from collections.abc import Iterator

from tp_gateway.contract import hookimpl
from tp_gateway.providers.bank_transfer.provider import BankTransferProvider

__all__ = ["BankTransferProvider", "tp_gateway_providers"]


@hookimpl
def tp_gateway_providers() -> Iterator[type[BankTransferProvider]]:
    yield BankTransferProvider
