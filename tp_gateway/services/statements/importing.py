"""Imports one bank statement. The file is read twice: once to the end, so that a line that makes no sense refuses all
of it before anything is written; then its lines are put into the store, and those that name a payment are applied.

A process that dies on the way loses nothing and settles nothing twice: what is in the store stays, importing the same
file again brings the rest, and lines that wait to be applied are the worker's (`Matching.work`).
"""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import PurePath
from typing import BinaryIO

from tp_gateway import observability
from tp_gateway.contract import Recogniser, Statement, StatementLine
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
from tp_gateway.services.statements.staging import BATCH, Staging

Progress = Callable[[str, int, int], None]
"""Called now and then with what is being done (`checking`, `importing`, `applying`), how much of it is done and how
much there is to do; 0 where that is not known."""
_REVERSAL = re.compile(r"\b(?:reversal|reversed)\b", re.IGNORECASE)
_LONGEST_NAME = 255
_MEMORY = 1 << 20
log = observability.logger(__name__)


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
        self, file: BinaryIO, name: str, actor: str, slug: str | None = None, progress: Progress = _quiet
    ) -> StatementFacts:
        """Import `file` from where it stands, for the provider `slug`, or the only one that reads statements.

        MalformedStatement: nothing of it was written. ValidationError on `provider`. A file that is here already adds
        nothing, and is written down as an import that added nothing.
        """
        provider = self._registry.for_statements(slug)
        with tempfile.TemporaryFile() as ours:  # which nobody writes to between the two readings
            shutil.copyfileobj(file, ours)
            return self._run(ours, _plain(name), actor, provider, progress)

    def _run(
        self, file: BinaryIO, name: str, actor: str, provider: GuardedProvider, progress: Progress
    ) -> StatementFacts:
        size = file.tell()
        fingerprints, lines = Fingerprints(), 0
        statement = self._read(provider, file, name)
        for line in statement.lines:
            fingerprints.note(line)
            lines += 1
            if lines % BATCH == 0:
                progress("checking", min(file.tell(), size), size)
        staging = Staging(self._database, self._clock)
        recognise, owed = self._matching.recogniser(provider), self._owed(provider)
        what = {"provider": provider.slug, "name": name, "format": statement.format, "sha256": _digest(file)}
        staging.begin(**what, lines=lines, imported_by=actor)
        for done, line in enumerate(self._read(provider, file, name).lines, 1):
            state, why = _first_look(line, recognise, owed)
            if staging.add(line, fingerprints.of(line), state, why):
                progress("importing", done, lines)
        staging.end()
        progress("applying", 0, 0)
        self._matching.apply_new(provider.slug)
        self._payouts.work()
        found = self._reading.statement(staging.id)
        log.info("statement_imported", statement_id=found.id, lines=lines, added=found.added, **found.counts)
        return found

    def _read(self, provider: GuardedProvider, file: BinaryIO, name: str) -> Statement:
        file.seek(0)
        return provider.statements.read(file, name)

    def _owed(self, provider: GuardedProvider) -> Owed:
        with self._database.read() as session:
            return Owed(session, provider.slug)


def _plain(name: str) -> str:
    """The file's own name, without folders, and nothing that cannot be kept."""
    found = PurePath(name.replace("\\", "/")).name[:_LONGEST_NAME]
    return found if is_storable(found) else ""


def _digest(file: BinaryIO) -> str:
    file.seek(0)
    digest = hashlib.sha256()
    while block := file.read(_MEMORY):
        digest.update(block)
    return digest.hexdigest()


def _first_look(line: StatementLine, recognise: Recogniser, owed: Owed) -> tuple[LineState, str]:
    """What a line is before anything is locked: most of a file is never looked at again."""
    if line.amount <= 0:
        return LineState.IGNORED, ""
    if _REVERSAL.search(line.description):
        return LineState.UNMATCHED, "The bank reversed something: a person decides what this is for"
    if recognise(line) is not None:
        return LineState.NEW, ""
    if owed.suggestions(line.amount, line.currency, f"{line.payer} {line.description}"):
        return LineState.SUGGESTED, "Its amount and the name of its payer fit something that is due"
    return LineState.UNMATCHED, ""
