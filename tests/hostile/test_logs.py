"""Plugins that say too much, or raise what cannot be looked at: the log has a line of it, without secrets."""

from __future__ import annotations

import pytest

from tests.hostile.conftest import Hostile

LOUD = """
import logging
WHAT = None

class Unseen(Exception):
    @property
    def __cause__(self): raise SystemExit("hunter2")
    __context__ = __notes__ = __suppress_context__ = __cause__
    def __str__(self): raise KeyboardInterrupt
    __repr__ = __str__

def whisper(order):
    logging.getLogger("acme").error("sk_live_1234567890abcdef 4242 4242 4242 4242")

def shout(order):
    logging.getLogger("acme").error("sk_live_1234567890abcdef %s", "x 4242424242424242 " * 500_000)

def cry(order):
    raise RuntimeError("sk_live_1234567890abcdef" + "y" * 10_000_000)

def hide(order):
    raise Unseen

def deep(order):
    deep(order)

def nest(order):
    error = None
    for number in range(10_000):
        try:
            raise ValueError(str(number)) from error
        except ValueError as raised:
            error = raised
    raise error

def execute(self, order, reference=None):
    WHAT(order)

Acme.execute = Acme.fetch = execute
Acme.manifest = manifest(capabilities=Capabilities(fetch=True))
"""


@pytest.mark.catalogue(97)
def test_the_log_is_neither_filled_nor_broken_and_holds_no_secret(hostile_on_sqlite: Hostile) -> None:
    victim = hostile_on_sqlite(LOUD)
    for what in ("whisper", "shout", "cry", "hide", "deep", "nest"):
        victim.plugin.WHAT = getattr(victim.plugin, what)  # type: ignore[attr-defined]
        assert victim.pay_acme(status=201).json["status"] == "pending", what
    log = victim.log.getvalue()
    for secret in ("sk_live_1234", "4242424242424242", "4242 4242"):
        assert secret not in log
    assert max(map(len, log.splitlines())) < 50_000 and len(log) < 500_000
    raised = [line["error"] for line in victim.log_lines("provider_raised")]
    assert {"RuntimeError", "Unseen", "RecursionError", "ValueError"} <= set(raised)
