"""The PRODA device's key by hand: made, activated, refreshed; and what goes wrong is one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import urllib3

from tests.providers.medicare.transports.claims import DEVICE, ORG
from tp_gateway.providers.medicare.device import main


@pytest.fixture
def code(medicare_sandbox: str) -> str:
    """The one-time code of a device that an administrator has just added."""
    answer = urllib3.request(
        "POST", f"{medicare_sandbox}/_sandbox/devices", body=json.dumps({"org": ORG, "device": DEVICE})
    )
    found: str = answer.json()["code"]
    return found


def test_from_a_new_device_to_a_refreshed_key(medicare_sandbox: str, code: str, tmp_path: Path, capsys: Any) -> None:
    key, new = tmp_path / "proda.pem", tmp_path / "proda-new.pem"
    same = ["--org", ORG, "--device", DEVICE, "--key", str(key), "--proda-url", medicare_sandbox]
    assert main(["new-key", str(key)]) == main(["new-key", str(new)]) == 0
    assert key.stat().st_mode & 0o077 == 0, "for its owner only"
    assert main(["activate", *same, code]) == 0
    token = ["--client-id", "sandbox-client", "--token-audience", "https://medicare.sandbox.invalid"]
    assert main(["refresh", *same, *token, str(new)]) == 0
    told = capsys.readouterr()
    assert "PRODA has the key" in told.out and "PRIVATE" not in told.out + told.err


def test_what_goes_wrong_is_one_line(medicare_sandbox: str, code: str, tmp_path: Path, capsys: Any) -> None:
    key = tmp_path / "proda.pem"
    same = ["--org", ORG, "--device", DEVICE, "--key", str(key), "--proda-url", medicare_sandbox]
    assert main(["activate", *same, code]) == 1, "there is no key yet"
    assert main(["new-key", str(key)]) == 0
    assert main(["new-key", str(key)]) == 1, "a key in use is not lost"
    assert main(["activate", *same, "wrong-code"]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3 and all(line.startswith("device: ") for line in lines) and code not in str(lines)
