"""The doors to the network, and the embedded worker behind them: waitress for development and small clinics, gunicorn's
hooks for production (`config = python:tp_gateway.servers` in the ini). The worker's threads start here, after any fork.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
import time
from contextlib import suppress
from typing import Any

import gunicorn.glogging  # type: ignore[import-untyped]
import waitress.channel
import waitress.server
from gunicorn.workers.gthread import ThreadWorker  # type: ignore[import-untyped]

from tp_gateway import observability
from tp_gateway.config import Settings
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
    "cleanup_interval": "5",
    "connection_limit": "1000",
    "asyncore_use_poll": "true",  # select() can watch no more than 1024 connections
    "ident": "",
}
_SLOWEST_REQUEST = 15
"""Seconds in which a whole request must have arrived (with waitress), so that slow clients do not collect. A proxy in
front sends it in one go."""
_SLOWEST_HEAD = 10
"""The same for the head of a request with gunicorn, where a thread waits for it; and for each piece of the body."""


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
    chosen, sockets = {**defaults, **options}, dict[int, Any]()
    try:
        server = waitress.server.create_server(app, map=sockets, **chosen)
    except OSError as error:
        sys.exit(f"tp-gateway: cannot listen: {error.strerror} (choose another `listen` in the ini's [server:main])")
    listeners = [one for one in sockets.values() if isinstance(one, waitress.server.BaseWSGIServer)]
    finish = server.task_dispatcher.shutdown

    def drain() -> None:
        """No new connections; waitress itself gives requests five seconds to end, and a payment may take longer."""
        for listener in listeners:
            listener.socket.close()
        finish(timeout=STOP_SECONDS)

    server.task_dispatcher.shutdown = drain
    for listener in listeners:
        listener.channel_class = Channel
    _require_threads_for_reads(app.registry["settings"], int(chosen["threads"]))
    signal.signal(signal.SIGTERM, _interrupt)
    worker = start_worker(app)
    log.info("serving", listen=_addresses(server))
    try:
        server.run()
    finally:
        server.close()
        if worker is not None:
            worker.stop(STOP_SECONDS)


class Channel(waitress.channel.HTTPChannel):
    """waitress closes connections that are silent; this one also those that send a request too slowly. They cost no
    thread, but a connection each."""

    began = 0.0

    def received(self, data: bytes) -> Any:
        if self.request is None:
            self.began = time.monotonic()
        return super().received(data)

    def writable(self) -> Any:
        """Asked each time around the server's loop."""
        if self.request is not None and not self.requests and time.monotonic() - self.began > _SLOWEST_REQUEST:
            self.will_close = True
        return super().writable()


def _require_threads_for_reads(settings: Settings, threads: int) -> None:
    """A warning only: a load test may want every thread to pay."""
    at_a_provider = settings.provider_lanes + settings.provider_waiting
    if at_a_provider >= threads:
        log.warning("no_thread_left_for_reads", threads=threads, at_a_provider=at_a_provider)


def _interrupt(_number: int, _frame: Any) -> None:
    raise SystemExit(0)


def _addresses(server: Any) -> str:
    listening = getattr(server, "effective_listen", None) or [(server.effective_host, server.effective_port)]
    return " ".join(f"http://{host}:{port}" for host, port in listening)


# --- gunicorn: names that it knows are its settings -------------------------------------------------------------------


class ImpatientWorker(ThreadWorker):
    """gunicorn's worker with threads, where a client that sends the head of its request too slowly is cut off: it holds
    a thread."""

    def init_process(self) -> None:
        self._arriving: dict[Any, float] = {}
        super().init_process()

    def set_accept_enabled(self, enabled: bool) -> None:
        """Who connects to a worker that stops is refused, instead of waiting for nobody."""
        super().set_accept_enabled(enabled)
        if not enabled and not self.alive:
            for listener in self.sockets:
                listener.close()

    def handle(self, conn: Any) -> Any:
        self._arriving[conn] = time.monotonic()
        try:
            return super().handle(conn)
        finally:
            self._arriving.pop(conn, None)

    def handle_request(self, req: Any, conn: Any) -> Any:
        """The head has arrived."""
        self._arriving.pop(conn, None)
        conn.sock.settimeout(_SLOWEST_HEAD)
        return super().handle_request(req, conn)

    def murder_pending(self) -> None:
        """About once a second, by the thread that accepts."""
        super().murder_pending()
        late = time.monotonic() - _SLOWEST_HEAD
        for conn in [conn for conn, began in list(self._arriving.items()) if began < late]:
            log.info("slow_client_cut_off")
            with suppress(OSError):  # it went by itself
                conn.sock.shutdown(socket.SHUT_RDWR)


worker_class = ImpatientWorker
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
    _require_threads_for_reads(worker.wsgi.registry["settings"], worker.cfg.threads)
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
