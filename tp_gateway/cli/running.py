"""Migrations, the worker, the comparison with the providers, the version."""

from __future__ import annotations

import argparse
import signal
from datetime import timedelta
from importlib import metadata

import tp_gateway
from tp_gateway import observability, schema
from tp_gateway.cli.commands import Add, days, first_line, opened, settings_of
from tp_gateway.errors import ConfigurationError
from tp_gateway.registry import ProviderFailed
from tp_gateway.worker import Worker

_STOP_SECONDS = 25


def add(command: Add) -> None:
    command("migrate", _migrate, "bring the database's schema up to this version")
    command("worker", _worker, "run the background work until SIGTERM (with tp_gateway.worker = separate)")
    sweep = command("reverse-sweep", _reverse_sweep, "compare with what the providers have, as after a restored backup")
    sweep.add_argument("--days", type=days, default=30, help="how far back (default 30)")
    command("version", _version, "show the version")


def _migrate(given: argparse.Namespace) -> int:
    settings = settings_of(given)
    try:
        schema.upgrade(settings.database_url)
    except ConfigurationError:
        raise
    except Exception as error:
        raise ConfigurationError(f"the database was not migrated: {first_line(error)}") from None
    print("The database's schema is up to date.")
    return 0


def _worker(given: argparse.Namespace) -> int:
    settings = settings_of(given)
    observability.configure_logging(settings.log_level)
    worker = Worker(tp_gateway.make_gateway(settings))
    # Waited for, not handled: a handler that sets an Event can meet the main thread inside the Event's own lock, and
    # then waits for ever.
    told_to_stop = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, told_to_stop)
    worker.start()
    signal.sigwait(told_to_stop)
    worker.stop(_STOP_SECONDS)
    return 0


def _reverse_sweep(given: argparse.Namespace) -> int:
    with opened(given, settings_of(given).log_level) as gateway:
        try:
            found = gateway.reverse_sweep.run(since=gateway.clock() - timedelta(days=given.days))
        except ProviderFailed as error:
            raise ConfigurationError(f"reverse-sweep: the provider did not answer ({error})") from None
    print(f"{found} differences were found and worked on.")
    return 0


def _version(_given: argparse.Namespace) -> int:
    print(metadata.version("tp-gateway"))
    return 0
