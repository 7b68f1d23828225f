"""`tp-gateway new-provider`: what it writes is installed as pip does, and passes the kit as it is."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from string import Template
from typing import Any

import pytest

from tests.docs.pages import ROOT
from tp_gateway.cli import main
from tp_gateway.scaffold import new_provider

PIP = ("pip", "install", "-q", "--disable-pip-version-check", "--no-deps", "--no-build-isolation", "--no-index")


@pytest.mark.long
def test_a_redirect_passes_the_kit_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The other kind is written, tried and paid with in tests/docs/test_ten_minutes.py."""
    assert main(["new-provider", "pay_page", "--into", str(tmp_path), "--redirect"]) == 0
    assert f"{tmp_path}/pay_page/pay_page/webhooks.py" in capsys.readouterr().out
    run_in(tmp_path, *PIP, "--target", "site", "./pay_page")
    kit = ("pytest", "-q", "-p", "no:cacheprovider", "-p", "tp_gateway.testing.plugin")
    alone = {"PYTHONPATH": str(tmp_path / "site"), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    told = run_in(tmp_path / "pay_page", *kit, **alone)
    kept = re.search(r"provider pay_page \(pay_page\): (\d+) kept, 0 broken", told)
    assert kept and int(kept[1]) > 50


def run_in(folder: Path, *command: str, **environ: str) -> str:
    """What it says; it has to end well."""
    command = (sys.executable, "-m", *command)
    environ = {**os.environ, **environ}
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("name", "why"),
    [
        *(
            (name, "a name has 2 to 32")
            for name in ("", "a", "Gift", "gift-card", "../gift", "gift card", "9pay", "ä_pay")
        ),
        *((name, "a name has 2 to 32") for name in ("gift_", "gift__card", "x" * 33, "gift\n")),
        *((name, "Python package") for name in ("class", "tests", "tp_gateway")),
        *((name, "is installed here already") for name in ("json", "stripe", "colander", "medicare", "in_person")),
    ],
)
def test_a_name_that_cannot_be_one_is_refused(name: str, why: str, tmp_path: Path, capsys: Any) -> None:
    assert main(["new-provider", name, "--into", str(tmp_path)]) == 1
    assert why in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_there_is_left_alone(tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "gift_card").mkdir()
    (tmp_path / "gift_card" / "notes.txt").write_text("mine")
    assert main(["new-provider", "gift_card", "--into", str(tmp_path)]) == 1
    assert "is there already: nothing was written" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "gift_card").iterdir()] == ["notes.txt"]


def test_the_templates_are_in_the_wheel_and_in_the_source(tmp_path: Path) -> None:
    made = {path.relative_to(tmp_path / "pay_page") for path in new_provider("pay_page", tmp_path, redirect=True)}
    assert Path("pay_page/webhooks.py") in made and Path("README.md") in made
    for path in (ROOT / "tp_gateway/scaffold/templates").rglob("*"):
        if path.is_file():
            assert path.suffix == ".tmpl", f"{path} would not be packed"
            assert Template(path.read_text("utf-8")).is_valid()
    packed = (ROOT / "setup.py").read_text("utf-8")
    assert '"tp_gateway.scaffold": ["templates/**/*.tmpl"]' in packed
    assert "tp_gateway/scaffold/templates *.tmpl" in (ROOT / "MANIFEST.in").read_text("utf-8")
