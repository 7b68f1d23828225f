"""What the commands share: how they are added, which ini counts, and how the gateway is opened for one of them."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import plaster

import tp_gateway
from tp_gateway import config, observability
from tp_gateway.errors import ConfigurationError
from tp_gateway.services import Gateway

Command = Callable[[argparse.Namespace], int]
"""Returns the exit code."""


class Add(Protocol):
    """Adds a command; its parser takes the arguments."""

    def __call__(self, name: str, function: Command, help: str) -> argparse.ArgumentParser: ...


def settings_of(given: argparse.Namespace) -> config.Settings:
    """Of the ini that was named, or found. ConfigurationError."""
    path = given.config or os.environ.get("TP_GATEWAY_CONFIG") or _default_ini()
    if not Path(path).is_file():
        raise ConfigurationError(f"there is no file {path}")
    try:
        ini = plaster.get_loader(path, protocols=["wsgi"]).get_wsgi_app_settings("main")
    except Exception as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from None
    try:
        return config.load(ini)
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}") from None


def _default_ini() -> str:
    return (
        "development.ini"
        if not Path("production.ini").exists() and Path("development.ini").exists()
        else "production.ini"
    )


@contextmanager
def opened(given: argparse.Namespace, log_level: str = "warning") -> Iterator[Gateway]:
    """The gateway of the ini, closed afterwards."""
    settings = settings_of(given)
    observability.configure_logging(log_level)
    gateway = tp_gateway.make_gateway(settings)
    try:
        yield gateway
    finally:
        gateway.close()


def days(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text[:6]) <= 3650 or len(text) > 4:
        raise argparse.ArgumentTypeError("a number of days from 1 to 3650")
    return int(text)


def first_line(error: Exception) -> str:
    return observability.scrub_text(str(getattr(error, "orig", None) or error).strip().split("\n")[0])
