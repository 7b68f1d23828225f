"""A provider's reading of bank statements behind guards: what comes out of a file is possible, or the file is refused;
what a recogniser finds is one of the payments that were asked for, or nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator
from datetime import date
from typing import Any, BinaryIO

from tp_gateway import observability
from tp_gateway.contract import MalformedStatement, Provider, Recognised, Recogniser, Statement, StatementLine
from tp_gateway.errors import GatewayError
from tp_gateway.fields import is_storable
from tp_gateway.money import MAX_MINOR_UNITS, is_currency
from tp_gateway.registry.exact import Nonsense, exactly, plain

_LONGEST_TEXT = 1 << 17
_LONGEST_NAME = 255
_LARGEST_LINE = 2**31 - 1
_LONGEST_PROBLEM = 500
_FINDINGS = (Recognised, type(None))
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
    if not (str is type(line.description) is type(line.reference) is type(line.payer)):
        return "a text that is none"
    if not (str is type(line.account) is type(line.bank_id) is type(line.currency)):
        return "a text that is none"
    texts = line.description + line.reference + line.payer + line.account + line.bank_id + line.currency
    if "\0" in texts or not (texts.isascii() or is_storable(texts)):
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
            if type(found) is not Statement or type(found.format) is not str:
                raise Nonsense("no statement")
            if len(found.format) > _LONGEST_NAME or not is_storable(found.format):
                raise Nonsense("a format that is no name")
            return Statement(found.format, self._lines(iter(found.lines)))
        except BaseException as error:
            raise self._refusal(error, 0) from error

    def recogniser(self, references: Collection[str]) -> Recogniser:
        """Answers None for whatever a recogniser may not say; a person sees the line then. `service_unavailable` where
        there is none: nothing was looked at, and the lines wait."""
        self._require_no_transaction()
        known = frozenset(references)
        try:
            recognise = self._provider.recogniser(known)
            if not callable(recognise):
                raise Nonsense("no recogniser")
        except BaseException as error:
            self._failed("recogniser", error)
            raise GatewayError("service_unavailable", retry_after=30) from error

        def recognised(line: StatementLine) -> Recognised | None:
            try:
                found: Recognised | None = exactly(recognise(line), _FINDINGS)
                if found is not None and found.reference not in known:
                    raise Nonsense("a reference that was not asked for")
                return found
            except BaseException as error:
                self._failed("recogniser", error)
                return None

        return recognised

    def _lines(self, lines: Iterator[StatementLine]) -> Iterator[StatementLine]:
        number = 0
        while True:
            try:
                line = next(lines)
                problem = impossible_line(line)
                if problem:
                    number = line.line if type(line) is StatementLine else number
                    raise Nonsense(problem)
            except StopIteration:
                return
            except BaseException as error:
                raise self._refusal(error, number) from error
            number = line.line
            yield line

    def _refusal(self, error: BaseException, line: Any) -> MalformedStatement:
        """In the plugin's own words, where it has some that can be told."""
        try:
            if isinstance(error, MalformedStatement):
                return _refused(error.line, plain(error.problem))
        except BaseException as broken:
            error = broken
        self._failed("read_statement", error)
        return _refused(line, str(error) if type(error) is Nonsense else "it could not be read to its end")

    def _failed(self, member: str, error: BaseException) -> None:
        if issubclass(type(error), KeyboardInterrupt) and threading.current_thread() is threading.main_thread():
            raise error  # Ctrl-C: only commands read statements on this thread, requests and the worker on others
        if type(error) is Nonsense:
            log.error("provider_answered_nonsense", provider=self._slug, member=member, what=str(error))
        else:
            what = observability.class_name(error)
            log.error("provider_raised", provider=self._slug, member=member, error=what, exc_info=error)


def _refused(line: Any, problem: Any) -> MalformedStatement:
    told = "".join(one if one.isprintable() else "?" for one in str(problem)[:_LONGEST_PROBLEM])
    return MalformedStatement(line if type(line) is int and 0 <= line <= _LARGEST_LINE else 0, told)
