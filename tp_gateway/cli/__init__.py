"""`tp-gateway`: what an operator does by hand. A problem is one line on standard error and exit code 1.

Each module here is a command or some that belong together: its `add` says which there are and what they take.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from tp_gateway.cli import (
    analytics,
    authoring,
    importing,
    journal,
    keys,
    outbox,
    providers,
    running,
    statements,
    verifying,
)
from tp_gateway.cli.commands import Command
from tp_gateway.errors import ConfigurationError, GatewayError

PARTS = (running, keys, providers, authoring, outbox, importing, statements, verifying, analytics, journal)
"""In the order in which `tp-gateway --help` shows them."""


def main(arguments: Sequence[str] | None = None) -> int:
    given = make_parser().parse_args(arguments)
    command: Command = given.command
    try:
        return command(given)
    except (ConfigurationError, GatewayError) as error:
        print(f"tp-gateway: {_text(error)}", file=sys.stderr)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()
    return 1


def _text(error: Exception) -> str:
    return f"{error.title}: {error.details}" if isinstance(error, GatewayError) else str(error)


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tp-gateway", description="Operate a TP Gateway.")
    parser.add_argument(
        "-c", "--config", metavar="INI", help="default: TP_GATEWAY_CONFIG, else production.ini, else development.ini"
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def command(name: str, function: Command, help: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=help, description=help)
        sub.set_defaults(command=function)
        return sub

    for part in PARTS:
        part.add(command)
    return parser
