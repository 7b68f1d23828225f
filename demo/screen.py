"""What the demo prints: steps with their time, requests and answers, and a line for every expectation. It counts those
that were not met, and decides nothing else."""

import json
import os
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

WIDTH = 110
LONGEST = 44
"""Longer texts of an answer (tokens, secrets, addresses) are shown with their middle left out."""


class Screen:
    def __init__(self, steps: int) -> None:
        self._steps, self._step = steps, 0
        self.checks = self.failures = 0
        self._colours = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        self._plain = not _can_print("✓✗→←…─")

    def line(self, text: str = "") -> None:
        print(text, flush=True)

    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        """A piece of the preparation: what it is, and how long it took."""
        self._step += 1
        print(f"[{self._step}/{self._steps}] {text} ", end="", flush=True)
        began = time.monotonic()
        try:
            yield
        except BaseException:
            print(flush=True)
            raise
        print(self._paint(f"({time.monotonic() - began:.1f} s)", "2"), flush=True)

    def steps_with_scenes(self, text: str) -> None:
        self._step += 1
        print(f"[{self._step}/{self._steps}] {text}", flush=True)

    def scene(self, title: str) -> None:
        self.line()
        self.line(self._paint(self._ascii(f"── {title} ") + self._ascii("─") * (WIDTH - 4 - len(title)), "1"))

    def request(self, method: str, path: str, who: str, body: Any) -> None:
        self.line(f"  {self._ascii('→')} {self._paint(f'{method} {path}', '1')}   {self._paint(who, '2')}")
        self._json(body)

    def answer(self, status: int, reason: str, seconds: float, body: Any, note: str = "") -> None:
        took = self._paint(f"{seconds * 1000:.0f} ms{note}", "2")
        self.line(f"  {self._ascii('←')} {self._paint(f'{status} {reason}', '1')}   {took}")
        self._json(body)

    def check(self, text: str, ok: bool, found: Any = None) -> bool:
        """An expectation: green when it was met, counted when it was not."""
        self.checks += 1
        self.failures += not ok
        mark, colour = (self._ascii("✓"), "32") if ok else (self._ascii("✗"), "31;1")
        self.line(f"  {self._paint(f'{mark} {text}', colour)}{'' if ok else f'   found: {found!r}'}")
        return ok

    def _json(self, body: Any) -> None:
        if body is None:
            return
        text = body if isinstance(body, str) else json.dumps(shortened(body), ensure_ascii=self._plain)
        for line in textwrap.wrap(text, WIDTH - 6, break_on_hyphens=False):
            self.line(f"      {line}")

    def _paint(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colours else text

    def _ascii(self, text: str) -> str:
        if not self._plain:
            return text
        for sign, instead in (("✓", "ok"), ("✗", "FAILED"), ("→", ">"), ("←", "<"), ("─", "-"), ("…", "...")):
            text = text.replace(sign, instead)
        return text


def shortened(value: Any) -> Any:
    """A JSON value with its long texts cut in the middle and its empty fields left out."""
    if isinstance(value, dict):
        return {key: shortened(item) for key, item in value.items() if item not in (None, "", {}, [])}
    if isinstance(value, list):
        return [shortened(item) for item in value[:3]] + ([f"and {len(value) - 3} more"] if len(value) > 3 else [])
    if isinstance(value, str) and len(value) > LONGEST and " " not in value:
        return f"{value[:28]}...{value[-6:]}"
    return value


def _can_print(signs: str) -> bool:
    try:
        signs.encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
