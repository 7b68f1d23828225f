"""Compares two sets of books: what the stand-in for Stripe took and gave back, and what the gateway says about its
payments."""

from typing import Any

from demo.client import Client
from demo.processes import Process, wait_until
from demo.stage import Stage, amount

Money = dict[str, tuple[int, int]]
"""Payment intent -> (taken, given back), in cents."""


def wait_for_webhooks(stage: Stage, *processes: Process) -> int:
    """Until every event is delivered to this gateway and worked off. Returns how many there are in all."""
    sandbox = Client(stage.sandbox, stage.screen)

    def quiet() -> bool:
        here = _endpoints(sandbox, stage.client.base)
        deliveries = sandbox.call(None, "GET", "/_sandbox/deliveries", show=False).body["deliveries"]
        waiting = any(one["state"] == "pending" and one["endpoint"] in here for one in deliveries)
        return not waiting and not stage.seeding.has_unapplied_events()

    wait_until(quiet, 30, "Delivering the webhooks", *processes)
    return len(_books(sandbox)["events"])


def compare(stage: Stage) -> None:
    """A check line for each thing that both must agree on."""
    books, ours = _books(Client(stage.sandbox, stage.screen)), _all_payments(stage)
    theirs = _taken_at_provider(books)
    here = {
        payment["payment_intent_id"]: (_cents(payment["amount"]), _cents(payment["amount_refunded"]))
        for payment in ours
        if payment["status"] in ("succeeded", "refunded") and payment["payment_method"] == "card"
    }
    differences = sorted(theirs.items() ^ here.items())
    taken, back = (amount(sum(pair[side] for pair in theirs.values())) for side in (0, 1))
    text = f"{len(theirs)} payments: {taken} AUD taken, {back} AUD given back, the same on both sides to the cent"
    stage.screen.check(text, not differences, differences[:4])
    status = {intent["id"]: intent["status"] for intent in books["payment_intents"]}
    failed = [
        payment["payment_intent_id"]
        for payment in ours
        if payment["status"] == "failed" and payment["payment_method"] == "card"
    ]
    loose = [intent for intent in failed if status.get(intent, "canceled") != "canceled"]
    stage.screen.check(
        f"{len(failed)} failed payments can never be charged: their intents are closed", not loose, loose
    )


def _endpoints(sandbox: Client, base: str) -> set[str]:
    return {one["id"] for one in _books(sandbox)["webhook_endpoints"] if one["url"].startswith(f"{base}/")}


def _books(sandbox: Client) -> dict[str, Any]:
    books: dict[str, Any] = sandbox.call(None, "GET", "/_sandbox/books", show=False).body
    return books


def _taken_at_provider(books: dict[str, Any]) -> Money:
    found: Money = {}
    for charge in books["charges"]:
        if charge["status"] == "succeeded":
            taken, back = found.get(charge["payment_intent"], (0, 0))
            found[charge["payment_intent"]] = taken + charge["amount_captured"], back + charge["amount_refunded"]
    return found


def _all_payments(stage: Stage) -> list[dict[str, Any]]:
    manager, found = stage.callers.manager(), []
    path: str | None = "/api/billing/payments/?limit=100"
    while path:
        page = stage.client.call(manager, "GET", path, show=False).body
        found += page["payments"]
        path = page["next"]
    return found


def _cents(text: str) -> int:
    return int(text.replace(".", ""))
