"""A provider's reading of bank statements behind guards: what comes out of a file is possible, or the file is refused;
what a recogniser finds is one of the payments that were asked for, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from datetime import date
from typing import Any, BinaryIO

from tp_gateway import observability
from tp_gateway.contract import MalformedStatement, Provider, Recognised, Recogniser, Statement, StatementLine
from tp_gateway.fields import is_storable
from tp_gateway.money import MAX_MINOR_UNITS, is_currency

_LONGEST_TEXT = 1 << 17
_LONGEST_NAME = 255
_LARGEST_LINE = 2**31 - 1
log = observability.logger(__name__)


def impossible_line(line: Any) -> str:
    """Why a line of a statement cannot be believed. Asked two million times for a long file, so all its texts are
    looked at in one go."""
    if type(line) is not StatementLine or type(line.line) is not int or not 0 < line.line <= _LARGEST_LINE:
        return "a line that is none"
    if type(line.booked_on) is not date:
        return "a line without a day"
    if type(line.amount) is not int or not -MAX_MINOR_UNITS <= line.amount <= MAX_MINOR_UNITS:
        return "an amount that cannot be"
    if line.balance is not None and (type(line.balance) is not int or not -(2**63) <= line.balance < 2**63):
        return "a balance that cannot be"
    try:
        texts = line.description + line.reference + line.payer + line.account + line.bank_id + line.currency
    except TypeError:
        return "a text that is none"
    if type(texts) is not str or "\0" in texts or not (texts.isascii() or is_storable(texts)):
        return "a text that cannot be kept"
    if len(texts) > _LONGEST_TEXT or len(line.account) > _LONGEST_NAME or len(line.bank_id) > _LONGEST_NAME:
        return "a text that is too long"
    return "" if is_currency(line.currency) else "a currency that is not known"


class StatementReader:
    """For a provider with `Capabilities.statements`. All of it is local work, done on the caller's own thread, and
    never while a transaction is open: a file takes as long as it takes."""

    def __init__(self, provider: Provider, slug: str, require_no_transaction: Callable[[], None]) -> None:
        self._provider: Any = provider
        self._slug = slug
        self._require_no_transaction = require_no_transaction

    def read(self, stream: BinaryIO, name: str) -> Statement:
        """MalformedStatement, here or from `lines`, for a file that cannot be read, whoever is to blame."""
        self._require_no_transaction()
        try:
            found = self._provider.read_statement(stream, name)
        except MalformedStatement:
            raise
        except (Exception, SystemExit) as error:
            raise self._failed("read_statement", error) from error
        if not isinstance(found, Statement) or not isinstance(found.format, str):
            raise self._nonsense("read_statement", observability.class_name(found))
        return Statement(found.format, self._lines(iter(found.lines)))

    def recogniser(self, references: Collection[str]) -> Recogniser:
        """Answers None for whatever a recogniser may not say; a person sees the line then."""
        self._require_no_transaction()
        known = frozenset(references)
        recognise = self._provider.recogniser(known)

        def recognised(line: StatementLine) -> Recognised | None:
            try:
                found = recognise(line)
            except (Exception, SystemExit) as error:
                self._failed("recogniser", error)
                return None
            if found is None:
                return None
            if not isinstance(found, Recognised) or found.reference not in known or type(found.repaired) is not str:
                self._nonsense("recogniser", observability.class_name(found))
                return None
            return found

        return recognised

    def _lines(self, lines: Iterator[StatementLine]) -> Iterator[StatementLine]:
        number = 0
        try:
            for line in lines:
                problem = impossible_line(line)
                if problem:
                    raise self._nonsense("read_statement", problem, getattr(line, "line", number))
                number = line.line
                yield line
        except MalformedStatement:
            raise
        except (Exception, SystemExit) as error:
            raise self._failed("read_statement", error, number) from error

    def _failed(self, member: str, error: BaseException, line: int = 0) -> MalformedStatement:
        log.error(
            "provider_raised", provider=self._slug, member=member, error=observability.class_name(error), exc_info=error
        )
        return MalformedStatement(line, "it could not be read to its end")

    def _nonsense(self, member: str, what: str, line: Any = 0) -> MalformedStatement:
        log.error("provider_answered_nonsense", provider=self._slug, member=member, what=what)
        return MalformedStatement(line if type(line) is int else 0, what)
