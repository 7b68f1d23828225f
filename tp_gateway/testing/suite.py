"""The class that a third party's test inherits. `plugin` gives its one test a parameter for each check that applies."""

from __future__ import annotations

from typing import ClassVar

import pytest

from tp_gateway.testing.bench import Bench
from tp_gateway.testing.checking import Check
from tp_gateway.testing.runner import run_one
from tp_gateway.testing.subject import Subject


class ProviderTests:
    """`subject` is what the checks are tried on. Tests of one's own can stand beside them."""

    subject: ClassVar[type[Subject]]

    def test_promise(self, promise: Check, _provider_bench: Bench) -> None:
        found = run_one(promise, _provider_bench)
        if found:
            pytest.fail(found, pytrace=False)
