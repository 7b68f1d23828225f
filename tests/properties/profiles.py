"""How long hypothesis searches: a few fixed examples by `make test`, as many new ones as you like by `make soak`.

Nothing has a deadline, because the machine may be busy. A failure of a fixed search is there again the next time. One
of a new search prints a `@reproduce_failure` line, and the state machine's its seed, which `PROPERTY_SEED` takes.
"""

from __future__ import annotations

import os
import random
from typing import Any

from hypothesis import HealthCheck, Phase, settings

# A step is a handful of HTTP calls and commits, not a function call.
_NOT_TOO_SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


def fixed(examples: int, **more: Any) -> settings:
    """The same examples every time."""
    return settings(
        max_examples=examples,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=_NOT_TOO_SLOW,
        **more,
    )


def searching(examples: int, **more: Any) -> settings:
    """New examples every time; `PROPERTY_EXAMPLES` says how many."""
    return settings(
        max_examples=int(os.environ.get("PROPERTY_EXAMPLES", examples)),
        derandomize=False,
        deadline=None,
        database=None,
        print_blob=True,
        phases=(Phase.explicit, Phase.generate, Phase.shrink),
        suppress_health_check=_NOT_TOO_SLOW,
        **more,
    )


def chosen_seed() -> int:
    """`PROPERTY_SEED`, or a new one; printed, so that a failure can be had again."""
    seed = int(os.environ.get("PROPERTY_SEED") or random.SystemRandom().randrange(2**32))
    print(f"PROPERTY_SEED={seed}")
    return seed
