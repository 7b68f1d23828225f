"""The enabled plugins: found (`discovery`), checked and switched on (`loading`, `manifests`, `sections`), kept
(`registry`, `hooks`), and the guards around each call (`guarded` and its parts): a circuit breaker (`breaker`), lanes
with a deadline (`bulkhead`, `calls`, `threads`), what is taken (`exact`) and what can be believed (`plausible`)."""

from tp_gateway.registry.breaker import Breaker
from tp_gateway.registry.discovery import installed, package
from tp_gateway.registry.guarded import GuardedProvider
from tp_gateway.registry.hooks import Listener
from tp_gateway.registry.loading import load
from tp_gateway.registry.look_ups import ProviderFailed
from tp_gateway.registry.manifests import CORE_FIELDS
from tp_gateway.registry.registry import Registry, refusal

__all__ = [
    "CORE_FIELDS",
    "Breaker",
    "GuardedProvider",
    "Listener",
    "ProviderFailed",
    "Registry",
    "installed",
    "load",
    "package",
    "refusal",
]
