"""A card network that hangs while four times as many patients pay as the gateway lets through: how fast are they told,
how much memory does it take, how soon is all well again? And are payments under way at SIGTERM finished?

    python -m benchmarks.overload

Two gunicorn workers with production's settings on SQLite, the stand-in for Stripe beside them; ends by itself in
about a minute. Prints what it measured; nothing here is a test.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import urllib3

from sandbox.stripe import StripeSandbox

WORKERS, THREADS, LANES, WAITING = 2, 32, 16, 4
HANGS, LOAD = 6.0, 4
PAY = "/api/billing/payments/"


def main() -> None:
    with TemporaryDirectory() as folder, StripeSandbox() as provider:
        port = _free_port()
        env = {
            **os.environ,
            "DATABASE_URL": f"sqlite:///{folder}/overload.sqlite3",
            "STRIPE_API_BASE": provider.url,
            "STRIPE_API_KEY": "sk_test_overload",
            "STRIPE_WEBHOOK_SECRET": "whsec_overload",
            "JWT_SECRET": "benchmark-key-of-the-clinics-backend-0123456789",
            "THREADS": str(LANES),
            "TP_GATEWAY_PROVIDER_WAITING": str(WAITING),
        }
        clinic = _prepared(env)
        command = [sys.executable, "-m", "gunicorn", "-c", "python:tp_gateway.servers", "-b", f"127.0.0.1:{port}"]
        command += ["-w", str(WORKERS), "--threads", str(THREADS), "--log-level", "warning"]
        server = subprocess.Popen([*command, "benchmarks.application:application"], env=env)
        try:
            _measure(Gateway(port, clinic), provider.url, server)
        finally:
            server.kill()
            server.wait()


class Gateway:
    def __init__(self, port: int, clinic: dict[str, Any]) -> None:
        self._base = f"http://127.0.0.1:{port}"
        self._http = urllib3.PoolManager(maxsize=512, retries=False, timeout=60)
        self._todo = [(one["token"], number) for one in clinic["patients"] for number in one["appointments"]]
        self._lock = threading.Lock()

    def pay(self) -> tuple[int, float, Any]:
        """(status, seconds, body) of the next appointment's payment; status 0: no answer."""
        with self._lock:
            token, appointment = self._todo.pop()
        body = {"appointment_id": appointment, "payment_method": "card", "payment_method_id": "pm_card_visa"}
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        began = time.monotonic()
        try:
            answer = self._http.request(
                "POST", self._base + PAY, body=json.dumps({**body, "amount": "180.00"}), headers=headers
            )
        except urllib3.exceptions.HTTPError:
            return 0, time.monotonic() - began, None
        return answer.status, time.monotonic() - began, json.loads(answer.data)

    def is_ready(self) -> bool:
        try:
            return bool(self._http.request("GET", f"{self._base}/readyz").status == 200)
        except urllib3.exceptions.HTTPError:
            return False


def _measure(gateway: Gateway, provider: str, server: subprocess.Popen[bytes]) -> None:
    while not gateway.is_ready():
        time.sleep(0.1)
    clients = LOAD * WORKERS * (LANES + WAITING)
    with ThreadPoolExecutor(clients) as threads:
        fault = {"match": "POST /v1/payment_intents/*/confirm", "kind": "slow", "times": None, "seconds": HANGS}
        _control(provider, "POST", "faults", fault)
        answers = [one.result() for one in [threads.submit(gateway.pay) for _ in range(clients)]]
        refused = sorted(seconds for status, seconds, _ in answers if status == 503)
        print(f"{clients} clients at once, {WORKERS} x {LANES} + {WAITING} places: {_counted(answers)}")
        if refused:
            middle, late = statistics.median(refused), refused[int(len(refused) * 0.95)]
            print(f"503 after {middle * 1000:.0f} ms (median), {late * 1000:.0f} ms (95 %)")
        print(f"memory of the server: {_memory(server.pid):.0f} MB")
        _control(provider, "DELETE", "faults")
        began = time.monotonic()
        while (last := gateway.pay())[0] != 201:
            time.sleep(0.05)
        print(
            f"a payment succeeds again {time.monotonic() - began:.1f} s after the network answers ({last[2]['status']})"
        )
        fault["seconds"] = 2.0
        _control(provider, "POST", "faults", fault)
    _drain(gateway, server)


def _drain(gateway: Gateway, server: subprocess.Popen[bytes]) -> None:
    """SIGTERM while payments hang: each gets its true answer, or was never let in."""
    with ThreadPoolExecutor(WORKERS * LANES) as threads:
        under_way = [threads.submit(gateway.pay) for _ in range(WORKERS * LANES // 2)]
        time.sleep(1.0)
        server.send_signal(signal.SIGTERM)
        began = time.monotonic()
        server.wait(60)
        print(
            f"SIGTERM with {len(under_way)} payments under way: the server ended after {time.monotonic() - began:.1f} s"
        )
        finished = [one.result() for one in under_way]
    print(f"their answers: {_counted(finished)}")


def _counted(answers: list[tuple[int, float, Any]]) -> str:
    found = Counter(
        f"{status} {body['status'] if body and 'status' in body else ''}".strip() for status, _, body in answers
    )
    return ", ".join(f"{number} x {what}" for what, number in sorted(found.items()))


def _prepared(env: dict[str, str]) -> dict[str, Any]:
    words = [sys.executable, "-m", "benchmarks.prepare", "40", "12", "0"]
    made: dict[str, Any] = json.loads(subprocess.run(words, env=env, check=True, capture_output=True, text=True).stdout)
    return made


def _control(provider: str, method: str, path: str, body: Any = None) -> None:
    urllib3.request(method, f"{provider}/_sandbox/{path}", json=body, retries=False)


def _memory(parent: int) -> float:
    """MB of the proportional set size of a process and its children."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    rolled = [Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in [str(parent), *children]]
    return sum(int(size) for text in rolled for size in re.findall(r"^Pss: +(\d+)", text, re.MULTILINE)) / 1024


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


if __name__ == "__main__":
    main()
