"""Whether the core would keep what a provider has told, judged by the core's own guards."""

from __future__ import annotations

from typing import Any

from tp_gateway.contract import Observation
from tp_gateway.registry.exact import Nonsense, exactly
from tp_gateway.registry.plausible import impossible_observation


def can_be_kept(seen: Any) -> bool:
    """An event of the contract's own types, with texts that fit the store."""
    try:
        return not impossible_observation(exactly(seen, (Observation,)))
    except Nonsense:
        return False
