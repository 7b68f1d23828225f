"""Bank statements as movements, whoever wrote them. Read as a stream: a line in, a line out, nothing kept, no I/O but
the file's own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from tp_gateway.contract.statements import MalformedStatement, Statement, StatementLine
from tp_gateway.providers.bank_transfer.statements.detection import detect
from tp_gateway.providers.bank_transfer.statements.source import Source

__all__ = ["parse"]


def parse(stream: BinaryIO, name: str | None) -> Statement:
    """Reads `stream` from where it stands, as far as `lines` is read. `name`, the file's, decides nothing: contents do.

    MalformedStatement for an empty file and a format that we do not read; from `lines`, at the first line that makes
    no sense, and for a file without movements.
    """
    del name
    source = Source(stream)
    found = detect(source.head)
    return Statement(found.name, _at_least_one(found.read(source)))


def _at_least_one(lines: Iterator[StatementLine]) -> Iterator[StatementLine]:
    first = next(lines, None)
    if first is None:
        raise MalformedStatement(0, "the file has no movements")
    yield first
    yield from lines
