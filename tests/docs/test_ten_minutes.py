"""docs/providers.md from nothing to a payment: every command of it, in an environment of its own, and what it says of
their answers. Only the two ports are others, because somebody could be using those."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, blocks
from tests.separate import SOURCES, Separate, free_port

PAGE = ROOT / "docs/providers.md"
WRITES, *STEPS = blocks(PAGE, "sh")
SWITCHED_ON, _ = blocks(PAGE, "ini")
[LISTED] = [text for text in blocks(PAGE, "text") if "not enabled" in text]
PAID, REFUNDED = (json.loads(text) for text in blocks(PAGE, "json")[:2])
UP = "until curl -sf -o /dev/null http://127.0.0.1:6543/readyz; do kill -0 %2; sleep 0.1; done\n"


@pytest.mark.long
def test_the_commands_of_the_page_lead_to_a_payment(tmp_path: Path) -> None:
    there = Separate(tmp_path)
    there.copy(*SOURCES, to="tp-gateway")
    ports = {port: str(free_port()) for port in ("12120", "6543")}
    change = f"sed -i {' '.join(f'-e s/:{old}/:{new}/' for old, new in ports.items())} gateway.ini"
    start, *calls = STEPS
    typed = "\n".join([start, UP, *calls])
    for old, new in ports.items():
        typed = typed.replace(old, new)
    script = "\n".join(["trap 'kill $(jobs -p)' EXIT", WRITES, change, typed])
    command = ["bash", "-ec", script]
    done = subprocess.run(
        command, cwd=tmp_path, env=there.environ(), capture_output=True, text=True, timeout=170, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "provider gift_card (gift_card): " in done.stdout and " 0 broken" in done.stdout
    assert LISTED in done.stdout
    answers = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    *users, appointments, paid, staff, refunded = answers
    assert [one["errors"] for one in (*users, appointments, staff)] == [[], [], []]
    assert {name: paid.get(name) for name in PAID} == PAID
    assert {name: refunded.get(name) for name in REFUNDED} == REFUNDED
    assert SWITCHED_ON.replace("12120", ports["12120"]) in (tmp_path / "gift_card/gateway.ini").read_text()


def test_every_block_of_the_page_is_run_by_a_test() -> None:
    """Here: sh, the first ini, the first two json, the listing. In test_providers.py: all python, and the rest."""
    found = {language: len(blocks(PAGE, language)) for language in ("sh", "ini", "json", "python", "text", "")}
    assert found == {"sh": 5, "ini": 2, "json": 3, "python": 4, "text": 3, "": 0}
    assert PAGE.read_text("utf-8").count("```") == 2 * sum(found.values())
