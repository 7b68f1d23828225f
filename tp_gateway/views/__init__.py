"""HTTP and nothing else: a request becomes validated data, one service call, an answer. Views know no SQL and no
settings file."""

from __future__ import annotations

from pyramid.config import Configurator


def includeme(config: Configurator) -> None:
    """Needs `gateway`, `verifier`, `rate_limits`, `trusted_proxies`, `statement_bytes` and `cors_origins` in the
    registry."""
    config.include("tp_gateway.views.http")
    config.include("tp_gateway.views.errors")
    config.include("tp_gateway.views.security")
    config.include("tp_gateway.views.validation")
    config.include("tp_gateway.views.limiting")
    config.include("tp_gateway.views.idempotency")
    config.include("tp_gateway.views.responses")
    config.include("tp_gateway.views.routes")
    config.include("tp_gateway.views.openapi")
    config.scan("tp_gateway.views")
