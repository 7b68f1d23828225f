"""For the operator's machines: is it alive, can it work, how is it doing. `/metrics` stays inside the network."""

from __future__ import annotations

import os
from typing import Any

import prometheus_client
from prometheus_client import multiprocess
from pyramid.response import Response
from pyramid.security import NO_PERMISSION_REQUIRED
from pyramid.view import view_config

from tp_gateway import observability
from tp_gateway.views.answers import machines as answers

log = observability.logger(__name__)


@view_config(
    route_name="healthz", request_method="GET", permission=NO_PERMISSION_REQUIRED, answers={200: answers.ALIVE}
)
def alive(_request: Any) -> dict[str, str]:
    """Is the process alive."""
    return {"status": "ok"}


@view_config(
    route_name="readyz",
    request_method="GET",
    permission=NO_PERMISSION_REQUIRED,
    answers={200: answers.READY, 503: answers.READY},
)
def ready(request: Any) -> dict[str, Any]:
    """Can it work.

    503 while the database does not answer. What exactly is wrong is in the log, because anyone may ask here.
    """
    found = request.gateway.ready()
    if any(state != "ok" for state in found.values()):
        log.warning("not_ready", components=found)
    components = {name: state if state == "ok" else "unavailable" for name, state in found.items()}
    ok = components.get("database") == "ok"
    request.response.status_code = 200 if ok else 503
    return {"status": "ok" if ok else "unavailable", "components": components}


@view_config(
    route_name="metrics", request_method="GET", permission=NO_PERMISSION_REQUIRED, answers={200: answers.METRICS}
)
def metrics(_request: Any) -> Response:
    """Figures for Prometheus.

    Of this process; of all processes where PROMETHEUS_MULTIPROC_DIR is set.
    """
    registry = prometheus_client.REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = prometheus_client.CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)
    response = Response(prometheus_client.generate_latest(registry))
    response.headers["Content-Type"] = prometheus_client.CONTENT_TYPE_LATEST
    return response
