"""How far a command has come with a long file, for the one who waits for it."""

from __future__ import annotations

from typing import TextIO

_BAR = 30


class Progress:
    """A bar that moves on a terminal; elsewhere a line for each tenth of the way."""

    def __init__(self, name: str, out: TextIO) -> None:
        self._name, self._out, self._moves = name, out, out.isatty()
        self._last = ("", -1)

    def __call__(self, doing: str, done: int, all_: int) -> None:
        share = done / all_ if all_ else 0.0
        steps = int(share * (100 if self._moves else 10))
        if (doing, steps) == self._last:
            return
        self._last = (doing, steps)
        if self._moves:
            full = int(share * _BAR)
            self._out.write(f"\r{self._name}: {doing:<9} [{'#' * full}{'.' * (_BAR - full)}] {share:4.0%}")
            self._out.flush()
        else:
            print(f"{self._name}: {doing}, {steps * 10} %", file=self._out)

    def end(self) -> None:
        if self._moves and self._last[1] >= 0:
            self._out.write("\r\x1b[K")
            self._out.flush()

    def say(self, text: str) -> None:
        """A line of its own; the bar comes back below it."""
        self.end()
        self._last = ("", -1)
        print(text, file=self._out)

    def refuse(self, text: str) -> int:
        """Say why, as every problem is said. Returns the exit code."""
        self.end()
        print(f"tp-gateway: {text}", file=self._out)
        return 1
