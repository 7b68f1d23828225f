"""What the pages say is there, is there: links, files, routes, codes, settings, states."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT, anchors, blocks, files, links, name
from tp_gateway.errors import TITLES
from tp_gateway.models.states import TRANSITIONS
from tp_gateway.providers.medicare import MedicareProvider
from tp_gateway.providers.stripe import StripeProvider
from tp_gateway.timing import Timing
from tp_gateway.views.errors import STATUSES
from tp_gateway.views.routes import ROUTES

API = (ROOT / "docs/api.md").read_text("utf-8")
INI = (ROOT / "development.ini").read_text("utf-8")
TEMPLATES = ROOT / "tp_gateway/scaffold/templates"
WRITTEN = {  # by `tp-gateway new-provider gift_card`
    str(path.relative_to(TEMPLATES / kind)).replace("NAME", "gift_card").removesuffix(".tmpl")
    for kind in ("common", "charge_now")
    for path in (TEMPLATES / kind).rglob("*.tmpl")
}
MADE_LATER = {"var/", *WRITTEN}  # by a run


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in links(page):
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), f"{name(page)} links to {target}"
        if anchor:
            assert anchor in anchors(there), f"{name(page)} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_files_that_are_named_exist(page: Path) -> None:
    for path in files(page):
        exists = (ROOT / path).exists() or (page.parent / path).exists()
        assert exists or path in MADE_LATER, f"{name(page)} names {path}"


def test_every_folder_of_tests_is_described() -> None:
    page = (ROOT / "docs/testing.md").read_text("utf-8")
    for folder in (path.parent for path in ROOT.glob("tests/*/test_*.py")):
        assert f"| `tests/{folder.name}/` |" in page


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_json_is_json(page: Path) -> None:
    for text in blocks(page, "json"):
        json.loads(text)


def endpoints() -> list[tuple[str, str]]:
    """Method and path of every view, as the page writes them."""
    source = "".join(path.read_text("utf-8") for path in ROOT.glob("tp_gateway/views/*.py"))
    views = re.findall(r'route_name="(\w+)",\s*request_method="(\w+)"', source)
    paths = {route: re.sub(r"{(\w+):.*?}(?=[/-])", r"{\1}", pattern) for route, pattern in ROUTES}
    assert {route for route, _ in views} == set(paths)
    return sorted((method, paths[route]) for route, method in views)


@pytest.mark.parametrize(("method", "path"), endpoints())
def test_every_endpoint_is_described(method: str, path: str) -> None:
    assert re.search(rf"^(?:### |- `){method} {re.escape(path)}(?:`|$)", API, re.MULTILINE)


@pytest.mark.parametrize("code", TITLES)
def test_every_error_is_in_the_table_with_its_status(code: str) -> None:
    assert re.search(rf"^\| {STATUSES[code]} \| `{code}` \| .+ \|$", API, re.MULTILINE), code


def settings() -> list[str]:
    """Every name that `tp_gateway.config` reads, and those of the providers that call somebody."""
    source = "".join(path.read_text("utf-8") for path in (ROOT / "tp_gateway/config").glob("*.py"))
    named = re.findall(r'read\.(?:text|words|choice|integer|seconds|find)\(\s*"([\w.]+)"', source)
    timing = [f"timing.{field.name}" for field in fields(Timing)]
    providers = [
        f"{provider.manifest.slug}.{node.name}"
        for provider in (StripeProvider, MedicareProvider)
        for node in provider.manifest.settings_schema.children
    ]
    return [*named, *timing, *providers]


def test_the_settings_were_found() -> None:
    assert {"environment", "jwt.key", "timing.lease", "stripe.api_key"} <= set(settings())
    assert len(settings()) > 40


@pytest.mark.parametrize("setting", settings())
def test_every_setting_is_explained_in_development_ini(setting: str) -> None:
    lines = INI.splitlines()
    where = [number for number, line in enumerate(lines) if re.match(rf"#? ?tp_gateway\.{re.escape(setting)} *=", line)]
    assert where, f"tp_gateway.{setting} is not in development.ini"
    above = where[0] - 1
    while re.match(r"#? ?tp_gateway\.", lines[above]):
        above -= 1
    assert lines[above].startswith("# "), f"no comment above tp_gateway.{setting}"


def test_the_diagram_has_the_moves_of_the_table() -> None:
    [diagram] = blocks(ROOT / "docs/how-a-payment-travels.md", "mermaid")
    drawn = re.findall(r"^ *(\S+) --> (\w+)", diagram, re.MULTILINE)
    assert {(None if before == "[*]" else before, after) for before, after in drawn} == {
        (before and str(before), str(after)) for before, after in TRANSITIONS
    }
