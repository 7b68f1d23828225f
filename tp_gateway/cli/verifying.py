"""`tp-gateway verify`: holds the whole store against its ledger, and says what does not follow."""

from __future__ import annotations

import argparse
from collections.abc import Collection

from sqlalchemy.exc import SQLAlchemyError

import tp_gateway
from tp_gateway.cli.commands import Add, first_line, settings_of
from tp_gateway.database import Database
from tp_gateway.errors import ConfigurationError
from tp_gateway.services.verification import Result, all_checks, verify

_FIRST = 20


def add(command: Add) -> None:
    parser = command("verify", _verify, "prove that the whole store adds up, or say where it does not")
    parser.add_argument(
        "--limit",
        type=_limit,
        default=_FIRST,
        metavar="N",
        help=f"contradictions told for each check (default {_FIRST})",
    )
    parser.add_argument("--list", action="store_true", help="say what is checked, and check nothing")


def _verify(given: argparse.Namespace) -> int:
    """Exit code 1 for a contradiction. Opened without the checks of a start: what they refuse is to be found here."""
    settings = settings_of(given)
    sole_payers = tp_gateway.make_registry(settings).sole_payers
    if given.list:
        return list_checks(sole_payers)
    opened = Database(settings.database_url, busy_seconds=settings.database_busy_seconds)
    try:
        return run(opened, sole_payers, given.limit)
    except SQLAlchemyError as error:  # a table that is gone, say
        raise ConfigurationError(f"the store cannot be read as it should be: {first_line(error)}") from None
    finally:
        opened.dispose()


def list_checks(sole_payers: Collection[str]) -> int:
    for check in all_checks(sole_payers):
        print(f"{check.name}: {check.promise}")
    return 0


def run(database: Database, sole_payers: Collection[str], limit: int) -> int:
    """Exit code 1 when there is a contradiction. A line for each check as it is done, then the contradictions."""
    results = []
    width = max(len(check.name) for check in all_checks(sole_payers))
    print(f"{'check':<{width}}  {'rows':>13}  {'seconds':>7}  contradictions")
    for one in verify(database, sole_payers, limit):
        results.append(one)
        line = f"{one.check.name:<{width}}  {one.rows:>13,}  {one.seconds:>7.1f}  {one.contradictions or '-'}"
        print(line, flush=True)
    wrong = [one for one in results if one.contradictions]
    for one in wrong:
        _tell(one)
    count, seconds = sum(one.contradictions for one in wrong), sum(one.seconds for one in results)
    print(f"\n{count:,} contradictions in {len(results)} checks, {seconds:.1f} seconds.")
    return 1 if wrong else 0


def _tell(one: Result) -> None:
    print(f"\n{one.check.name}: {one.check.promise}")
    for text in one.first:
        print(f"  {text}")
    if one.contradictions > len(one.first):
        print(f"  and {one.contradictions - len(one.first):,} more")


def _limit(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text[:6]) <= 100_000 or len(text) > 6:
        raise argparse.ArgumentTypeError("a number from 1 to 100000")
    return int(text)
