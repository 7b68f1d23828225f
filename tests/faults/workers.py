"""What a process of a storm does: jobs of the clients and rounds of the background work, until it is killed."""

from __future__ import annotations

import hashlib
import json
import os
import random
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from multiprocessing.connection import Connection
from typing import Any
from urllib.parse import urlencode

import urllib3

from tests.clinic import Clinic, manager, render
from tests.faults import steps
from tests.faults.clients import Answer, Job
from tests.faults.fate import Fate, by_another
from tp_gateway.contract import Flow
from tp_gateway.errors import GatewayError
from tp_gateway.identity import Identity
from tp_gateway.services.facts import Key

_RECENTLY = 3
_HTTP = urllib3.PoolManager(timeout=10, retries=False)


Jobs = Mapping[str, Callable[..., Answer | None]]


@dataclass(frozen=True)
class Cast:
    """What the processes of a storm can do: `jobs` by kind (`round` among them), and the background work between them
    by turns, which `round` is told by its name: one after so many (`every`) pieces of work. `steps` is about how many a
    payment takes."""

    jobs: Jobs
    rounds: tuple[str, ...]
    steps: int
    every: int


def work(clinic: Clinic, jobs: Jobs, pipe: Connection, dice: random.Random, mean_steps: int) -> None:
    """Do the jobs that come, until the pipe is closed or we are killed."""
    steps.attach(clinic, Fate(dice, mean_steps, by_another(pipe)).step)
    with suppress(EOFError, ConnectionError):  # the other end is closed: everybody goes home
        while True:
            job: Job = pipe.recv()
            try:
                answer = jobs[job.kind](clinic, **job.arguments)
            except GatewayError as refusal:
                answer = Answer({}, refusal.code)
            except urllib3.exceptions.HTTPError:
                answer = None  # the browser had no answer
            pipe.send(answer)


def _pay(clinic: Clinic, patient: int, amount: int, card: str, key: str | None, save: bool, **payable: Any) -> Answer:
    known = Key(patient, "pay", key, f"{payable}{amount}{card}") if key else None
    paid = clinic.pay(_patient(patient), known, **payable, amount=amount, method_id=card, save_method=save)
    return Answer({**paid.body, "text": paid.text})


def _start(clinic: Clinic, patient: int, amount: int, **payable: Any) -> Answer:
    return Answer(clinic.pay(_patient(patient), **payable, flow=Flow.BROWSER, amount=amount).body)


def _enter_card(clinic: Clinic, patient: int, payment_id: int, reference: str, secret: str, card: str) -> Answer:
    """The card form: the browser speaks to the provider, not to us."""
    form = urlencode({"payment_method": card, "client_secret": secret})
    headers = {"Authorization": "Bearer pk_test_clinic"}
    _HTTP.request("POST", f"{clinic.sandbox_url}/v1/payment_intents/{reference}/confirm", body=form, headers=headers)
    return Answer({})


def _challenge(clinic: Clinic, patient: int, payment_id: int, reference: str, outcome: str) -> Answer:
    url = f"{clinic.sandbox_url}/_sandbox/challenge/{reference}"
    _HTTP.request("POST", url, json={"outcome": outcome})  # refused by now, where another process has closed it
    return Answer({})


def _confirm(clinic: Clinic, patient: int, payment_id: int, reference: str) -> Answer:
    who = _patient(patient)
    return Answer(json.loads(clinic.gateway.payments.confirm(who, "stripe", reference, None, render).text))


def _cancel(clinic: Clinic, patient: int, payment_id: int, reference: str) -> Answer:
    return Answer({"status": clinic.gateway.payments.cancel(_patient(patient), payment_id).status})


def _refund(clinic: Clinic, patient: int, payment_id: int, amount: int | None, key: str) -> Answer:
    asked = None if amount is None else f"{amount / 100:.2f}"
    return Answer(clinic.refund(payment_id, asked, key=Key(manager.user_id or 0, "refund", key, key)).body)


def _refund_in_dashboard(clinic: Clinic, patient: int, reference: str, amount: int) -> Answer:
    intent = _HTTP.request(
        "POST", f"{clinic.sandbox_url}/_sandbox/refund", json={"payment_intent": reference, "amount": amount}
    )
    return Answer({"done": intent.status})


def _round(clinic: Clinic, name: str) -> Answer:
    gateway = clinic.gateway
    rounds: dict[str, Callable[[], object]] = {
        "inbox": gateway.inbox.work,
        "sweep": gateway.recovery.sweep,
        "refunds": gateway.refund_sending.sweep,
        "outbox": gateway.outbox.relay,
        "reverse": lambda: gateway.reverse_sweep.run(since=datetime.now(UTC) - timedelta(seconds=_RECENTLY)),
    }
    return in_a_loop(rounds[name])


def in_a_loop(work: Callable[[], object]) -> Answer:
    """As the worker's loops: whatever goes wrong, the next round is another one."""
    try:
        work()
    except GatewayError:
        raise
    except Exception as error:
        return Answer({}, type(error).__name__)
    return Answer({})


def _patient(user_id: int) -> Identity:
    return Identity(user_id, "patient")


JOBS: Jobs = {
    "pay": _pay,
    "start": _start,
    "enter_card": _enter_card,
    "challenge": _challenge,
    "confirm": _confirm,
    "cancel": _cancel,
    "refund": _refund,
    "refund_in_dashboard": _refund_in_dashboard,
    "round": _round,
}
CARDS = Cast(JOBS, ("inbox", "sweep", "outbox", "refunds") * 8 + ("reverse",), steps=52, every=8)


# --- the door of the webhooks -----------------------------------------------------------------------------------------


def receive(clinic: Clinic, listening: socket.socket, pipe: Connection, dice: random.Random, mean_steps: int) -> None:
    """Take events from the provider until killed. Of ten events five never come, one comes twice, one comes late."""
    steps.attach(clinic, Fate(dice, mean_steps, by_another(pipe)).step)
    held: list[tuple[bytes, dict[str, str]]] = []

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            luck = hashlib.sha256(json.loads(body)["id"].encode()).digest()[0] % 10
            status = 200
            try:
                if luck == 5:
                    held.append((body, headers))
                elif luck > 5:
                    for _ in range(2 if luck == 6 else 1):
                        clinic.gateway.inbox.receive("stripe", body, headers)
                if len(held) > 3:
                    clinic.gateway.inbox.receive("stripe", *held.pop(0))
            except GatewayError:
                status = 503
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Said elsewhere: the sandbox keeps every delivery."""

    server = HTTPServer(("127.0.0.1", 0), Door, bind_and_activate=False)
    server.socket.close()
    server.socket = listening
    while os.getppid() != 1:
        server.handle_request()
