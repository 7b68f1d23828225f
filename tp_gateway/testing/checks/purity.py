"""A provider is told and asked: it changes nothing that it was given, keeps nothing for itself, and reaches nothing of
ours."""

from __future__ import annotations

import ast
import inspect
import sys
import time
from pathlib import Path

from tp_gateway.contract import OutcomeState
from tp_gateway.testing import rules
from tp_gateway.testing.attempt import Attempt
from tp_gateway.testing.bench import Bench
from tp_gateway.testing.checking import Broken, check, expect, shown
from tp_gateway.testing.watching import NETWORK, PROCESS, STORE, watched

_OURS = "tp_gateway"
_ALLOWED = ("tp_gateway.contract", "tp_gateway.testing")


@check("purity", rule=rules.ORDER)
def what_was_given_stays_as_it_was(bench: Bench) -> None:
    """Parameters, labels and state of an order are the same after each call as before it.

    The core goes on with them: a parameter that a provider has taken out is gone for the next call too.
    """
    attempt = bench.attempt()
    for step in ("prepare", "execute", "fetch") if bench.able.fetch else ("prepare", "execute"):
        before = attempt.order
        getattr(attempt, step)()
        for name in ("parameters", "labels", "state"):
            kept = dict(getattr(before, name)) == getattr(attempt.given, name)
            expect(kept, f"{step} has changed the order's {name}")


@check("purity", rule=rules.NO_STATE, needs="!promise")
def another_process_can_finish_it(bench: Bench) -> None:
    """What one instance began, another one finishes: by the reference, the order, and the state that was handed back.

    The process that began it may be dead, and there are several.
    """
    attempt = bench.attempt()
    attempt.prepare()
    attempt.provider = bench.build()
    attempt.execute()
    attempt.provider = bench.build()
    if bench.able.fetch or bench.able.local:
        attempt.fetch()
    found = attempt.wait()
    expect(found.state is OutcomeState.SUCCEEDED, f"begun by one instance, ended by others: {shown(found)}")


@check("purity", rule=rules.MEMBERS)
def it_imports_only_the_contract(bench: Bench) -> None:
    """Of `tp_gateway` its modules import `tp_gateway.contract`, and nothing else.

    Everything else changes without notice; and the store is the core's alone.
    """
    for path in _sources(bench):
        for name in _imported(path):
            ours = name == _OURS or name.startswith(f"{_OURS}.")
            expect(not ours or name.startswith(_allowed(bench)), f"{path.name} imports {name}")


def _allowed(bench: Bench) -> tuple[str, ...]:
    """A provider that ships with the gateway may import its own parts."""
    own = ".".join(bench.subject.provider.__module__.split(".")[:3])
    return (*_ALLOWED, own) if own.startswith(f"{_OURS}.providers.") else _ALLOWED


def _sources(bench: Bench) -> list[Path]:
    try:
        here = Path(inspect.getfile(bench.subject.provider))
    except (OSError, TypeError):
        raise Broken("its source cannot be found") from None
    package = sys.modules[bench.subject.provider.__module__].__package__
    return sorted(here.parent.rglob("*.py")) if package else [here]


def _imported(path: Path) -> list[str]:
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            whole = node.module == _OURS
            names += [f"{node.module}.{alias.name}" for alias in node.names] if whole else [node.module]
    return names


@check("purity", rule=rules.NO_STATE)
def it_opens_no_database_and_no_process(bench: Bench) -> None:
    """While it is told and asked it opens no database and starts no process.

    A database of its own is a second truth about money, and locks that nobody knows of.
    """
    provider = bench.provider
    with watched(*STORE, *PROCESS) as seen:
        provider.check(time.monotonic() + 5)
        bench.attempt(provider=provider).run()
    expect(not seen, f"it did {', '.join(seen)}")


@check("purity", rule=rules.CAPABILITIES, needs="local")
def a_local_provider_calls_nobody(bench: Bench) -> None:
    """`local` is declared: no member opens a connection, and the same order gives the same answer.

    The core asks it again at any time, and takes its answer for the truth.
    """
    with watched(*NETWORK) as seen:
        bench.provider.check(time.monotonic() + 5)
        attempt = bench.attempt()
        first = attempt.execute()
    expect(not seen, f"it did {', '.join(seen)}")
    second = Attempt(bench, attempt.order, bench.build()).execute()
    expect(
        (first.state, first.reference, first.evidence) == (second.state, second.reference, second.evidence), "differs"
    )
