"""What a provider that screens (`Capabilities.screens`) is told about what is paid for. Others never learn it: it says
that somebody was treated, by whom and when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tp_gateway.contract.nothing import nothing


@dataclass(frozen=True, slots=True)
class Service:
    """The appointment that is paid for, as the clinic's backend has pushed it. `starts_at` is UTC, `minutes` how long
    it lasts; `practitioner` is the backend's id of whoever gives it; `status` is the backend's word (`completed`,
    `no_show`, …)."""

    starts_at: datetime
    minutes: int
    status: str
    practitioner: int | None = None


@dataclass(frozen=True, slots=True)
class Earlier:
    """Another payment, or rebate claim, of the same patient by the same provider. `id` is its order's, `number` the
    payment's own; `counts` is True while it stands (open or succeeded), False once it has failed or went back. `state`
    is what the provider last returned as its state for it."""

    id: str
    number: int
    counts: bool
    state: Mapping[str, Any] = field(default_factory=nothing, repr=False)
