"""schemathesis fuzzes the sandbox with Stripe's own document: no 5xx, and every answer keeps the document.

The document is cut down to the operations that the sandbox has, and where it asks for an id, ids of objects that exist
are offered, so that the fuzzing gets past the 404.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from copy import deepcopy
from pathlib import Path
from typing import Any

import urllib3

from outside.outcomes import Outcomes
from sandbox.stripe.document import FORM, document
from sandbox.stripe.messages import API_VERSION
from sandbox.stripe.routes import ROUTES

KEY = "sk_test_fuzz0000000000"
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
EXAMPLES = 25
"""For each operation, always the same ones; FUZZ_SECONDS=600 (and FUZZ_SEED) looks for new ones, so long."""
_LONGEST = 1200
TOKENS = ["pm_card_visa", "pm_card_chargeDeclined", "pm_card_threeDSecureRequired", "pm_card_createDispute"]


def look(url: str, outcomes: Outcomes) -> None:
    seconds = int(os.environ.get("FUZZ_SECONDS") or 0)
    with tempfile.TemporaryDirectory() as folder:
        cut = cut_down(document(), seeds(url))
        path = Path(folder, "stripe.json")
        path.write_text(json.dumps(cut))
        operations = sum(len(item) for item in cut["paths"].values())
        extent = f"for about {seconds} seconds" if seconds else f"with {EXAMPLES} examples each"
        print(f"fuzzing {operations} operations {extent}", flush=True)
        outcomes.note(f"schemathesis: {operations} operations", _run(path, url, seconds, folder))
    outcomes.note("schemathesis: no 5xx was sent", _server_errors(url))


def _run(path: Path, url: str, seconds: int, folder: str) -> str | None:
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run", str(path), "--url", url, "--checks", CHECKS),
        *("--header", f"Authorization: Bearer {KEY}", "--header", f"Stripe-Version: {API_VERSION}"),
        *("--phases", "coverage,fuzzing", "--workers", "1", "--no-color"),
        *("--no-shrink", "--suppress-health-check", "all"),
        *("--warnings", "off", "--continue-on-failure"),
    ]
    if seconds:
        command += ["--max-time", str(seconds), "--seed", os.environ.get("FUZZ_SEED") or "1"]
    else:
        command += ["--max-examples", str(EXAMPLES), "--generation-deterministic", "--seed", "1"]
    environment = {**os.environ, "HOME": folder, "PYTHONPATH": "", "NO_PROXY": "127.0.0.1"}
    # Its deadline is soft; this one is not.
    with open(Path(folder, "report.txt"), "w+") as report:
        try:
            ended = subprocess.run(
                command,
                check=False,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=report,
                stderr=subprocess.STDOUT,
                timeout=seconds * 2 + 300 if seconds else _LONGEST,
            ).returncode
        except subprocess.TimeoutExpired:
            ended = -1
        report.seek(0)
        text = report.read()
    print("\n".join(line[:200] for line in text.splitlines()[-150 if ended else -16 :]), flush=True)
    return None if ended == 0 else f"schemathesis ended with {ended}; its report is above"


def _server_errors(url: str) -> str | None:
    log = urllib3.request("GET", f"{url}/_sandbox/requests").json()["requests"]
    wrong = [one for one in log if (one["status"] or 0) >= 500]
    return f"{len(wrong)}, such as {json.dumps(wrong[0])[:600]}" if wrong else None


def seeds(url: str) -> dict[str, list[str]]:
    """Objects to fuzz: for the name of a path parameter, ids that exist."""
    headers = {"Authorization": f"Bearer {KEY}", "Stripe-Version": API_VERSION}
    http = urllib3.PoolManager(headers=headers, retries=False, timeout=10)

    def make(path: str, **form: str) -> Any:
        answer = http.request("POST", f"{url}/v1/{path}", fields=form, encode_multipart=False)
        return answer.json()

    customer = make("customers")["id"]
    method = make("payment_methods/pm_card_visa/attach", customer=customer)["id"]
    order = {"amount": "5000", "currency": "aud", "return_url": "https://clinic.example/", "confirm": "true"}
    paid = [make("payment_intents", **order, payment_method=token) for token in TOKENS]
    held = make("payment_intents", **order, payment_method="pm_card_visa", capture_method="manual")
    new = make("payment_intents", amount="5000", currency="aud", customer=customer)
    intents = [one["id"] for one in [*paid, held, new] if "id" in one]
    setup = make("setup_intents", customer=customer)["id"]
    refund = make("refunds", payment_intent=paid[0]["id"], amount="100")["id"]
    http.request("POST", f"{url}/_sandbox/settings", json={"settlement_days": 0})
    make("payment_intents", **order, payment_method="pm_card_visa")
    payout = http.request("POST", f"{url}/_sandbox/payouts", json={}).json()["payout"]["id"]
    listed = {
        name: [one["id"] for one in http.request("GET", f"{url}/v1/{name}?limit=5").json()["data"]]
        for name in ("disputes", "balance_transactions", "events")
    }
    hook = make("webhook_endpoints", url="http://127.0.0.1:9/", **{"enabled_events[]": "charge.failed"})["id"]
    return {
        "customer": [customer],
        "payment_method": [method],
        "intent": [*intents, setup],
        "charge": [paid[0]["latest_charge"], held["latest_charge"]],
        "refund": [refund],
        "payout": [payout],
        "dispute": listed["disputes"],
        "id": [*listed["balance_transactions"], *listed["events"]],
        "webhook_endpoint": [hook],
    }


def cut_down(whole: dict[str, Any], ids: dict[str, list[str]]) -> dict[str, Any]:
    """The document with only what the sandbox has, and the ids offered."""
    ours = {route.operation for route in ROUTES}
    paths: dict[str, Any] = {}
    for path, item in whole["paths"].items():
        pattern = re.sub(r"\{[^}]+\}", "*", path)
        for method, operation in item.items():
            if f"{method.upper()} {pattern}" in ours:
                paths.setdefault(path, {})[method] = _offering(deepcopy(operation), ids)
    schemas = _reached(paths, whole["components"]["schemas"])
    return {"openapi": whole["openapi"], "info": whole["info"], "paths": paths, "components": {"schemas": schemas}}


def _offering(operation: dict[str, Any], ids: dict[str, list[str]]) -> dict[str, Any]:
    for parameter in operation.get("parameters", []):
        if parameter["in"] == "path":
            parameter["schema"] = {"type": "string", "enum": [*ids.get(parameter["name"], []), "nobody"]}
    body = operation.get("requestBody", {}).get("content", {}).get(FORM, {}).get("schema", {})
    properties = body.get("properties", {})
    # What this version no longer takes; see sandbox/stripe/document.py.
    if "allowed_payment_method_types" in properties:
        properties.pop("payment_method_types", None)
    for name in ("customer", "charge"):
        if properties.get(name, {}).get("type") == "string":
            properties[name] = {"type": "string", "enum": [*ids[name], "nobody"]}
    if properties.get("payment_method", {}).get("type") == "string":
        properties["payment_method"] = {"type": "string", "enum": [*ids["payment_method"], *TOKENS, "nobody"]}
    if properties.get("currency", {}).get("type") == "string":
        properties["currency"] = {"type": "string", "enum": ["aud", "usd", "xyz"]}
    return operation


def _reached(paths: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    """The schemas that these paths refer to, and those that these refer to."""
    found: dict[str, Any] = {}
    waiting = _references(paths)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = schemas[name]
            waiting |= _references(schemas[name])
    return found


def _references(node: Any) -> set[str]:
    return set(re.findall(r'"\$ref": "#/components/schemas/([^"]+)"', json.dumps(node)))
