"""`python -m demo`: brings everything up, plays the scenes, compares the books, and stays up until Ctrl-C
(with `--once` it ends then)."""

import argparse
import signal
import sys
from pathlib import Path
from typing import Any

from demo.processes import ROOT, DemoFailed, wait_until
from demo.screen import Screen
from demo.service import Place, running

STEPS = 7


def main() -> int:
    given = _arguments()
    screen, place = Screen(STEPS), Place(given.folder.resolve(), given.port, given.sandbox_port, given.medicare_port)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    played = False
    try:
        with running(place, screen) as (gateway, sandbox):
            # Not above: this brings in the whole gateway, and the first line on the screen need not wait for that.
            from demo.play import play

            play(place, screen, gateway, sandbox, stays=not given.once)
            played = True
            if not given.once:
                screen.line("\nCtrl-C ends the gateway and the stand-ins. What was paid stays paid.")
                wait_until(lambda: False, float("inf"), "Staying up", gateway, sandbox)
    except KeyboardInterrupt:
        if not played:
            return 130
    except DemoFailed as problem:
        screen.line(f"\nThe demo cannot go on. {problem}")
        return 1
    return 1 if screen.failures else 0


def _interrupt(_number: int, _frame: Any) -> None:
    raise KeyboardInterrupt


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m demo", description="A gateway, stand-ins for Stripe and Medicare, and a sample clinic."
    )
    parser.add_argument("--once", action="store_true", help="end after the scenes: exit code 0 when all went well")
    parser.add_argument("--port", type=int, default=6543, help="the gateway's port")
    parser.add_argument("--sandbox-port", type=int, default=12111, help="the port of the stand-in for Stripe")
    parser.add_argument("--medicare-port", type=int, default=12222, help="the port of the stand-in for Medicare")
    parser.add_argument("--folder", type=Path, default=ROOT / "var", help="where databases and logs are kept")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
