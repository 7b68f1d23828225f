"""Registration of the Stripe provider (entry point `stripe`). Nothing else happens on import."""

from collections.abc import Iterator

from tp_gateway.contract import hookimpl
from tp_gateway.providers.stripe.provider import StripeProvider

__all__ = ["StripeProvider", "tp_gateway_providers"]


@hookimpl
def tp_gateway_providers() -> Iterator[type[StripeProvider]]:
    yield StripeProvider
