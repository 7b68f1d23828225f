"""The pytest plugin (entry point `pytest11`). It does nothing, and imports nothing of the kit, until a test module has
imported `ProviderTests`: pytest loads it wherever this package is installed."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tp_gateway.testing.bench import Bench

_CARD, _OPTION = "tp_gateway_provider", "--provider-report"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("tp-gateway", "conformance of payment providers")
    group.addoption(_OPTION, metavar="FILE", help="write what was found out about each provider to FILE, as JSON")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(_Sheets(config), "tp-gateway-sheets")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    suite = sys.modules.get("tp_gateway.testing.suite")
    if suite is None or metafunc.cls is None or not issubclass(metafunc.cls, suite.ProviderTests):
        return
    if "promise" not in metafunc.fixturenames:
        return
    from tp_gateway.testing.runner import all_checks
    from tp_gateway.testing.subject import Subject

    given = getattr(metafunc.cls, "subject", None)
    if not (isinstance(given, type) and issubclass(given, Subject)):
        raise pytest.UsageError(f"{metafunc.cls.__name__}: write `subject = …`, a class made from Subject")
    subject = given()
    chosen = [one for one in all_checks() if not one.not_run(subject)]
    metafunc.parametrize("promise", chosen, ids=[one.id for one in chosen])


@pytest.fixture(scope="class")
def _provider_bench(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    from tp_gateway.testing.bench import Bench

    with Bench(request.cls.subject(), tmp_path_factory.mktemp("provider")) as bench:
        yield bench


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """Tells with each test of a promise whose it is, in words that pass between processes (pytest-xdist)."""
    report = yield
    promise = getattr(item, "callspec", None) and item.callspec.params.get("promise")  # type: ignore[attr-defined]
    suite = sys.modules.get("tp_gateway.testing.suite")
    if promise is not None and suite is not None and issubclass(item.cls, suite.ProviderTests):  # type: ignore[attr-defined]
        told = {"check": promise.id, "blank": _blank(item.cls)}  # type: ignore[attr-defined]
        report.user_properties.append((_CARD, told))
    return report


@cache
def _blank(tests: Any) -> Any:
    from tp_gateway.testing.report import blank

    return blank(tests.subject()).as_json()


class _Sheets:
    """Gathers the results, wherever they were found, and shows them at the end."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._reports: dict[str, Any] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        told = dict(report.user_properties).get(_CARD)
        if not isinstance(told, dict) or (report.passed and report.when != "call"):
            return
        from tp_gateway.testing.report import BROKEN, KEPT, Report, Result

        where = report.nodeid.rsplit("::", 1)[0]
        mine = self._reports.setdefault(where, None) or Report.from_json(told["blank"])
        self._reports[where] = mine
        found = "" if report.passed else str(report.longrepr)
        mine.add(Result(told["check"], KEPT if report.passed else BROKEN, found, round(report.duration, 3)))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for report in self._reports.values():
            terminalreporter.section(report.title, green=report.ok, red=not report.ok)
            for line in report.lines():
                terminalreporter.line(line)

    def pytest_sessionfinish(self) -> None:
        path = self._config.getoption(_OPTION)
        if path and not hasattr(self._config, "workerinput"):
            found = {"providers": [report.as_json() for report in self._reports.values()]}
            Path(path).write_text(json.dumps(found, indent=2) + "\n", "utf-8")
