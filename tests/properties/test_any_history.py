"""Whatever happens, in whatever order: no money is lost, doubled or invented, and nobody is told what is not so."""

from __future__ import annotations

import pytest
from hypothesis import seed, settings
from hypothesis.stateful import run_state_machine_as_test

from sandbox.stripe import StripeSandbox
from tests.properties.conftest import Fresh
from tests.properties.machine import AnyHistory
from tests.properties.profiles import chosen_seed, fixed, searching


@pytest.mark.long
def test_any_history(fresh: Fresh, stripe_sandbox: StripeSandbox, request: pytest.FixtureRequest) -> None:
    examples = 8 if "sqlite" in request.node.name else 4
    run_state_machine_as_test(machine(fresh, stripe_sandbox), settings=fixed(examples, stateful_step_count=30))


@pytest.mark.soak
def test_any_history_at_length(fresh: Fresh, stripe_sandbox: StripeSandbox) -> None:
    long: settings = searching(500, stateful_step_count=50)
    run_state_machine_as_test(seed(chosen_seed())(machine(fresh, stripe_sandbox)), settings=long)


def machine(fresh: Fresh, stripe_sandbox: StripeSandbox) -> type[AnyHistory]:
    return type("Here", (AnyHistory,), {"database": staticmethod(fresh), "sandbox_url": stripe_sandbox.url})
