"""The demo's own processes: started with their output in a file, waited for, ended by their id. No other process is
touched."""

import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TAIL, LONGEST_LINE = 15, 400


class DemoFailed(Exception):
    """The demo cannot go on. The message is for the person at the terminal."""


class Process:
    """A child in a session of its own, so that Ctrl-C reaches the demo alone, which ends its children in order."""

    def __init__(self, name: str, command: Sequence[str], log: Path, environment: Mapping[str, str]) -> None:
        self.name, self._log = name, log
        with log.open("wb") as output:
            self._child = subprocess.Popen(
                command,
                cwd=ROOT,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def finish(self, seconds: float) -> None:
        """Wait for a child that ends by itself."""
        try:
            code = self._child.wait(seconds)
        except subprocess.TimeoutExpired:
            raise DemoFailed(f"{self.name} did not finish in {seconds:.0f} seconds.\n{self.tail()}") from None
        if code:
            raise DemoFailed(f"{self.name} failed.\n{self.tail()}")

    def require_alive(self) -> None:
        if self._child.poll() is not None:
            raise DemoFailed(f"{self.name} has ended (exit code {self._child.returncode}).\n{self.tail()}")

    def tail(self) -> str:
        lines = self._log.read_text("utf-8", "replace").splitlines()[-TAIL:]
        return "\n".join([f"The last lines of {self._log}:", *(f"  | {line[:LONGEST_LINE]}" for line in lines)])

    def end(self, seconds: float) -> None:
        """Gracefully; by force after `seconds`. Nothing happens to one that has ended."""
        if self._child.poll() is not None:
            return
        self._child.send_signal(signal.SIGTERM)
        try:
            self._child.wait(seconds)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()


def wait_until(done: Callable[[], object], seconds: float, what: str, *needed: Process) -> None:
    """Ask again and again until `done` is true; DemoFailed when time is up or a process that is needed has ended."""
    deadline = time.monotonic() + seconds
    while not done():
        for process in needed:
            process.require_alive()
        if time.monotonic() > deadline:
            tails = "\n".join(process.tail() for process in needed)
            raise DemoFailed(f"{what} took longer than {seconds:.0f} seconds.\n{tails}")
        time.sleep(0.03)


def require_free(port: int, option: str) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise DemoFailed(
                f"Port {port} cannot be used: {error.strerror}. Perhaps a demo is still running.\n"
                f"End what listens there, or choose another port: make demo {option}={port + 1000}"
            ) from None
