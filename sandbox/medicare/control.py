"""The control path under /_sandbox/, for tests and demos: JSON, no key, loopback. The gateway must never call it."""

from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from sandbox.medicare.rules import KINDS, Rule
from sandbox.medicare.wire import Answer, Request

if TYPE_CHECKING:
    from sandbox.medicare.sandbox import MedicareSandbox

PREFIX = "/_sandbox/"


class Control:
    def __init__(self, sandbox: "MedicareSandbox") -> None:
        self.sandbox = sandbox
        self.table: dict[str, Callable[[dict[str, Any]], Any]] = {
            "GET books": lambda _: sandbox.books.shown(),
            "GET clock": self.clock,
            "POST clock": self.clock,
            "GET rules": self.rules,
            "POST rules": self.add_rule,
            "DELETE rules": self.clear_rules,
            "POST devices": self.device,
            "POST payment-run": self.payment_run,
            "POST settings": self.settings,
            "POST reset": self.reset,
        }

    def answer(self, request: Request) -> Answer:
        function = self.table.get(f"{request.method} {request.path.removeprefix(PREFIX)}")
        if function is None:
            return Answer(404, {"error": "not found", "there_is": sorted(self.table)})
        try:
            return Answer(200, function(request.json()))
        except (ValueError, TypeError, KeyError) as error:
            return Answer(400, {"error": f"{type(error).__name__}: {error}"})

    def clock(self, order: dict[str, Any]) -> dict[str, float]:
        self.sandbox.clock.advance(float(order.get("advance", 0)))
        self.sandbox.run_due()
        return {"now": self.sandbox.clock.now(), "offset": self.sandbox.clock.offset}

    def rules(self, _: dict[str, Any]) -> dict[str, Any]:
        return {"rules": [rule.shown() for rule in self.sandbox.rules.rules], "kinds": KINDS}

    def add_rule(self, order: dict[str, Any]) -> dict[str, Any]:
        rule = Rule(**order)
        self.sandbox.rules.rules.append(rule)
        return rule.shown()

    def clear_rules(self, order: dict[str, Any]) -> dict[str, Any]:
        self.sandbox.rules.rules.clear()
        return self.rules(order)

    def device(self, order: dict[str, Any]) -> dict[str, str | None]:
        device = self.sandbox.proda.register(order["org"], order["device"], order.get("code"))
        return {"org": device.org, "device": device.name, "code": device.code}

    def payment_run(self, _: dict[str, Any]) -> dict[str, Any]:
        self.sandbox.run_due()
        return {"payment_runs": [asdict(run) for run in self.sandbox.reports.pay()]}

    def settings(self, order: dict[str, Any]) -> dict[str, float | None]:
        """`ready_after` a lodgement, `paid_after` an assessment: seconds; null: only by a payment run of this path."""
        if "ready_after" in order:
            self.sandbox.claims.ready_after = float(order["ready_after"])
        if "paid_after" in order:
            after = order["paid_after"]
            self.sandbox.reports.paid_after = None if after is None else float(after)
        return {"ready_after": self.sandbox.claims.ready_after, "paid_after": self.sandbox.reports.paid_after}

    def reset(self, _: dict[str, Any]) -> dict[str, bool]:
        self.sandbox.reset()
        return {"reset": True}
