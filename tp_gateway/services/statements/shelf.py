"""Where the lines of a file wait until its last line has made sense: a temporary file without a name, so that a million
lines take no memory, and are gone with the process."""

from __future__ import annotations

import marshal
import tempfile
from collections.abc import Iterator
from typing import NamedTuple

BLOCK = 1000


class Waiting(NamedTuple):
    """A line on its way to the store, in plain values: `booked_on` as ISO 8601, `digest` as `Fingerprints.note` gave
    it. The rest as in the table."""

    line: int
    booked_on: str
    amount: int
    currency: str
    description: str
    reference: str
    payer: str
    balance: int | None
    account: str
    bank_id: str
    state: str
    why: str
    digest: bytes


class Shelf:
    """Put everything there, then take it out once, in the same order."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as this object
        self._block: list[tuple[object, ...]] = []
        self._sizes: list[int] = []
        self.count = 0

    def put(self, line: Waiting) -> None:
        self._block.append(tuple(line))
        self.count += 1
        if len(self._block) == BLOCK:
            self._write()

    def take(self) -> Iterator[Waiting]:
        self._write()
        self._file.seek(0)
        for size in self._sizes:
            # marshal must read only what it has written, as here, a moment ago. It is several times as fast as JSON.
            yield from map(Waiting._make, marshal.loads(self._file.read(size)))  # noqa: S302
        self._file.close()

    def _write(self) -> None:
        if self._block:
            self._sizes.append(self._file.write(marshal.dumps(self._block)))
        self._block = []
