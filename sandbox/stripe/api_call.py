"""What a resource function is given: the world, the ids of the path, the typed parameters, who asks."""

from dataclasses import dataclass
from typing import Any

from sandbox.stripe.world import World


@dataclass
class Call:
    world: World
    ids: list[str]
    params: dict[str, Any]
    in_browser: bool = False  # came with a publishable key
