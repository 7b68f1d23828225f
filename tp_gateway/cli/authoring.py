"""`tp-gateway new-provider`: for those who write providers."""

from __future__ import annotations

import argparse
from pathlib import Path

from tp_gateway.cli.commands import Add
from tp_gateway.scaffold import new_provider


def add(command: Add) -> None:
    new = command("new-provider", _new_provider, "write a provider's package that passes the conformance kit as it is")
    new.add_argument("name", help="lower-case letters, digits, underscores: the package, its slug and its method")
    new.add_argument(
        "--redirect", action="store_true", help="the customer pays on the service's page, and a webhook tells so"
    )
    new.add_argument("--into", type=Path, default=Path(), metavar="FOLDER", help="default: here")


def _new_provider(given: argparse.Namespace) -> int:
    for path in new_provider(given.name, given.into, redirect=given.redirect):
        print(path)
    folder = given.into / given.name
    print(f'\nIt passes as it is: cd {folder} && pip install -e ".[test]" && pytest')
    return 0
