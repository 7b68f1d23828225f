"""What a guard is here, and short names for where the guards and their tests stand."""

from __future__ import annotations

from dataclasses import dataclass

from tests.ablation.changes import Change

SERVICES, REGISTRY, VIEWS = "tp_gateway.services", "tp_gateway.registry", "tp_gateway.views"
CHARGE, FENCES = "tests/services/test_charge.py", "tests/services/test_fences.py"
GUARDED, CONSTRAINTS = "tests/registry/test_guards.py", "tests/store/test_constraints.py"
EVENTS, TOKENS = "tests/providers/stripe/test_webhooks.py", "tests/bottom/test_identity.py"
HOSTILE = "tests/hostile"
BODIES, ANSWERS = "tests/api/test_bad_input.py", "tests/api/test_http.py"


@dataclass(frozen=True, slots=True)
class Guard:
    """`removed`: what is gone, as the documentation says it. `tests`: node ids, few and fast."""

    name: str
    removed: str
    changes: tuple[Change, ...]
    tests: tuple[str, ...]
    marks: str = "not postgresql and not soak"


def guard(name: str, removed: str, change: Change | tuple[Change, ...], *tests: str) -> Guard:
    return Guard(name, removed, change if isinstance(change, tuple) else (change,), tests)
