"""So that the kit can fail: each broken provider is caught by the check that is meant for it, and the others stay
silent."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance.broken import MISTAKES, Mistake
from tests.conformance.example.claims import Claiming, ClaimingSubject
from tests.conformance.example.subject import TallySubject
from tp_gateway.testing import CHECKS, Report, run
from tp_gateway.testing.runner import all_checks

# They take a second each and are meant for few; every provider that ships with us is tried by them.
SLOW = {"core", "time", "truth-no_connection_in_time_is_not_sent", "privacy-no_secret_is_stored_in_clear"}
NOT_INSTALLED = "shape-plugin_is_found_by_its_entry_point"
PLUGIN = "tests.conformance.example.provider"


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The example and the broken ones, as pip would have them."""
    info = tmp_path / "tally-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tally\nVersion: 1.0\n")
    plugins = [f"tally = {PLUGIN}", *(f"{name} = tests.conformance.plugins:{name}" for name in MISTAKES)]
    (info / "entry_points.txt").write_text("[tp_gateway]\n" + "\n".join(plugins) + "\n")
    monkeypatch.syspath_prepend(tmp_path)


def tried(mistake: Mistake) -> Report:
    good = ClaimingSubject if issubclass(mistake.provider, Claiming) else TallySubject
    subject = type("BrokenSubject", (good,), {"provider": mistake.provider})
    return run(subject, only=mistake.only, without=() if mistake.only else SLOW)


def test_the_good_example_keeps_every_promise(installed: None) -> None:
    report = run(TallySubject)
    assert report.ok, "\n".join(report.results[name].found for name in report.names("broken"))
    assert len(report.names("kept")) >= 60


def test_the_good_example_with_claims_keeps_what_it_promises_more(installed: None) -> None:
    claims = [one.id for one in all_checks() if {"rebates", "evidence"} & set(one.needs)]
    report = run(ClaimingSubject, only=claims)
    assert report.ok, "\n".join(report.results[name].found for name in report.names("broken"))
    assert set(report.names("kept")) == set(claims) and len(claims) == 5


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_caught_by_the_check_that_is_meant_for_it(name: str, installed: None) -> None:
    mistake = MISTAKES[name]
    report = tried(mistake)
    broken = set(report.names("broken"))
    assert mistake.meant in broken
    assert broken <= {mistake.meant} | mistake.also, "\n".join(report.results[one].found for one in broken)
    told = report.results[mistake.meant].found
    assert all(f"{word}:" in told for word in ("expected", "found", "why", "rule", "check"))


def test_there_are_mistakes_of_every_group() -> None:
    assert len(MISTAKES) >= 20
    assert {mistake.meant for mistake in MISTAKES.values()} <= set(CHECKS)
    assert {mistake.meant.split("-")[0] for mistake in MISTAKES.values()} == {one.group for one in CHECKS.values()}


def test_one_that_is_not_installed_is_told_how_to_be() -> None:
    report = run(TallySubject, only=[NOT_INSTALLED])
    assert "pip install -e ." in report.results[NOT_INSTALLED].found
