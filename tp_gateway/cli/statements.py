"""`tp-gateway statements`: imports bank statements from files, and lists what was imported."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable
from pathlib import Path

from tp_gateway.cli.commands import Add, opened
from tp_gateway.cli.progress import Progress
from tp_gateway.contract import MalformedStatement
from tp_gateway.errors import ConfigurationError, GatewayError, ValidationError
from tp_gateway.models.states import LineState
from tp_gateway.services import Gateway
from tp_gateway.services.statements.facts import StatementFacts

ACTOR = "cli"
_SHOWN = 50


def add(command: Add) -> None:
    parser = command("statements", _statements, "import bank statements, or list what was imported")
    parser.add_argument("what", choices=("import", "list"))
    parser.add_argument("files", nargs="*", metavar="FILE", help="of the bank, as they were downloaded")
    parser.add_argument("--provider", help="which one reads them, where several do")


def _statements(given: argparse.Namespace) -> int:
    """Exit code 1 when a file was refused."""
    with opened(given) as gateway:
        return run(gateway, given)


def run(gateway: Gateway, given: argparse.Namespace) -> int:
    """Returns the exit code. ConfigurationError for files that do not go with what was asked for."""
    if (given.what == "import") != bool(given.files):
        raise ConfigurationError("statements: name the FILEs to import, or list without any")
    if given.what == "list":
        return list_statements(gateway)
    return import_files(gateway, given.files, given.provider)


def import_files(gateway: Gateway, files: Iterable[str], provider: str | None) -> int:
    """One after the other; exit code 1 when one of them was refused, which the others do not suffer from."""
    code = 0
    for path in files:
        progress = Progress(Path(path).name, sys.stderr)
        try:
            with Path(path).open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                found = gateway.statements.importing.run(file, path, ACTOR, provider, progress, size)
        except OSError as error:
            code = progress.refuse(f"{path}: {error.strerror}")
        except MalformedStatement as error:
            code = progress.refuse(f"{path}:{error.line}: {error.problem}")
        except ValidationError as error:
            code = progress.refuse(f"{path}: {error.title}: {error.fields}")
        except GatewayError as error:
            code = progress.refuse(f"{path}: {error.title}. Import the file again, and the rest comes in")
        else:
            progress.end()
            print(_line(found))
    return code


def list_statements(gateway: Gateway) -> int:
    """The newest imports."""
    for found in gateway.statements.reading.statements(_SHOWN):
        print(f"{found.id}  {found.imported_at:%Y-%m-%d %H:%M} UTC  {found.imported_by}  {_line(found)}")
    return 0


def _line(found: StatementFacts) -> str:
    became = ", ".join(f"{found.counts.get(state, 0)} {state}" for state in LineState if found.counts.get(state))
    duplicate = f", {found.lines - found.added} duplicate" if found.state == "imported" else f" ({found.state})"
    return f"{found.name}: {found.format}, {found.lines} lines: {found.added} new{duplicate}" + (
        f"; {became}" if became else ""
    )
