"""Puts the parts together: one sandbox with its books, its PRODA, its rules and its server."""

import threading
from pathlib import Path
from typing import Any, Self

from sandbox.medicare import patients, shapes
from sandbox.medicare.books import Books
from sandbox.medicare.calls import Call, Caller, Denied
from sandbox.medicare.claims import Claims
from sandbox.medicare.clock import DAY, Clock
from sandbox.medicare.control import PREFIX, Control
from sandbox.medicare.proda import DEVICES, TOKEN_PATH, Proda
from sandbox.medicare.refusals import Refusal
from sandbox.medicare.reports import Reports
from sandbox.medicare.rules import DISTURBANCES, Rule, Rules
from sandbox.medicare.state import StateFile
from sandbox.medicare.wire import Answer, Request, Wire


class MedicareSandbox:
    """A stand-in for PRODA and Medicare on loopback; a context manager, or `start()` and `stop()`.

    `service` is the `token.aud` that assertions must name; `api_key` is that of both dialects; with `state_file` the
    books outlive the process.
    """

    def __init__(
        self,
        port: int = 0,
        host: str = "127.0.0.1",
        client_id: str = "sandbox-client",
        service: str = "https://medicare.sandbox.invalid",
        api_key: str = "sandbox-key",
        state_file: Path | None = None,
    ) -> None:
        self.wire = Wire(host, port, self._handle)
        self.books, self.clock, self.rules = Books(), Clock(), Rules()
        self._file = StateFile(state_file, self.books, self.clock) if state_file is not None else None
        if self._file is not None:
            self._file.read()
        self.proda = Proda(self.books, self.clock, client_id, service)
        self.caller = Caller(self.proda, api_key)
        self.claims, self.reports = Claims(self.books, self.clock), Reports(self.books, self.clock)
        self.control = Control(self)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self.wire.serve_forever, args=(0.05,), name="medicare", daemon=True)

    @property
    def url(self) -> str:
        return self.wire.url

    def start(self) -> Self:
        self._thread.start()
        return self

    def stop(self) -> None:
        self._stopping.set()
        self.wire.shutdown()
        self.wire.server_close()
        self.wire.drop_all()
        self._thread.join(2)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def reset(self) -> None:
        """Empty books, no rules, real time; devices and their keys stay, tokens do not."""
        self.books.clear()
        self.rules.rules.clear()
        self.clock.offset = 0.0
        self.proda.tokens.clear()
        self.claims.ready_after, self.reports.paid_after = DAY, DAY

    def run_due(self) -> None:
        self.claims.expire()
        self.reports.run_due()

    def _handle(self, request: Request) -> Answer | None:
        with self.books.lock:
            if request.path.startswith(PREFIX):
                answer, rule = self.control.answer(request), None
            else:
                self.run_due()
                answer, rule = self._outcome(request)
            if self._file is not None:
                self._file.write()
        if rule is None:
            return answer
        if rule.kind == "slow":
            self._stopping.wait(rule.seconds)
            return answer
        return _disturbed(rule)

    def _outcome(self, request: Request) -> tuple[Answer, Rule | None]:
        """The answer, and the disturbance that is played with it."""
        try:
            if request.path == TOKEN_PATH:
                rule = self._disturbance("token")
                return (self.proda.token(request) if rule is None or rule.accepted else Answer(503, {})), rule
            if request.path.startswith(DEVICES):
                rule = self._disturbance("device")
                return (self.proda.device_call(request) if rule is None or rule.accepted else Answer(503, {})), rule
            call = self.caller.take_apart(request)
            if call is None:
                return Answer(404, {"error": "no such function"}), None
            return self._claiming(call)
        except (Refusal, Denied) as error:
            return error.answer(), None

    def _disturbance(self, function: str) -> Rule | None:
        rule = self.rules.take(function, [])
        return rule if rule is not None and rule.kind in DISTURBANCES else None

    def _claiming(self, call: Call) -> tuple[Answer, Rule | None]:
        self.books.calls.append({"function": call.function, "correlation_id": call.correlation_id})
        shapes.check(call.body, shapes.SHAPES[call.function])
        if call.subject is not None and call.subject != _card_of(call):
            raise Refusal("9201", "dhs-subjectId")
        disturbance, outcome = self.rules.of(call.function, _services(call))
        if disturbance is not None and not disturbance.accepted:
            return Answer(503, {}), disturbance
        hidden = outcome if outcome is not None and outcome.kind in DISTURBANCES else None
        try:
            value = self._done(call, None if hidden else outcome)
        except Refusal as refusal:
            return refusal.answer(), disturbance
        answer = Answer(200, value | ({"correlationId": call.correlation_id} if call.echoes else {}))
        return answer, disturbance or hidden

    def _done(self, call: Call, rule: Rule | None) -> dict[str, Any]:
        match call.function:
            case "processing_report":
                return self.reports.processing(call)
            case "payment_report":
                return self.reports.payment(call)
            case "patient_verification":
                return patients.verify(self.books, self.clock, call, rule)
            case "same_day_delete":
                return patients.delete(self.books, self.clock, call)
            case _:
                return self.claims.submit(call, rule)


def _disturbed(rule: Rule) -> Answer | None:
    match rule.kind:
        case "code":
            return Refusal(str(rule.code), text=rule.text, severity="Fatal").answer()
        case "garbage":
            return Answer(200, None, b"<html>Gateway</html>", {"Content-Type": "text/html"})
        case "status":
            return Answer(rule.status, {})
        case _:
            return None


def _card_of(call: Call) -> str:
    return str(call.patient()["medicare"]["memberNumber"])


def _services(call: Call) -> list[dict[str, Any]]:
    holder = call.body.get("claim") or call.body.get("patientClaimInteractive") or {}
    return [service for event in holder.get("medicalEvent", ()) for service in event["service"]]
