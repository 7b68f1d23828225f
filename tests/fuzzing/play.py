"""schemathesis against a real server process, with stand-ins for Stripe and Medicare beside it and a clinic to pay."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.api.conftest import JWT_KEY, token
from tests.api.test_servers import Server
from tests.clinic import ADMIN, MANAGER, PATIENT, PSYCHOLOGIST, Clinic, settings
from tests.medicare.conftest import settings_for
from tp_gateway.identity import ROLES, TokenVerifier

SERVICE_KEY = "test-key-for-services-with-more-than-32-bytes"
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,"
    "response_schema_conformance,unsupported_method,use_after_free"
)
APPOINTMENTS, INVOICES = 2000, 25
_YESTERDAY = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)


def environ(clinic: Clinic, medicare: str) -> dict[str, str]:
    """Every provider that comes with the gateway is switched on; the keys are the clinic's."""
    keys = settings(clinic.database_url, clinic.sandbox_url)
    names = {name.removeprefix("tp_gateway."): value for name, value in settings_for(medicare).items()}
    core = {"TP_GATEWAY_PROVIDERS": names.pop("providers"), "TP_GATEWAY_SERVICE_KEY": SERVICE_KEY}
    core["TP_GATEWAY_ENCRYPTION_KEYS"] = keys["tp_gateway.encryption_keys"]
    return core | {name.replace(".", "_").upper(): value for name, value in names.items()}


def furnish(clinic: Clinic) -> None:
    """Appointments and invoices of one patient, and a saved bank account."""
    one = {"patient_id": PATIENT, "practitioner_id": PSYCHOLOGIST, "service": "individual_therapy", "currency": "AUD"}
    one |= {"status": "completed", "duration_minutes": 50, "fee": 18000}
    rows = [
        {"id": number, "starts_at": _YESTERDAY - timedelta(hours=number), **one}
        for number in range(1, APPOINTMENTS + 1)
    ]
    result = clinic.gateway.practice.upsert_appointments(list(enumerate(rows)))
    assert not result.errors, result.errors
    for _ in range(INVOICES):
        clinic.invoice()
    account = {"bank_name": "Bank", "account_name": "A", "bsb": "062-000", "account_number": "12345678"}
    clinic.gateway.payment_methods.add_bank_account(PATIENT, **account)


def tokens() -> dict[str, str]:
    """One for each role."""
    people = {"patient": PATIENT, "psychologist": PSYCHOLOGIST, "practice_manager": MANAGER, "admin": ADMIN}
    verifier = TokenVerifier(algorithm="HS256", key=JWT_KEY, service_key=SERVICE_KEY)
    found = {role: token(user) for role, user in people.items()}
    found["service"] = verifier.mint_service_token("django", timedelta(days=1))
    assert set(found) == set(ROLES)
    return found


def fuzz(server: Server, folder: Path, *options: str, seed: int = 1, seconds: int = 300) -> str:
    """One run; AssertionError with schemathesis's report unless it found nothing. What it printed. `seconds`: the most
    that it may take, on a busy machine too."""
    url = f"http://127.0.0.1:{server.port}"
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{url}/api/openapi.json", "--checks", CHECKS),
        *("--no-color", "--no-shrink", "--warnings", "off"),
        *("--suppress-health-check", "all", "--continue-on-failure", "--seed", str(seed), *options),
    ]
    given = {"tokens": tokens(), "appointments": APPOINTMENTS, "invoices": INVOICES, "seed": seed}
    hooks = str(Path(__file__).with_name("hooks.py"))
    found = {"FUZZ": json.dumps(given), "SCHEMATHESIS_HOOKS": hooks, "NO_PROXY": "127.0.0.1", "HOME": str(folder)}
    # Its own deadlines are soft; this one is not.
    ended = subprocess.run(
        command,
        check=False,
        cwd=folder,
        env={**os.environ, **found},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=seconds,
    )
    assert ended.returncode == 0, ended.stdout[-20_000:] + faults(server)
    return ended.stdout


def requests(server: Server) -> Iterator[dict[str, Any]]:
    """Every request that the server has logged."""
    for line in server.log.read_text().splitlines():
        if line.startswith("{"):
            logged = json.loads(line)
            if logged["event"] == "request":
                yield logged


def callers(server: Server) -> Counter[str]:
    """Who called how often: `nobody`, `user:45`, …, `service:django`."""
    return Counter(one["actor"] for one in requests(server))


def faults(server: Server) -> str:
    """What the server says about faults of its own."""
    lines = [json.loads(line) for line in server.log.read_text().splitlines() if '"unhandled_error"' in line]
    return "\n".join(line["exception"][-1500:] for line in lines[:5])
