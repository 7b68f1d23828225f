"""What is believed of a provider that reads statements: lines that can be, and references that were asked for."""

from __future__ import annotations

import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import pytest

from tests.hostile.things import Evil, EvilText, Masked
from tests.registry.test_guards import Clock, Scripted, guard
from tp_gateway.contract import Capabilities, MalformedStatement, Recognised, Statement, StatementLine
from tp_gateway.database import Database
from tp_gateway.errors import GatewayError, ValidationError
from tp_gateway.money import MAX_MINOR_UNITS
from tp_gateway.registry import GuardedProvider

LINE = StatementLine(1, date(2026, 3, 5), 18000, "AUD", "Transfer", "062000 12345678", 18000, "ref", "J DOE", "FIT1")


class Pretending:
    """Added to a text it is one."""

    def __add__(self, other: object) -> str:
        return ""

    __radd__ = __add__


class Reader(Scripted):
    manifest = replace(Scripted.manifest, capabilities=Capabilities(statements=True))

    def __init__(self) -> None:
        super().__init__()
        self.statement: Any = Statement("Paper", iter([LINE]))
        self.finds: Any = lambda _: None
        self.makes: Any = lambda: self.finds

    def read_statement(self, stream: Any, name: str) -> Any:
        return self.statement() if callable(self.statement) else self.statement

    def recogniser(self, references: Any) -> Any:
        return self.makes()


@pytest.fixture
def provider() -> Reader:
    return Reader()


@pytest.fixture
def guarded(provider: Reader) -> Iterator[GuardedProvider]:
    made = guard(provider, Clock())
    yield made
    made.shut_down()


def read(guarded: GuardedProvider) -> list[StatementLine]:
    return list(guarded.statements.read(io.BytesIO(), "March.csv").lines)


def test_lines_that_can_be_are_passed_on(guarded: GuardedProvider) -> None:
    assert read(guarded) == [LINE]


@pytest.mark.parametrize(
    "wrong",
    [
        *(
            {"line": 0},
            {"line": "1"},
            {"line": 2**31},
            {"booked_on": "2026-03-05"},
            {"booked_on": datetime(2026, 3, 5)},
        ),
        *({"amount": 180.0}, {"amount": True}, {"amount": MAX_MINOR_UNITS + 1}, {"amount": -MAX_MINOR_UNITS - 1}),
        *({"balance": 1.5}, {"balance": 2**63}, {"currency": "aud"}, {"currency": None}, {"currency": "XXX"}),
        *({"description": None}, {"description": "\0"}, {"payer": "\ud800"}, {"reference": 7}, {"account": "x" * 256}),
        *({"bank_id": "x" * 256}, {"description": "x" * 2**18}),
        *({"description": Pretending()}, {"payer": EvilText("x")}, {"description": Pretending(), "currency": []}),
        {"line": 10**5000},
    ],
    ids="-".join,
)
def test_a_line_that_cannot_be_refuses_the_file(
    guarded: GuardedProvider, provider: Reader, wrong: dict[str, Any]
) -> None:
    provider.statement = Statement("Paper", iter([LINE, replace(LINE, **wrong)]))
    with pytest.raises(MalformedStatement) as refused:
        read(guarded)
    assert "x" * 50 not in str(refused.value)


@pytest.mark.parametrize(
    "statement",
    [
        *(None, "lines", Masked, Statement(7, iter([LINE])), Statement("Paper", iter([{"line": 1}]))),  # type: ignore[arg-type, list-item]
        *(Statement("Paper", None), Statement("Paper", 7), Statement("Paper", iter([Evil()]))),  # type: ignore[arg-type, list-item]
        *(Statement("\ud800", iter([LINE])), Statement("x" * 256, iter([LINE])), object.__new__(Statement)),
    ],
    ids=range(11),
)
def test_what_is_no_statement_refuses_the_file(guarded: GuardedProvider, provider: Reader, statement: Any) -> None:
    provider.statement = statement
    with pytest.raises(MalformedStatement):
        read(guarded)


@pytest.mark.parametrize("error", [RuntimeError("card 4242"), SystemExit(3), MemoryError(), GeneratorExit()])
def test_one_that_raises_refuses_the_file(guarded: GuardedProvider, provider: Reader, error: BaseException) -> None:
    def lines() -> Iterator[StatementLine]:
        yield LINE
        raise error

    def at_once() -> Statement:
        raise error

    for statement in (Statement("Paper", lines()), at_once):
        provider.statement = statement
        with pytest.raises(MalformedStatement) as refused:
            read(guarded)
        assert "4242" not in str(refused.value)


def test_its_own_refusal_is_passed_on(guarded: GuardedProvider, provider: Reader) -> None:
    def lines() -> Iterator[StatementLine]:
        yield LINE
        raise MalformedStatement(7, "an amount is not a number")

    provider.statement = Statement("Paper", lines())
    with pytest.raises(MalformedStatement, match="line 7: an amount is not a number"):
        read(guarded)


