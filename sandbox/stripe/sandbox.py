"""Puts the parts together: one sandbox with its books, its server, its deliveries and its faults."""

import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Self

from sandbox.stripe import payouts, webhook_endpoints
from sandbox.stripe.api import Api
from sandbox.stripe.books import Books
from sandbox.stripe.contract import ContractCheck
from sandbox.stripe.control import Control
from sandbox.stripe.deliveries import Deliverer
from sandbox.stripe.delivery_faults import DeliveryFaults
from sandbox.stripe.faults import DRESSED, Faults, Incident
from sandbox.stripe.journal import Journal
from sandbox.stripe.messages import API_VERSION, Answer, Request
from sandbox.stripe.request_log import KEPT, RequestLog
from sandbox.stripe.wire import Wire
from sandbox.stripe.world import World

# docs.stripe.com/webhooks#retries: three tries over a few hours for sandboxes; here shorter and more.
BACKOFF = (0.2, 1.0, 5.0, 30.0, 120.0, 600.0)
# Stripe lets browsers call these operations from any page.
CORS = {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "Request-Id"}
PREFLIGHT = CORS | {
    "Access-Control-Allow-Methods": "GET,HEAD,POST,DELETE,OPTIONS",
    "Access-Control-Max-Age": "300",
    "Access-Control-Allow-Headers": "authorization,content-type,idempotency-key,stripe-version",
}


class StripeSandbox:
    """A stand-in for Stripe on loopback; a context manager, or `start()` and `stop()`."""

    def __init__(
        self,
        port: int = 0,
        state_file: str | Path | None = None,
        deliver_to: str | None = None,
        webhook_secrets: Sequence[str] = ("whsec_sandbox",),
        check_contract: bool = False,
        delivery_backoff: Sequence[float] = BACKOFF,
        challenge_base: str | None = None,
        faults: Iterable[dict[str, Any]] = (),
        host: str = "127.0.0.1",
        account_version: str | None = None,
        requests_kept: int = KEPT,
    ) -> None:
        self.wire = Wire(host, port, self._handle)
        self.journal = Journal(state_file) if state_file else None
        self.books = Books(self.journal)
        self.world = World(self.books, challenge_base or self.wire.url, account_version or API_VERSION)
        self.deliver_to, self.webhook_secrets = deliver_to, list(webhook_secrets)
        self.faults = Faults()
        for order in faults:
            self.faults.add(**order)
        self.log = RequestLog(requests_kept)
        self.api = Api(self.world)
        self.delivery_faults = DeliveryFaults()
        self.deliverer = Deliverer(self.world, delivery_backoff, self.delivery_faults)
        self.contract = ContractCheck() if check_contract else None
        self.control = Control(self)
        self._stopping = threading.Event()
        self._schedule_moved = threading.Event()
        self._door = threading.Lock()
        self._shut = False
        self._shut_for: float | None = None
        self._closed, self._reopen = threading.Event(), threading.Event()
        self._threads: list[threading.Thread] = []

    @property
    def url(self) -> str:
        return self.wire.url

    def start(self) -> Self:
        self._set_up()
        self.world.on_delivery = self.deliverer.wake
        self.world.wake_schedule = self._schedule_moved.set
        self.deliverer.start()
        for name, function in (("sandbox", self._serve), ("schedule", self._follow_schedule)):
            thread = threading.Thread(target=function, name=f"stripe-{name}", daemon=True)
            thread.start()
            self._threads.append(thread)
        return self

    def stop(self) -> None:
        self._stopping.set()
        self._schedule_moved.set()
        self._closed.set()
        self._reopen.set()
        self.wire.shutdown()
        self.wire.server_close()
        self.wire.drop_all()
        self.deliverer.stop()
        for thread in self._threads:
            thread.join(2)
        if self.contract:
            self.contract.stop()
        if self.journal:
            with self.books.lock:
                self.journal.close()
                self.books.journal = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def reset(self) -> None:
        """Empty books, no faults, real time; the endpoint given at the start stays, and so do violations of the
        contract: they are about the whole run."""
        with self.books.lock:
            self.deliverer.forget()
            self.books.clear()
            self.world.reload()
            self.faults.clear()
            self.delivery_faults.clear()
            self.log.clear()
            self._set_up()
        self.deliverer.hold(False)

    def _set_up(self) -> None:
        """The next payout, and the endpoint given at the start, unless the books know them from before; the endpoint's
        secrets are those given now."""
        with self.books.transaction():
            payouts.plan(self.world)
            if not self.deliver_to:
                return
            known = [one for one in self.books.all("webhook_endpoint").values() if one["url"] == self.deliver_to]
            if known:
                self.world.note("_secret", known[0]["id"], secrets=self.webhook_secrets)
            else:
                webhook_endpoints.add(self.world, self.deliver_to, self.webhook_secrets)

    def shut(self, seconds: float | None = None) -> None:
        """From now on connecting is refused: for so long, or until `open` is called. Every connection is cut."""
        with self._door:
            if self._shut:
                return
            self._shut, self._shut_for = True, seconds
            self._reopen.clear()
            self.wire.shutdown()
            self.wire.close_door()
            self._closed.set()

    def open(self) -> None:
        self._reopen.set()

    def _serve(self) -> None:
        while not self._stopping.is_set():
            self.wire.serve_forever(poll_interval=0.02)
            if self._stopping.is_set():
                return
            self._closed.wait()
            self._closed.clear()
            self._reopen.wait(self._shut_for)
            if not self._stopping.is_set():
                self.wire.open_door()
            self._shut = False

    def _follow_schedule(self) -> None:
        """Do what comes due even when nobody asks."""
        while not self._stopping.is_set():
            self._schedule_moved.wait(self.world.next_due())
            self._schedule_moved.clear()
            if not self._stopping.is_set():
                self.world.run_due()

    def _handle(self, request: Request) -> Answer | None:
        if not request.path.startswith("/v1/"):
            if request.path.startswith("/_sandbox/"):
                return self.control.answer(request)
            return self.api.answer(request)
        if request.method == "OPTIONS":
            return Answer(204, b"", dict(PREFLIGHT))
        entry = self.log.received(request, self.world.clock.now())
        rule = self.faults.pick(f"{request.method} {request.path}")
        if rule is None:
            answer: Answer | None = self._run(request)
        else:
            entry["fault"] = rule.kind
            answer = Incident(rule, self._pause, self._in_background, self.shut).play(
                lambda **more: self._run(request, **more)
            )
            if answer is not None and rule.kind in DRESSED:
                answer = self.api.headed(request, answer)
        self.log.answered(entry, answer)
        return answer

    def _run(self, request: Request, **more: Any) -> Answer:
        answer = self.api.answer(request, **more)
        answer.headers.update(CORS)
        if self.contract:
            self.contract.saw(request, answer)
        return answer

    def _pause(self, seconds: float) -> None:
        self._stopping.wait(seconds)

    def _in_background(self, function: Callable[[], None]) -> None:
        threading.Thread(target=function, daemon=True).start()
