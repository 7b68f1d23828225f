"""The kit as others use it: a pytest plugin that shows a sheet, writes a report, explains itself, and stays out of the
way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
THREE_LINES = """
from tp_gateway.testing import ProviderTests
from tests.conformance.example.subject import TallySubject as Subject
{broken}
class TestTally(ProviderTests):
    subject = Subject
"""
BREAK = """
from tests.conformance.broken import MISTAKES
Subject = type("Subject", (Subject,), {"provider": MISTAKES["ForgetsRefunds"].provider})
"""
QUICK = "money or lists_every_refund"


def pytest_in(folder: Path, source: str, *arguments: str, alone: bool = True) -> subprocess.CompletedProcess[str]:
    """`alone`: without the plugins of others, which take longer to load than to run."""
    (folder / "test_provider.py").write_text(source)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments, "test_provider.py"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "120"}
    if alone:
        environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
        command[3:3] = ["-p", "tp_gateway.testing.plugin", "-p", "xdist.plugin"]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_a_broken_promise_is_explained_shown_on_the_sheet_and_reported(tmp_path: Path) -> None:
    done = pytest_in(tmp_path, THREE_LINES.format(broken=BREAK), "-n1", "-k", QUICK, "--provider-report=report.json")
    assert done.returncode == 1, done.stdout + done.stderr
    for word in ("expected: `fetch` lists every refund", "found:    one refund of 5000 was made, fetch tells 0: []"):
        assert word in done.stdout
    for word in ("last:     GET /payments/", "why:      By this list", "rule:     tp_gateway.contract.Outcome"):
        assert word in done.stdout
    assert "Traceback" not in done.stdout
    assert "provider tally (tally): 10 kept, 1 broken" in done.stdout
    for line in (
        "takes           AUD, BHD, JPY",
        "not declared: capture: 4 not run",
        "BROKEN          money-fetch_lists",
    ):
        assert line in done.stdout
    [found] = json.loads((tmp_path / "report.json").read_text())["providers"]
    results = {one["check"]: one for one in found["checks"]}
    assert results["money-fetch_lists_every_refund"]["result"] == "broken"
    assert results["money-refunds_the_whole"]["result"] == "kept"
    assert results["money-captures_a_part"] == {
        "check": "money-captures_a_part",
        "result": "not run",
        "found": "not declared: capture",
        "seconds": 0.0,
    }
    assert found["summary"]["broken"] == 1 and found["summary"]["kept"] == 10
    assert found["capabilities"]["fetch"] is True and found["currencies"] == ["AUD", "BHD", "JPY"]


def test_where_nobody_uses_it_nothing_of_it_is_loaded(tmp_path: Path) -> None:
    source = """
import sys
def test_nothing():
    assert [name for name in sys.modules if name.startswith("tp_gateway.")] == [
        "tp_gateway.testing", "tp_gateway.testing.plugin"
    ]
    assert "colander" not in sys.modules and "sqlalchemy" not in sys.modules
"""
    done = pytest_in(tmp_path, source, "-p", "no:xdist", alone=False)
    assert done.returncode == 0, done.stdout
    assert "===== provider" not in done.stdout


def test_a_class_without_a_subject_is_told_what_to_write(tmp_path: Path) -> None:
    source = "from tp_gateway.testing import ProviderTests\nclass TestNothing(ProviderTests):\n    subject = 3\n"
    done = pytest_in(tmp_path, source)
    assert done.returncode and "TestNothing: write `subject = …`" in done.stdout + done.stderr


def test_a_subject_that_is_not_complete_is_told_what_is_missing(tmp_path: Path) -> None:
    source = """
from tests.conformance.example.provider import Tally
from tp_gateway.testing import ProviderTests, Subject
class Incomplete(Subject):
    provider = Tally
class TestTally(ProviderTests):
    subject = Incomplete
"""
    done = pytest_in(tmp_path, source, "-k", "truth-a_lost_answer")
    assert done.returncode == 1
    assert "the subject is not complete: the provider calls somebody: `start` has to start a sandbox" in done.stdout
