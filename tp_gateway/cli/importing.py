"""`tp-gateway import`: users, appointments, progress notes and available minutes from files of CSV or JSON lines.

A file is read from front to back, and what is read goes in bit by bit. Nothing is lost by importing it again.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import colander

from tp_gateway import fields
from tp_gateway.card_numbers import card_numbers
from tp_gateway.cli.commands import Add, opened
from tp_gateway.cli.progress import Progress
from tp_gateway.errors import ConfigurationError, GatewayError
from tp_gateway.services import Gateway
from tp_gateway.services.practice_rows import KINDS, Kind
from tp_gateway.services.practice_upserts import UpsertResult

_AT_ONCE = 1_000
Line = tuple[int, Any]
"""Its number in the file, and the row or what stands there instead of one."""


def add(command: Add) -> None:
    parser = command("import", _import, "take in the practice's users, appointments and so on from a file")
    parser.add_argument("what", choices=[name.replace("_", "-") for name in KINDS])
    parser.add_argument("file", metavar="FILE", help="CSV with a line of names first, or one JSON object a line")
    parser.add_argument("--format", choices=("csv", "jsonl"), help="default: by the file's name")
    parser.add_argument("--from-line", type=_line, default=1, metavar="N", help="go on where an import was stopped")


def _import(given: argparse.Namespace) -> int:
    """Exit code 1 when a row was refused."""
    with opened(given) as gateway:
        return run(gateway, given)


def _line(text: str) -> int:
    if not text.isdecimal() or not int(text[:12]) >= 1:
        raise argparse.ArgumentTypeError("the number of a line")
    return int(text[:12])


def run(gateway: Gateway, given: argparse.Namespace) -> int:
    """Exit code 1 when a row was refused, or the import did not come to its end. Each refused row is a line on standard
    error: file, line, field and what is wrong, never what stands there."""
    kind, path = KINDS[given.what.replace("-", "_")], Path(given.file)
    read = {"csv": _csv_rows, "jsonl": _json_rows}[given.format or _format(path)]
    progress, result, line = Progress(path.name, sys.stderr), UpsertResult(), given.from_line - 1
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            lines = (one for one in read(file, kind) if one[0] >= given.from_line)
            while batch := list(islice(lines, _AT_ONCE)):
                _take(gateway, kind, path, batch, result, progress)
                line = batch[-1][0]
                progress("importing", file.tell(), size)
    except OSError as error:
        return progress.refuse(f"{path}: {error.strerror}")
    except csv.Error as error:
        return progress.refuse(f"{path}:{line + 1} or later: {error}")
    except GatewayError as error:
        return progress.refuse(f"{path}: {error.title}. Go on with --from-line {line + 1}")
    except KeyboardInterrupt:
        progress.refuse(f"{path}: stopped. Go on with --from-line {line + 1}")
        raise
    progress.end()
    print(_summary(path, kind, result))
    return 1 if result.errors else 0


def _take(
    gateway: Gateway, kind: Kind, path: Path, batch: list[Line], result: UpsertResult, progress: Progress
) -> None:
    sound = [(line, row) for line, row in batch if isinstance(row, dict) and not _has_card_number(row)]
    good, bad = kind.read(sound, gateway.currency)
    fit = {line for line, _ in sound}
    for line, row in batch:
        if line not in fit:
            what = "Holds a card number, which must never come here" if isinstance(row, dict) else row
            bad[line] = {"row": [what]}
    done = kind.upsert(gateway.practice, good)
    bad |= done.errors
    for line in sorted(bad):
        told = "; ".join(f"{name}: {_text(messages)}" for name, messages in bad[line].items())
        progress.say(f"{path}:{line}: {told}")
    result.created += done.created
    result.updated += done.updated
    result.unchanged += done.unchanged
    result.errors |= bad


def _summary(path: Path, kind: Kind, result: UpsertResult) -> str:
    rows = result.created + result.updated + result.unchanged + len(result.errors)
    return (
        f"{path.name}: {rows:,} {kind.name.replace('_', ' ')}: {result.created:,} created, {result.updated:,} updated,"
        f" {result.unchanged:,} unchanged, {len(result.errors):,} refused"
    )


def _format(path: Path) -> str:
    found = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}.get(path.suffix.lower())
    if found is None:
        raise ConfigurationError(f"import: say --format csv or jsonl, which the name {path.name} does not tell")
    return found


def _json_rows(file: BinaryIO, _kind: Kind) -> Iterator[Line]:
    """A text in place of a row says why there is none."""
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line, parse_float=fields.JsonNumber, parse_constant=_refuse_constant)
        except (ValueError, RecursionError):
            row = None
        yield number, row if isinstance(row, dict) else "Not one JSON object in UTF-8"


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)


def _csv_rows(file: BinaryIO, kind: Kind) -> Iterator[Line]:
    """Cells as the schema wants them: an empty one is absent. ConfigurationError for columns that do not fit."""
    nodes = {node.name: node for node in kind.schema().children}
    # What is not UTF-8 becomes a lone surrogate, which the fields refuse in the row where it stands.
    reader = csv.reader(line.decode("utf-8", "surrogateescape") for line in file)
    names = [name.strip().removeprefix("\ufeff") for name in next(reader, [])]
    required = {name for name, node in nodes.items() if node.required}
    if wrong := sorted(set(names) - set(nodes)) or sorted(required - set(names)):
        problem = "unknown" if set(wrong) - set(nodes) else "missing"
        raise ConfigurationError(
            f"import: {problem} columns {', '.join(map(ascii, wrong))}; there are {', '.join(nodes)}"
        )
    before = reader.line_num
    for cells in reader:
        number, before = before + 1, reader.line_num
        if not cells:
            continue
        if len(cells) != len(names):
            yield number, f"Has {len(cells)} cells under {len(names)} names"
            continue
        yield number, {name: _cell(nodes[name], text) for name, text in zip(names, cells, strict=True) if text}


def _cell(node: colander.SchemaNode, text: str) -> Any:
    """Numbers and yes or no are text in CSV; what cannot be read stays text, and is refused as such."""
    if isinstance(node.typ, fields.Flag):
        return {"true": True, "false": False}.get(text.lower(), text)
    if isinstance(node.typ, fields.Integer) and text.isascii() and text.isdecimal() and len(text) < 10:
        return int(text)
    return text


def _has_card_number(row: dict[str, Any]) -> bool:
    return any(True for value in row.values() if isinstance(value, str) for _ in card_numbers(value))


def _text(messages: Any) -> str:
    return " ".join(messages) if isinstance(messages, list) else str(messages)
