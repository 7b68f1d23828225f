"""Bank statements, for a provider that reads them (`Capabilities.statements`)."""

from __future__ import annotations

import io
from collections.abc import Sequence

from tp_gateway.contract import MalformedStatement, OutcomeState, StatementLine
from tp_gateway.registry.statements import impossible_line
from tp_gateway.testing import rules
from tp_gateway.testing.attempt import Attempt
from tp_gateway.testing.bench import Bench
from tp_gateway.testing.checking import Broken, check, expect, shown
from tp_gateway.testing.watching import NETWORK, PROCESS, STORE, watched

_NAME = "statement.csv"


def promised(bench: Bench) -> Attempt:
    attempt = bench.attempt()
    found = attempt.execute()
    expect(found.state is OutcomeState.NEEDS_ACTION, f"a promise to pay said {shown(found)}")
    return attempt


def _read(bench: Bench, data: bytes) -> list[StatementLine]:
    try:
        return list(bench.provider.read_statement(io.BytesIO(data), _NAME).lines)
    except Exception as error:
        raise Broken(f"the subject's statement was not read: {type(error).__name__}: {error}") from error


def _file(bench: Bench, lines: Sequence[tuple[int, str]]) -> bytes:
    return bench.subject.statement(lines)


@check("statements", rule=rules.STATEMENT, needs="statements")
def lines_are_read_as_they_stand(bench: Bench) -> None:
    """Every line of a statement is read, in order, with its amount in minor units and its sign, and can be believed.

    A line that is left out is money that nobody is looking for.
    """
    wanted = [(18_000, "one"), (-2_550, "two"), (5, "three"), (1_234_567, "four")]
    found = _read(bench, _file(bench, wanted))
    amounts = [line.amount for line in found]
    expect(amounts == [amount for amount, _ in wanted], f"the amounts are {amounts}")
    for line in found:
        expect(not impossible_line(line), f"line {getattr(line, 'line', '?')}: {impossible_line(line)}")
    numbers = [line.line for line in found]
    expect(numbers == sorted(set(numbers)), f"the lines are numbered {numbers}")


@check("statements", rule=rules.STATEMENT, needs="statements")
def a_statement_reads_the_same_twice(bench: Bench) -> None:
    """The same file read again gives the same lines, and nobody is called for it.

    A line is known by what it says: files overlap, and each line must count once.
    """
    data = _file(bench, [(18_000, "one"), (500, "two")])
    with watched(*NETWORK, *STORE, *PROCESS) as seen:
        first, second = _read(bench, data), _read(bench, data)
    expect(first == second, "the second reading has other lines")
    expect(not seen, f"reading did {', '.join(seen)}")


@check("statements", rule="tp_gateway.contract.MalformedStatement", needs="statements")
def what_is_no_statement_is_refused(bench: Bench) -> None:
    """A file that is none, and one whose second half is nonsense, raise MalformedStatement, from wherever.

    A half that was read would be booked, and the other half looked for by hand.
    """
    good = _file(bench, [(18_000, "one"), (500, "two")])
    for name, data in (("empty", b""), ("noise", bytes(range(256)) * 8), ("broken", good + b'\x00"),,,\xff\n')):
        try:
            found = list(bench.provider.read_statement(io.BytesIO(data), _NAME).lines)
        except MalformedStatement:
            continue
        except Exception as error:
            raise Broken(f"{name}: it raised {type(error).__name__}, not MalformedStatement") from error
        raise Broken(f"{name}: it was read, with {len(found)} lines")


@check("statements", rule="tp_gateway.contract.Recognised", needs="statements promise")
def a_reference_is_recognised(bench: Bench) -> None:
    """The reference that a patient was told is recognised in a line; a line with none, or with two, in nothing.

    What is not recognised a person looks at; what is recognised wrongly pays somebody else's invoice.
    """
    first, second = promised(bench), promised(bench)
    mine, other = first.reference or "", second.reference or ""
    recognise = bench.provider.recogniser([mine, other])
    lines = _read(
        bench,
        _file(bench, [(18_000, f"TRANSFER {mine}"), (18_000, "RENT MARCH"), (18_000, f"{mine} {other}"), (1, other)]),
    )
    found = [recognise(line) for line in lines]
    told = [one.reference if one else None for one in found]
    expect(told == [mine, None, None, other], f"recognised were {told}")


@check("statements", rule=rules.CAPABILITIES, needs="promise")
def a_promise_says_how_and_until_when(bench: Bench) -> None:
    """A promise to pay says NEEDS_ACTION with instructions, a reference, and until when it waits; the same order gives
    the same ones.

    The core asks again at any time, and the patient may have written the reference down.
    """
    attempt = promised(bench)
    first = attempt.outcome
    again = Attempt(bench, attempt.order, bench.build())
    second = again.execute()
    assert first is not None
    expect(first.action and first.reference, "there are no instructions, or no reference")
    expect(first.waits_until is not None, "it does not say until when it waits")
    expect(
        (first.reference, first.action) == (second.reference, second.action), "the same order gave other instructions"
    )