@pytest.mark.parametrize(
    "found",
    [
        *("TP1", Recognised("TP2"), Recognised("TP1", repaired=None), RuntimeError("x"), SystemExit(1)),  # type: ignore[arg-type]
        *(Recognised(["TP1"]), Recognised(Evil()), GeneratorExit()),  # type: ignore[arg-type]
    ],
    ids=range(8),
)
def test_a_recogniser_finds_only_what_was_asked_for(guarded: GuardedProvider, provider: Reader, found: Any) -> None:
    def answer(_line: StatementLine) -> Any:
        if isinstance(found, BaseException):
            raise found
        return found

    provider.finds = answer
    assert guarded.statements.recogniser({"TP1"})(LINE) is None
    provider.finds = lambda _: Recognised("TP1", repaired="TO1")
    assert guarded.statements.recogniser({"TP1"})(LINE) == Recognised("TP1", repaired="TO1")


class Dumb(MalformedStatement):
    def __str__(self) -> str:
        raise SystemExit("hunter2")


class Deaf(MalformedStatement):
    @property
    def problem(self) -> str:  # type: ignore[override]
        raise SystemExit("hunter2")

    @problem.setter
    def problem(self, _: str) -> None: ...


@pytest.mark.parametrize(
    "refusal",
    [
        *(MalformedStatement(1, "x" * 2_000_000), MalformedStatement(1, "\ud800"), MalformedStatement("a", object())),  # type: ignore[arg-type]
        *(MalformedStatement(-1, "x"), Dumb(1, "a\nb"), Deaf(1, "x")),
    ],
    ids=range(6),
)
def test_its_own_refusal_is_told_in_a_line_if_it_can_be(
    guarded: GuardedProvider, provider: Reader, refusal: MalformedStatement
) -> None:
    def at_once() -> Statement:
        raise refusal

    def lines() -> Iterator[StatementLine]:
        yield LINE
        raise refusal

    for statement in (Statement("Paper", lines()), at_once):
        provider.statement = statement
        with pytest.raises(MalformedStatement) as refused:
            read(guarded)
        assert type(refused.value) is MalformedStatement and type(refused.value.line) is int
        assert (
            str(refused.value).isprintable() and len(str(refused.value)) < 600 and "hunter2" not in str(refused.value)
        )


@pytest.mark.parametrize("made", [RuntimeError("x"), SystemExit(1), GeneratorExit(), None, 7], ids=repr)
def test_one_that_makes_no_recogniser_is_not_available(guarded: GuardedProvider, provider: Reader, made: Any) -> None:
    def makes() -> Any:
        if isinstance(made, BaseException):
            raise made
        return made

    provider.makes = makes
    with pytest.raises(GatewayError) as refused:
        guarded.statements.recogniser({"TP1"})
    assert refused.value.code == "service_unavailable"


def test_an_interrupt_of_its_own_is_its_own_and_the_operators_ends_the_command(
    guarded: GuardedProvider, provider: Reader
) -> None:
    """Ctrl-C comes on the main thread, where only commands read; requests and the worker are on others."""

    def interrupt(*_: object) -> Any:
        raise KeyboardInterrupt

    provider.statement = provider.finds = interrupt
    with ThreadPoolExecutor(1) as other:
        with pytest.raises(MalformedStatement):
            other.submit(read, guarded).result()
        assert other.submit(guarded.statements.recogniser({"TP1"}), LINE).result() is None
    with pytest.raises(KeyboardInterrupt):
        read(guarded)
    with pytest.raises(KeyboardInterrupt):
        guarded.statements.recogniser({"TP1"})(LINE)


def test_nothing_is_read_while_a_transaction_is_open(sqlite_database_url: str, provider: Reader) -> None:
    database = Database(sqlite_database_url)
    guarded = guard(provider, Clock(), require_no_transaction=database.require_no_transaction)
    with database.transaction(), pytest.raises(RuntimeError, match="transaction"):
        read(guarded)
    guarded.shut_down()
    database.dispose()


def test_one_that_declares_it_must_have_it(install: Any, load: Any) -> None:
    from tests.registry.plugins import PROVIDER

    install("reader", PROVIDER + "\nAcme.manifest = manifest(capabilities=Capabilities(statements=True))\n")
    with pytest.raises(Exception, match="read_statement"):
        load("reader")


READS = """
Acme.manifest = manifest(slug="{0}", method="{0}", capabilities=Capabilities(statements=True))
Acme.read_statement = Acme.recogniser = lambda self, *_: None
"""


def test_the_one_that_reads_is_the_default_and_several_are_chosen_from(install: Any, load: Any) -> None:
    from tests.registry.plugins import PROVIDER

    for name in ("first", "second"):
        install(name, PROVIDER + READS.format(name))
    install("plain", PROVIDER)
    one = load("plain", "first")
    assert one.for_statements().slug == one.for_statements("first").slug == "first"
    both = load("first", "second", "plain")
    assert both.for_statements("second").slug == "second"
    for registry, slug in ((both, None), (both, "acme"), (one, "acme"), (one, "x"), (load("plain"), None)):
        with pytest.raises(ValidationError) as refused:
            registry.for_statements(slug)
        assert list(refused.value.fields) == ["provider"]
