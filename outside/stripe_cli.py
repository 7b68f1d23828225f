"""Stripe's own command line fires its triggers at the sandbox, as it does at Stripe.

Each trigger must end well, leave a new event of its name, and an object that shows the facts of the row.
"""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import urllib3

from outside.outcomes import Outcomes

HERE = Path(__file__).parent
INSTALLED = HERE / "node_modules" / ".bin" / "stripe"
KEY = "sk_test_outside0000000000"
# What the command line sends without a version is meant for accounts of before `payment_method_types` went away.
ACCOUNT_VERSION = "2026-05-27.dahlia"
NOWHERE = "http://127.0.0.1:9"  # the discard port: a proxy that answers nothing

# The trigger, which is the event too; where its object is found; what the object must show there afterwards.
TRIGGERS: list[tuple[str, str, dict[str, Any]]] = [
    ("payment_intent.created", "payment_intents", {"status": "requires_payment_method", "amount": 2000}),
    ("payment_intent.succeeded", "payment_intents", {"status": "succeeded", "amount_received": 2000}),
    (
        "payment_intent.payment_failed",
        "payment_intents",
        {"status": "requires_payment_method", "last_payment_error.code": "card_declined"},
    ),
    (
        "payment_intent.canceled",
        "payment_intents",
        {"status": "canceled", "cancellation_reason": "requested_by_customer"},
    ),
    (
        "payment_intent.requires_action",
        "payment_intents",
        {"status": "requires_action", "next_action.type": "use_stripe_sdk"},
    ),
    (
        "payment_intent.amount_capturable_updated",
        "payment_intents",
        {"status": "requires_capture", "amount_capturable": 2000},
    ),
    ("charge.succeeded", "charges", {"status": "succeeded", "paid": True, "captured": True, "amount": 100}),
    ("charge.failed", "charges", {"status": "failed", "paid": False, "failure_code": "card_declined"}),
    ("charge.captured", "charges", {"captured": True, "amount_captured": 2000}),
    ("charge.refunded", "charges", {"refunded": True, "amount_refunded": 100}),
    ("charge.dispute.created", "disputes", {"object": "dispute", "amount": 100, "evidence_details.past_due": False}),
    ("customer.created", "customers", {"object": "customer", "description": "(created by Stripe CLI)"}),
    ("payment_method.attached", "payment_methods", {"type": "card", "card.last4": "4242"}),
    ("setup_intent.succeeded", "setup_intents", {"status": "succeeded", "last_setup_error": None}),
    (
        "setup_intent.setup_failed",
        "setup_intents",
        {"status": "requires_payment_method", "last_setup_error.code": "card_declined"},
    ),
]


def install() -> str | None:
    """Install what the lock file names into this folder; what went wrong, if anything."""
    npm = shutil.which("npm")
    if npm is None:
        return "npm is missing; it comes with Node.js 18 or later"
    done = HERE / "node_modules" / ".installed"
    lock = (HERE / "package-lock.json").read_text()
    if done.is_file() and done.read_text() == lock and INSTALLED.exists():
        return None
    # No script of a package is run: the program itself is in a package of its own.
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]
    ended = subprocess.run(
        command, cwd=HERE, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False
    )
    if ended.returncode:
        return f"npm ci ended with {ended.returncode}: {ended.stderr.strip()[-800:]}"
    done.write_text(lock)
    return None


def look(url: str, outcomes: Outcomes) -> None:
    trouble = install()
    if trouble:
        outcomes.note("stripe cli: installed", trouble)
        return
    http = urllib3.PoolManager(headers={"Authorization": f"Bearer {KEY}"}, retries=False, timeout=10)
    with tempfile.TemporaryDirectory() as home:
        for trigger, plural, facts in TRIGGERS:
            outcomes.note(f"stripe trigger {trigger}", _fire(http, url, home, trigger, plural, facts))


def _fire(
    http: urllib3.PoolManager, url: str, home: str, trigger: str, plural: str, facts: dict[str, Any]
) -> str | None:
    before = {event["id"] for event in _events(http, url, trigger)}
    ended = subprocess.run(
        [str(INSTALLED), "trigger", trigger, "--api-base", url],
        env=_environment(home),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    # It ends with 0 even when a request was refused, so its words count.
    if ended.returncode or "Trigger succeeded!" not in ended.stdout:
        return f"ended with {ended.returncode}: {(ended.stdout + ended.stderr).strip()[-800:]}"
    new = [event for event in _events(http, url, trigger) if event["id"] not in before]
    if len(new) != 1:
        return f"{len(new)} new events instead of one"
    told = new[0]["data"]["object"]
    answer = http.request("GET", f"{url}/v1/{plural}/{told['id']}")
    if answer.status != 200:
        return f"the event's object {told['id']} is not found: {answer.status}"
    found = answer.json()
    for name, wanted in facts.items():
        for what, thing in (("event", told), ("object", found)):
            if _at(thing, name) != wanted:
                return f"{name} of the {what} is {_at(thing, name)!r}, not {wanted!r}"
    return None


def _environment(home: str) -> dict[str, str]:
    """A fresh home, no login, and no way out: the look for a newer version and telemetry get a dead proxy."""
    return {
        "PATH": os.environ.get("PATH", ""),
        "HOME": home,
        "XDG_CONFIG_HOME": home,
        "STRIPE_API_KEY": KEY,
        "STRIPE_CLI_TELEMETRY_OPTOUT": "1",
        "HTTPS_PROXY": NOWHERE,
        "NO_PROXY": "127.0.0.1,localhost",
        "NO_COLOR": "1",
    }


def _events(http: urllib3.PoolManager, url: str, kind: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = http.request("GET", f"{url}/v1/events?type={kind}&limit=100").json()["data"]
    return found


def _at(thing: Any, path: str) -> Any:
    for name in path.split("."):
        thing = thing.get(name) if isinstance(thing, dict) else None
    return thing
