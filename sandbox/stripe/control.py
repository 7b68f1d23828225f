"""The control API under /_sandbox/, for tests and demos: JSON, no key, loopback. The gateway must never call it."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sandbox.stripe import challenge, disputes, events, money, payouts, refunds
from sandbox.stripe.errors import ApiError
from sandbox.stripe.messages import Answer, Request

if TYPE_CHECKING:
    from sandbox.stripe.sandbox import StripeSandbox

BOOKS = {
    "payment_intents": "payment_intent",
    "charges": "charge",
    "refunds": "refund",
    "customers": "customer",
    "disputes": "dispute",
    "balance_transactions": "balance_transaction",
    "payment_methods": "payment_method",
    "payouts": "payout",
    "setup_intents": "setup_intent",
    "events": "event",
    "webhook_endpoints": "webhook_endpoint",
}


class Control:
    def __init__(self, sandbox: "StripeSandbox") -> None:
        self.sandbox = sandbox
        self.world = sandbox.world
        self.table: dict[str, Callable[[Request], Any]] = {
            "GET /_sandbox/books": self.books,
            "GET /_sandbox/requests": self.requests,
            "GET /_sandbox/faults": self.faults,
            "POST /_sandbox/faults": self.add_fault,
            "DELETE /_sandbox/faults": self.clear_faults,
            "GET /_sandbox/clock": self.clock,
            "POST /_sandbox/clock": self.clock,
            "POST /_sandbox/idempotency/prune": self.prune,
            "GET /_sandbox/violations": self.violations,
            "GET /_sandbox/deliveries": self.deliveries,
            "POST /_sandbox/deliveries": self.hold,
            "POST /_sandbox/deliveries/resend": self.resend,
            "GET /_sandbox/deliveries/faults": self.delivery_faults,
            "POST /_sandbox/deliveries/faults": self.add_delivery_fault,
            "DELETE /_sandbox/deliveries/faults": self.clear_delivery_faults,
            "POST /_sandbox/down": self.down,
            "POST /_sandbox/refund": self.refund,
            "POST /_sandbox/dispute": self.dispute,
            "POST /_sandbox/balance": self.balance,
            "POST /_sandbox/payouts": self.payouts,
            "GET /_sandbox/settings": self.settings,
            "POST /_sandbox/settings": self.settings,
            "POST /_sandbox/reset": self.reset,
        }

    def answer(self, request: Request) -> Answer:
        if request.path.startswith("/_sandbox/challenge/"):
            key = request.path.rpartition("/")[2]
            if request.method == "POST":
                return challenge.decide(self.world, request, key)
            return challenge.page(self.world, key)
        function = self.table.get(f"{request.method} {request.path}")
        if function is None:
            return Answer.json(404, {"error": "not found", "there_is": sorted(self.table)})
        self.world.run_due()
        try:
            value = function(request)
        except ApiError as error:
            return Answer.json(error.status, error.body("req_control"))
        except (ValueError, TypeError, KeyError, json.JSONDecodeError) as error:
            return Answer.json(400, {"error": f"{type(error).__name__}: {error}"})
        self.world.on_delivery()
        if isinstance(value, Answer):
            return value
        with self.world.books.lock:  # it may hold objects that others are about to change
            answer = Answer.json(200, value)
        answer.close = function == self.down
        return answer

    def books(self, request: Request) -> Answer:
        """Every object, or with `?only=charges,refunds` those of some kinds. Written one by one: there may be many."""
        only = request.params.get("only", ",".join(BOOKS)).split(",")
        with self.world.books.lock:
            lists = {name: map(json.dumps, self.world.books.all(BOOKS[name]).walk()) for name in only}
            text = ",".join(f'"{name}":[{",".join(things)}]' for name, things in lists.items())
        return Answer(200, f"{{{text}}}".encode())

    def requests(self, request: Request) -> dict[str, Any]:
        since = int(request.params.get("since", 0))
        log = self.sandbox.log
        return {"requests": log.since(since), "last": log.last}

    def faults(self, _: Request) -> dict[str, Any]:
        return {"faults": [rule.shown() for rule in self.sandbox.faults.rules]}

    def add_fault(self, request: Request) -> dict[str, Any]:
        return self.sandbox.faults.add(**request.json()).shown()

    def clear_faults(self, request: Request) -> dict[str, Any]:
        self.sandbox.faults.clear()
        return self.faults(request)

    def delivery_faults(self, _: Request) -> dict[str, Any]:
        return {"faults": [rule.shown() for rule in self.sandbox.delivery_faults.rules]}

    def add_delivery_fault(self, request: Request) -> dict[str, Any]:
        return self.sandbox.delivery_faults.add(**{"match": "*", **request.json()}).shown()

    def clear_delivery_faults(self, request: Request) -> dict[str, Any]:
        self.sandbox.delivery_faults.clear()
        return self.delivery_faults(request)

    def down(self, request: Request) -> dict[str, float]:
        """For so many seconds nobody listens; only this answer still gets through."""
        seconds = float(request.json()["seconds"])
        self.sandbox.shut(seconds)
        return {"seconds": seconds}

    def clock(self, request: Request) -> dict[str, float]:
        seconds = float(request.json().get("advance", 0))
        if seconds:
            with self.world.books.transaction():
                self.world.advance(seconds)
            self.world.run_due()
        return {"now": self.world.clock.now(), "offset": self.world.clock.offset}

    def prune(self, _: Request) -> dict[str, int]:
        with self.world.books.transaction():
            return {"pruned": self.sandbox.api.keys.prune()}

    def violations(self, _: Request) -> dict[str, Any]:
        contract = self.sandbox.contract
        return {
            "checking": contract is not None,
            "checked": contract.checked() if contract else 0,
            "violations": contract.violations() if contract else [],
        }

    def deliveries(self, _: Request) -> dict[str, Any]:
        with self.world.books.lock:
            items = list(self.world.books.all("_delivery").walk())
        return {
            "mode": "hold" if self.sandbox.deliverer.held else "send",
            "idle": self.sandbox.deliverer.idle(),
            "pending": sum(item["state"] == "pending" for item in items),
            "deliveries": items,
        }

    def hold(self, request: Request) -> dict[str, str]:
        mode = request.json()["mode"]
        if mode not in ("hold", "send"):
            raise ValueError("mode must be hold or send")
        self.sandbox.deliverer.hold(mode == "hold")
        return {"mode": mode}

    def resend(self, request: Request) -> dict[str, list[str]]:
        order, world = request.json(), self.world
        with world.books.transaction():
            event = world.find("event", order["event"])
            endpoints = [
                one["id"] for one in world.books.all("webhook_endpoint").values() if one["status"] == "enabled"
            ]
            return {
                "deliveries": [
                    events.add_delivery(world, event, endpoint)
                    for _ in range(int(order.get("times", 1)))
                    for endpoint in endpoints
                ]
            }

    def refund(self, request: Request) -> Any:
        """A refund made by hand in the Dashboard."""
        order, world = request.json(), self.world
        with world.books.transaction():
            world.cause = {"id": None, "idempotency_key": None}
            return refunds.make(
                world, self._charge(order), order.get("amount"), order.get("reason"), order.get("metadata") or {}
            )

    def dispute(self, request: Request) -> Any:
        """Open a dispute or, when one is open, escalate or close it; opened and closed in one call if asked to."""
        order, world = request.json(), self.world
        if order.get("close") not in (None, "won", "lost"):
            raise ValueError("close must be won, lost or null")
        with world.books.transaction():
            world.cause = {"id": None, "idempotency_key": None}
            charge = self._charge(order)
            dispute = next((one for one in disputes.of_charge(world, charge["id"]) if disputes.is_open(one)), None)
            if dispute is None:
                reason = order.get("reason") or "fraudulent"
                inquiry = bool(order.get("inquiry"))
                dispute = disputes.open_dispute(world, charge, reason, inquiry=inquiry, amount=order.get("amount"))
            if order.get("escalate"):
                disputes.escalate(world, dispute)
            return disputes.close_dispute(world, dispute, order["close"]) if order.get("close") else dispute

    def _charge(self, order: dict[str, Any]) -> Any:
        intent = self.world.find("payment_intent", order["payment_intent"], "payment_intent")
        return self.world.find("charge", intent["latest_charge"], "payment_intent")

    def balance(self, request: Request) -> dict[str, Any]:
        """`late_seconds`: how late balance transactions appear from now on (null: when told); `post`: now is when."""
        order = request.json()
        with self.world.books.transaction():
            if "late_seconds" in order:
                self.world.change_settings({"balance_late_seconds": order["late_seconds"]})
            posted = money.post_all(self.world) if order.get("post") else 0
        return {
            "late_seconds": self.world.settings["balance_late_seconds"],
            "posted": posted,
            "waiting": len(self.world.books.all("_unposted")),
        }

    def payouts(self, request: Request) -> dict[str, Any]:
        """Pay out what is available (null: nothing is), or say what became of a payout: `paid` or `failed`."""
        order, world = request.json(), self.world
        with world.books.transaction():
            world.cause = {"id": None, "idempotency_key": None}
            if "payout" not in order:
                return {"payout": payouts.pay_out(world)}
            payout = world.find("payout", order["payout"])
            return {"payout": {"paid": payouts.arrive, "failed": payouts.fail}[order["status"]](world, payout)}

    def settings(self, request: Request) -> dict[str, Any]:
        if request.method == "POST":
            with self.world.books.transaction():
                self.world.change_settings(request.json())
        return self.world.settings

    def reset(self, _: Request) -> dict[str, bool]:
        self.sandbox.reset()
        return {"reset": True}
