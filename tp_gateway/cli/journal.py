"""`tp-gateway export-journal`: what moved in a period, as a file that the accounting software imports."""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import tp_gateway
from tp_gateway import money
from tp_gateway.cli.commands import Add, settings_of
from tp_gateway.database import Database
from tp_gateway.errors import ConfigurationError
from tp_gateway.services.accounting import SOFTWARE, WRITERS, Chart, Journal, make_chart, read_period
from tp_gateway.services.practice_settings import clinic_zone


def add(command: Add) -> None:
    parser = command("export-journal", _export_journal, "write what moved in a period for Xero or MYOB to import")
    parser.add_argument(
        "--from", dest="first", type=_day, required=True, metavar="DATE", help="the first day, YYYY-MM-DD"
    )
    parser.add_argument("--to", dest="last", type=_day, required=True, metavar="DATE", help="the last day, included")
    parser.add_argument("--format", choices=SOFTWARE, help="default: tp_gateway.accounting.software")
    parser.add_argument("--currency", metavar="CODE", help="default: tp_gateway.currency")
    parser.add_argument("file", metavar="FILE", help="to be made; where one is not enough, also FILE-2 and so on")


def _export_journal(given: argparse.Namespace) -> int:
    settings = settings_of(given)
    ours, software = settings.accounting, given.format or settings.accounting.software
    own = (ours.accounts, ours.income_tax_code, ours.other_tax_code) if software == ours.software else ((), None, None)
    chart = make_chart(software, *own)
    opened = tp_gateway.make_database(settings)
    try:
        zone = clinic_zone(opened, settings.time_zone)
        return run(opened, zone, chart, given.currency or settings.currency, given)
    finally:
        opened.dispose()


def run(database: Database, time_zone: ZoneInfo, chart: Chart, currency: str, given: argparse.Namespace) -> int:
    """ConfigurationError for a period or a currency that there is not, and for a file that is there already."""
    if given.last < given.first:
        raise ConfigurationError("export-journal: --to is before --from")
    if not money.is_currency(currency):
        raise ConfigurationError(f"export-journal: {currency} is not an ISO 4217 code")
    period = read_period(database, time_zone, given.first, given.last, currency)
    for other, count in sorted(period.left_out.items()):
        print(f"Not in the file: {count} entries in {other} (--currency {other})")
    if not period.journals:
        print("Nothing moved in those days; no file was made.")
        return 0
    contents = WRITERS[chart.software](period.journals, chart, currency)
    path = Path(given.file)
    paths = [path if not number else path.with_stem(f"{path.stem}-{number + 1}") for number in range(len(contents))]
    _write(paths, contents)
    lines = sum(len(one.lines) for one in period.journals)
    print(f"{', '.join(map(str, paths))}: {len(period.journals)} journals, {lines} lines, for {chart.software}")
    for account, amount in sorted(_moved(period.journals).items()):
        told = money.to_decimal_text(amount, currency)
        print(f"  {chart.code(account):<10} {account:<24} {told:>16} {currency}  {chart.tax(account)}")
    return 0


def _moved(journals: Sequence[Journal]) -> dict[str, int]:
    """Account -> debits less credits."""
    sums: defaultdict[str, int] = defaultdict(int)
    for journal in journals:
        for line in journal.lines:
            sums[line.account] += line.amount
    return sums


def _write(paths: Sequence[Path], contents: Sequence[str]) -> None:
    """All of them, or none: what is imported twice is booked twice."""
    there = [str(path) for path in paths if path.exists()]
    if there:
        raise ConfigurationError(f"export-journal: {', '.join(there)} is there already")
    made = []
    try:
        for path, content in zip(paths, contents, strict=True):
            with path.open("x", encoding="utf-8", newline="") as file:
                made.append(path)
                file.write(content)
    except OSError as error:
        for path in made:
            path.unlink(missing_ok=True)
        raise ConfigurationError(f"export-journal: {error.filename}: {error.strerror}") from None


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError("a day as YYYY-MM-DD") from None
