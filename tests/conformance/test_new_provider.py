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

KINDS = {"gift_card": [], "pay_page": ["--redirect"]}


def run_in(folder: Path, *command: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=folder,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_both_kinds_pass_the_kit_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, options in KINDS.items():
        assert main(["new-provider", name, "--into", str(tmp_path), *options]) == 0
    assert f"{tmp_path}/pay_page/pay_page/webhooks.py" in capsys.readouterr().out
    site = tmp_path / "site"
    pip = ("pip", "install", "-q", "--disable-pip-version-check", "--no-deps", "--no-build-isolation", "--no-index")
    installed = run_in(tmp_path, *pip, "--target", str(site), *(f"./{name}" for name in KINDS))
    assert installed.wait() == 0, installed.communicate()[0]
    running = {
        name: run_in(
            tmp_path / name,
            *("pytest", "-q", "-p", "no:cacheprovider", "-p", "tp_gateway.testing.plugin"),
            PYTHONPATH=str(site),
            PYTEST_DISABLE_PLUGIN_AUTOLOAD="1",
        )
        for name in KINDS
    }
    told = {name: process.communicate()[0] for name, process in running.items()}
    for name, process in running.items():
        assert process.returncode == 0, told[name]
        kept = re.search(rf"provider {name} \({name}\): (\d+) kept, 0 broken", told[name])
        assert kept and int(kept[1]) > 50


@pytest.mark.parametrize(
    ("name", "why"),
    [
        *(
            (name, "a name has 2 to 32")
            for name in ("", "a", "Gift", "gift-card", "../gift", "gift card", "9pay", "ä_pay")
        ),
        *((name, "a name has 2 to 32") for name in ("gift_", "gift__card", "x" * 33, "gift\n")),
        *((name, "Python package") for name in ("class", "tests", "tp_gateway")),
        *((name, "is installed here already") for name in ("json", "stripe", "colander")),
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
