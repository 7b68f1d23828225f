"""The enabled providers: loading (`plugins`), the guards around each call (`guarded`, `guarded_claims`): the circuit
breaker (`breaker`), the bulkhead (`bulkhead`), what can be believed (`plausible`)."""

from tp_gateway.registry.breaker import Breaker
from tp_gateway.registry.guarded import GuardedProvider, ProviderFailed
from tp_gateway.registry.plugins import CORE_FIELDS, Registry, installed, load, refusal

__all__ = ["CORE_FIELDS", "Breaker", "GuardedProvider", "ProviderFailed", "Registry", "installed", "load", "refusal"]
