"""The WSGI application that the harness loads: production's server settings, its own secrets from the environment."""

from __future__ import annotations

import os
from typing import Any

from tp_gateway import main


def settings() -> dict[str, str]:
    """An ini section. What differs from production.ini: a test key, the harness's stand-in for the card network, limits
    that a load test may pass, and no line in the log for each request (the peers write none either)."""
    return {
        "tp_gateway.mode": "development",
        "tp_gateway.environment": "benchmark",
        "tp_gateway.encryption_keys": "YmVuY2htYXJrLWJlbmNobWFyay1iZW5jaG1hcmstMTI=",
        "tp_gateway.jwt.key": os.environ["JWT_SECRET"],
        "tp_gateway.jwt.role_claim": "role",
        "tp_gateway.service.key": "benchmark-service-benchmark-service-benchmark",
        "tp_gateway.providers": "stripe",
        "tp_gateway.stripe.publishable_key": "pk_test_benchmark",
        "tp_gateway.database_pool": "8",
        "tp_gateway.provider_lanes": os.environ["THREADS"],
        "tp_gateway.rate_limits.payments": "1000000/minute",
        "tp_gateway.rate_limits.declines": "1000000/minute",
        "tp_gateway.log_level": os.environ.get("LOG_LEVEL", "warning"),
    }


def __getattr__(name: str) -> Any:
    """`application` is made when a server asks for it, not when `settings` is imported."""
    if name == "application":
        return main({}, **settings())
    raise AttributeError(name)
