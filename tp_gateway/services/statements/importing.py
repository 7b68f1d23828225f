"""Imports one bank statement. Its lines are read and looked at, and wait in a temporary file: one that makes no sense
refuses the whole statement before anything of it is in the store. Then they are put into the store, and those that name
a payment are applied.

A process that dies on the way loses nothing and settles nothing twice: what is in the store stays, importing the same
file again brings the rest, and lines that wait to be applied are the worker's (`Matching.work`).
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Callable
from pathlib import PurePath
from typing import Any, Protocol

from tp_gateway import observability
from tp_gateway.contract import Recogniser, StatementLine
from tp_gateway.database import Database
from tp_gateway.fields import is_storable
from tp_gateway.models.states import LineState
from tp_gateway.registry import GuardedProvider, Registry
from tp_gateway.services.clock import Clock
from tp_gateway.services.statements.facts import StatementFacts
from tp_gateway.services.statements.fingerprints import Fingerprints
from tp_gateway.services.statements.matching import Matching
from tp_gateway.services.statements.owed import Owed
from tp_gateway.services.statements.payouts import Payouts
from tp_gateway.services.statements.reading import StatementReading
from tp_gateway.services.statements.shelf import BLOCK, Shelf, Waiting
from tp_gateway.services.statements.staging import Staging

Progress = Callable[[str, int, int], None]
"""Called now and then with what is being done (`checking`, in bytes; `importing`, in lines; `applying`), how much of it
is done and how much there is to do; 0 where that is not known."""
_REVERSAL = re.compile(r"\b(?:reversal|reversed)\b", re.IGNORECASE)
_TAKEN_BACK = re.compile(r"\b(?:revers(?:al|ed)|dishonou?r(?:ed)?|recall(?:ed)?|return(?:ed)?)\b", re.IGNORECASE)
_LONGEST_NAME = 255
_BUFFER = 1 << 16
log = observability.logger(__name__)


class Source(Protocol):
    """A file, or a request's body. At most `size` bytes at a time, b"" at the end."""

    def read(self, size: int, /) -> bytes: ...


def _quiet(_doing: str, _done: int, _all: int) -> None:
    """For those who do not watch."""


class Importing:
    def __init__(
        self,
        database: Database,
        registry: Registry,
        matching: Matching,
        payouts: Payouts,
        reading: StatementReading,
        clock: Clock,
    ) -> None:
        self._database, self._registry, self._clock = database, registry, clock
        self._matching, self._payouts, self._reading = matching, payouts, reading

    def run(
        self,
        source: Source,
        name: str,
        actor: str,
        slug: str | None = None,
        progress: Progress = _quiet,
        size: int = 0,
    ) -> StatementFacts:
        """Import a statement, read once from where `source` stands, for the provider `slug`, or the only one that reads
        statements. `size` is how many bytes there are, if that is known.

        MalformedStatement: nothing of it was written. ValidationError on `provider`. A file that is here already adds
        nothing, and is written down as an import that added nothing.
        """
        provider = self._registry.for_statements(slug)
        file, fingerprints, shelf = _Digested(source), Fingerprints(), Shelf()
        recognise, owed = self._matching.recogniser(provider), self._owed(provider)
        statement = provider.statements.read(io.BufferedReader(file, _BUFFER), name := _plain(name))
        for line in statement.lines:
            shelf.put(_waiting(line, *_first_look(line, recognise, owed), fingerprints.note(line)))
            if shelf.count % BLOCK == 0:
                progress("checking", file.count, size)
        file.read_to_its_end()
        staging = Staging(self._database, self._clock)
        what = {"provider": provider.slug, "name": name, "format": statement.format, "sha256": file.hexdigest()}
        staging.begin(**what, lines=shelf.count, imported_by=actor)
        for done, waiting in enumerate(shelf.take(), 1):
            if staging.add(waiting, fingerprints.of(waiting.booked_on, waiting.digest)):
                progress("importing", done, shelf.count)
        staging.end()
        progress("applying", 0, 0)
        self._matching.apply_new(provider.slug)
        self._payouts.work()
        found = self._reading.statement(staging.id)
        log.info("statement_imported", statement_id=found.id, lines=found.lines, added=found.added, **found.counts)
        return found

    def _owed(self, provider: GuardedProvider) -> Owed:
        with self._database.read() as session:
            return Owed(session, provider.slug)


class _Digested(io.RawIOBase):
    """A source as a file, with the SHA-256 of what was read of it."""

    def __init__(self, source: Source) -> None:
        self._source, self._digest, self.count = source, hashlib.sha256(), 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        data = self._source.read(len(buffer))
        buffer[: len(data)] = data
        self._digest.update(data)
        self.count += len(data)
        return len(data)

    def read_to_its_end(self) -> None:
        """What a format leaves unread after its last line counts for the digest all the same."""
        while self.read(_BUFFER):
            pass

    def hexdigest(self) -> str:
        return self._digest.hexdigest()


def _plain(name: str) -> str:
    """The file's own name, without folders, and nothing that cannot be kept."""
    found = PurePath(name.replace("\\", "/")).name[:_LONGEST_NAME]
    return found if is_storable(found) else ""


def _first_look(line: StatementLine, recognise: Recogniser, owed: Owed) -> tuple[LineState, str]:
    """What a line is before anything is locked: most of a file is never looked at again."""
    if line.amount < 0 and (_TAKEN_BACK.search(line.description) or recognise(line) is not None):
        return LineState.UNMATCHED, "The bank seems to have taken money back: un-match the line that had brought it"
    if line.amount <= 0:
        return LineState.IGNORED, ""
    if _REVERSAL.search(line.description):
        return LineState.UNMATCHED, "The bank reversed something: a person decides what this is for"
    if recognise(line) is not None:
        return LineState.NEW, ""
    if owed.suggestions(line.amount, line.currency, f"{line.payer} {line.description}"):
        return LineState.SUGGESTED, "Its amount and the name of its payer fit something that is due"
    return LineState.UNMATCHED, ""


def _waiting(line: StatementLine, state: LineState, why: str, digest: bytes) -> Waiting:
    return Waiting(
        line.line,
        line.booked_on.isoformat(),
        line.amount,
        line.currency,
        line.description,
        line.reference,
        line.payer,
        line.balance,
        line.account,
        line.bank_id,
        str(state),
        why,
        digest,
    )
