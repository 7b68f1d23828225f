"""Secrets and card numbers: in no repr, no log line, no answer and no exception."""

from __future__ import annotations

import contextlib
import json
import time
from typing import Any

from tp_gateway.contract import InvalidSignature, fields
from tp_gateway.testing import faults, rules
from tp_gateway.testing.bench import Bench
from tp_gateway.testing.checking import check, expect
from tp_gateway.testing.watching import logged

_LEAST = 6


def _canaries(bench: Bench) -> list[str]:
    """Values of secret settings and secret parameters. Short ones are in everything."""
    schema = bench.manifest.parameters_schema
    names = [node.name for node in schema.children if getattr(node, "secret", False)]
    given = bench.subject.pays().parameters
    values = [*bench.secrets(), *(str(given[name]) for name in names if isinstance(given.get(name), str))]
    return [value for value in values if len(value) >= _LEAST]


def expect_hidden(bench: Bench, text: str, where: str) -> None:
    for canary in (*_canaries(bench), faults.CARD):
        expect(canary not in text, f"{where} has {'a card number' if canary == faults.CARD else 'a secret'} in it")


@check("privacy", rule=rules.MANIFEST)
def no_secret_in_a_repr(bench: Bench) -> None:
    """`repr` and `str` of the provider, of its own objects that it is made of, and of what it answers, show no secret.

    They end up in tracebacks, in error trackers, and on screens.
    """
    attempt = bench.attempt()
    found = attempt.run()
    for one in _made_of(bench.provider):
        expect_hidden(bench, f"{one!r} {one}", f"the repr of {type(one).__name__}")
    expect_hidden(bench, f"{found!r}", "the repr of an outcome")


def _made_of(provider: Any) -> list[Any]:
    """The provider, and objects of its own package that it holds. Those of libraries are not its to mend."""
    package = type(provider).__module__.partition(".")[0]
    found, new = [provider], [provider]
    while new:
        held = [one for holder in new for one in getattr(holder, "__dict__", {}).values()]
        ours = [one for one in held if type(one).__module__.partition(".")[0] == package and not isinstance(one, type)]
        new = [one for one in ours if not any(one is known for known in found)]
        found += new
    return found


@check("privacy", rule=rules.MANIFEST)
def no_secret_in_the_logs(bench: Bench) -> None:
    """Neither a payment that goes well, nor one that is declined, nor one that fails logs a secret, down to DEBUG: an
    address with a key in it is logged by most HTTP libraries.

    Logs are kept for years, and read by many.
    """
    with logged() as lines:
        provider = bench.build()
        bench.attempt(provider=provider).run()
        if bench.subject.supplies("declines"):
            bench.attempt(bench.subject.declines(), provider=provider).run(pays=False)
        provider.check(time.monotonic() + 5)
        if not bench.able.local:
            with bench.proxy.fault(faults.echo):
                bench.attempt(provider=provider).begin()
        if bench.able.webhooks:
            with contextlib.suppress(InvalidSignature):
                provider.parse_webhook(b"{}", {})
    for line in lines:
        expect_hidden(bench, line, f"the log line {line[:40]!r}…")


@check("privacy", rule=rules.OUTCOME, needs="!local")
def no_secret_comes_back_with_an_answer(bench: Bench) -> None:
    """When the service repeats what it was sent in an error, nothing of that, and no card number, is in the outcome:
    not in its message, its codes, its state, nor in what `check` tells.

    `message` is shown to the patient, `provider_code` to staff, the state is stored.
    """
    attempt = bench.attempt()
    said: list[Any] = [attempt.prepare()]
    last = max(0, bench.requests_of("execute") - 1)
    for first in {0, last}:
        with bench.proxy.fault(faults.echo, first=first):
            said.append(attempt.execute())
    with bench.proxy.fault(faults.echo):
        said += [bench.provider.check(time.monotonic() + 5), bench.attempt().prepare()]
        said += [attempt.fetch()] if bench.able.fetch else []
        said += [attempt.refund(attempt.refund_order())] if bench.able.refund else []
    for one in said:
        state = getattr(one, "provider_state", None)
        kept = json.dumps(dict(state)) if state else ""
        expect_hidden(bench, repr(one), f"what came of an echo ({type(one).__name__})")
        expect(faults.CARD not in kept, "the state that it hands back has a card number in it")


@check("privacy", rule=rules.MANIFEST, needs="secrets")
def no_secret_in_a_refused_setting(bench: Bench) -> None:
    """A secret that is refused (its message names the setting) is not repeated, and neither is it by `build`.

    The message is in the log of a service that does not start.
    """
    names = [node.name for node in bench.manifest.settings_schema.children if getattr(node, "secret", False)]
    for name in names:
        mistyped = "mistyped\x00canary-8f2c"
        try:
            fields.validate(bench.manifest.settings_schema, {**bench.texts(), name: mistyped})
        except Exception as error:
            told = str(getattr(error, "fields", error))
            expect("canary-8f2c" not in told, f"{name} was mistyped, and the message repeats it")
            expect(name in told, f"{name} was mistyped, and the message does not name it")
