"""`install` puts a plugin where pip would; `load` is the registry's own, and what it loaded is closed afterwards."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from tests.registry import plugins
from tp_gateway.registry import Registry


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[plugins.Install]:
    before = set(sys.modules)
    yield plugins.installer(tmp_path, monkeypatch)
    for name in set(sys.modules) - before:
        if name.startswith("plugin_"):
            del sys.modules[name]


@pytest.fixture
def load() -> Iterator[Any]:
    loaded: list[Registry] = []

    def load(*enabled: str, **more: Any) -> Registry:
        loaded.append(plugins.registry(*enabled, **more))
        return loaded[-1]

    yield load
    for registry in loaded:
        registry.close()


@pytest.fixture(autouse=True)
def logged() -> Iterator[Any]:
    """What was logged. Nothing is printed, because some of these tests raise hundreds of times."""
    with structlog.testing.capture_logs() as events:
        yield events
