"""Answers that are the service's own, and still end no payment: it refuses whoever asks, or says a word that is new."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from typing import Any

from tp_gateway.contract import Environment, OutcomeState, fields
from tp_gateway.testing import rules
from tp_gateway.testing.bench import ENVIRONMENT, Bench
from tp_gateway.testing.checking import check, expect, shown
from tp_gateway.testing.faults import rewritten

_WORD = re.compile(r"[A-Za-z][A-Za-z_-]{2,31}", re.ASCII)
_NEW_WORD = "kit_says_a_new_word"


def _with_wrong_keys(bench: Bench) -> Iterator[tuple[str, Any]]:
    """The provider with each secret setting in turn changed at its end, where that is still a setting."""
    schema, given = bench.manifest.settings_schema, bench.texts()
    for name in (node.name for node in schema.children if getattr(node, "secret", False)):
        if len(given.get(name, "")) < 4:
            continue
        spoiled = {**given, name: given[name][:-3] + ("000" if not given[name].endswith("000") else "111")}
        try:
            settings = fields.validate(schema, spoiled)
            provider = bench.subject.provider.build(settings, Environment(ENVIRONMENT, production=False))
        except Exception:  # noqa: S112 - a key that can be seen to be wrong is not asked about
            continue
        yield name, provider


@check("truth", rule=rules.CLOSED, needs="secrets fetch !local")
def a_wrong_key_ends_no_payment(bench: Bench) -> None:
    """With a key that the service does not know (any more) `fetch` and `close` never say DECLINED, NOT_SENT or
    `closed` of what was paid, and `check` says that it cannot work.

    Keys expire and are revoked. The service then refuses whoever asks; of the payment it says nothing, and a payment
    that is called failed for that is made a second time.
    """
    attempt = bench.paid()
    for name, provider in _with_wrong_keys(bench):
        attempt.provider = provider
        said = {"fetch": attempt.fetch()} | ({"close": attempt.close()} if bench.able.two_step else {})
        for member, found in said.items():
            kept = found.state in (OutcomeState.UNKNOWN, OutcomeState.SUCCEEDED) and not found.closed
            expect(kept, f"{name} was wrong, the payment is paid, and {member} said {shown(found)}")
        if said["fetch"].state is OutcomeState.UNKNOWN:
            healthy = provider.check(time.monotonic() + 5).ok
            expect(not healthy, f"{name} was wrong, fetch could not find out a thing, and check says that all is well")


@check("truth", rule=rules.NEVER_GUESS, needs="fetch !local")
def a_new_word_ends_no_payment(bench: Bench) -> None:
    """Where the service's answer about what was paid has a word in it that is not in its documentation, `fetch` never
    says DECLINED, NOT_SENT or `closed`.

    Services get new states. Who takes everything but "paid" for a failure has the patient pay twice on that day.
    """
    attempt = bench.paid()
    for word in _words_about(bench, attempt):

        def change(body: bytes, word: str = word) -> bytes:
            return body.replace(f'"{word}"'.encode(), f'"{_NEW_WORD}"'.encode())

        with bench.proxy.fault(rewritten(change)):
            found = attempt.fetch()
        kept = found.state not in (OutcomeState.DECLINED, OutcomeState.NOT_SENT) and not found.closed
        expect(kept, f'it was paid, the service said "{_NEW_WORD}" for "{word}", and fetch said {shown(found)}')


def _words_about(bench: Bench, attempt: Any) -> list[str]:
    """The values that are single words in the answers to `fetch`: one of them is the state."""
    found: set[str] = set()

    def read(body: bytes) -> bytes:
        try:
            found.update(_words(json.loads(body)))
        except (ValueError, RecursionError):
            found.update(())  # another format has no words that could be told apart
        return body

    with bench.proxy.fault(rewritten(read)):
        attempt.fetch()
    return sorted(found)


def _words(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for one in value.values():
            yield from _words(one)
    elif isinstance(value, list):
        for one in value:
            yield from _words(one)
    elif isinstance(value, str) and _WORD.fullmatch(value):
        yield value
