"""Runs the sandbox as a process of its own: python -m sandbox.medicare --port 12222."""

import argparse
import signal
from pathlib import Path

from sandbox.medicare.sandbox import MedicareSandbox


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox.medicare", description="A stand-in for PRODA and Medicare on loopback."
    )
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address (anything else is refused)")
    parser.add_argument("--port", type=int, default=12222)
    parser.add_argument("--state", metavar="FILE", type=Path, help="keep the books in this file across restarts")
    return parser.parse_args()


def main() -> None:
    given = _arguments()
    told_to_stop = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, told_to_stop)
    with MedicareSandbox(port=given.port, host=given.host, state_file=given.state) as sandbox:
        print(f"Medicare sandbox at {sandbox.url}", flush=True)
        signal.sigwait(told_to_stop)


if __name__ == "__main__":
    main()
