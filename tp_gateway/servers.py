"""The doors to the network, and the embedded worker behind them: waitress for development and small clinics, gunicorn's
hooks for production (`config = python:tp_gateway.servers` in the ini). The worker's threads start here, after any fork.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from functools import partial
from typing import Any

import gunicorn.glogging  # type: ignore[import-untyped]
import waitress.server

from tp_gateway import observability
from tp_gateway.worker import Worker

log = observability.logger(__name__)

STOP_SECONDS = 25
"""How long a stop waits for what is in progress; a payment request is over within 20 seconds."""
_WAITRESS = {
    "listen": "127.0.0.1:6543",
    "threads": "16",
    "max_request_header_size": str(16 * 1024),
    "max_request_body_size": str(8 * 1024 * 1024),
    "channel_timeout": "30",
    "cleanup_interval": "10",
    "ident": "",
}


def start_worker(app: Any) -> Worker | None:
    """The application's worker, unless `tp_gateway.worker = separate`: then `tp-gateway worker` is its own process."""
    settings, gateway = app.registry["settings"], app.registry["gateway"]
    if settings.worker != "embedded":
        return None
    worker = Worker(gateway)
    worker.start()
    return worker


def serve_with_waitress(app: Any, global_conf: dict[str, str] | None = None, **options: str) -> None:
    """Paste's server runner (`use = egg:tp-gateway#waitress`). Options of the ini are waitress's own."""
    defaults = dict(_WAITRESS)
    if options.keys() & {"host", "port", "unix_socket", "listen"}:
        del defaults["listen"]
    try:
        server = waitress.server.create_server(app, **{**defaults, **options})
    except OSError as error:
        sys.exit(f"tp-gateway: cannot listen: {error.strerror} (choose another `listen` in the ini's [server:main])")
    # waitress itself gives requests five seconds to end, and a payment may take longer.
    server.task_dispatcher.shutdown = partial(server.task_dispatcher.shutdown, timeout=STOP_SECONDS)
    signal.signal(signal.SIGTERM, _interrupt)
    worker = start_worker(app)
    log.info("serving", listen=_addresses(server))
    try:
        server.run()
    finally:
        server.close()
        if worker is not None:
            worker.stop(STOP_SECONDS)


def _interrupt(_number: int, _frame: Any) -> None:
    raise SystemExit(0)


def _addresses(server: Any) -> str:
    listening = getattr(server, "effective_listen", None) or [(server.effective_host, server.effective_port)]
    return " ".join(f"http://{host}:{port}" for host, port in listening)


# --- gunicorn: names that it knows are its settings -------------------------------------------------------------------

worker_class = "gthread"
preload_app = True  # the workers share what the parent has loaded
threads = 32
graceful_timeout = STOP_SECONDS
timeout = 60
keepalive = 30
limit_request_line = 4094
limit_request_field_size = 8190
forwarder_headers = ""  # nobody in front may set our paths
control_socket_disable = True


class logger_class(gunicorn.glogging.Logger):
    """gunicorn's own messages go where all the others go, as JSON."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True


def when_ready(_server: Any) -> None:
    """What is loaded by now is never collected: a collection would touch, and so copy, the pages that workers share."""
    gc.collect()
    gc.freeze()


def post_worker_init(worker: Any) -> None:
    """In the process that serves: threads do not survive a fork, so they start after it."""
    worker.tp_gateway_worker = start_worker(worker.wsgi)


def worker_exit(_server: Any, worker: Any) -> None:
    """When the last request was answered."""
    embedded = getattr(worker, "tp_gateway_worker", None)
    if embedded is not None:
        embedded.stop(STOP_SECONDS)


def child_exit(_server: Any, worker: Any) -> None:
    """Forget a dead process's gauges, where metrics are gathered from many processes."""
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        from prometheus_client import multiprocess

        multiprocess.mark_process_dead(worker.pid)
