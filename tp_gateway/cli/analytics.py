"""`tp-gateway analytics`: counts the roll-ups of analytics anew, or holds them against a full count."""

from __future__ import annotations

import argparse

from tp_gateway.cli.commands import Add, opened
from tp_gateway.services import Gateway

_SHOWN = 20


def add(command: Add) -> None:
    parser = command("analytics", _analytics, "count the sums of analytics anew, or check them")
    parser.add_argument("what", choices=("rebuild",), help="count everything anew; nobody waits for it")
    parser.add_argument("--check", action="store_true", help="change nothing: compare with a full count")


def _analytics(given: argparse.Namespace) -> int:
    with opened(given) as gateway:
        return run(gateway, given)


def run(gateway: Gateway, given: argparse.Namespace) -> int:
    """Exit code 1 when a sum is wrong."""
    if not given.check:
        print(f"{gateway.rollups.rebuild():,} sums were counted.")
        return 0
    wrong = gateway.rollups.differences()
    if wrong is None:
        print("The sums are not counted yet, or by another calendar; until then every answer counts by itself.")
        return 0
    for (span, start, measure, key), kept, should in wrong[:_SHOWN]:
        print(f"{span} {start}: {measure}{f' {key}' if key else ''} is {kept}, and should be {should}")
    print(f"{len(wrong):,} sums are wrong.")
    return 1 if wrong else 0
