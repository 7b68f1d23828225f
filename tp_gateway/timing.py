"""How long things may take, in seconds. One value object, filled by `config` and read by the services."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Timing:
    """A request has `prepare + execute + fetch` for its provider; a worker that died is taken over after `lease`.

    An open payment is asked about again after `backoff_first`, doubling up to `backoff_last`, for ever. A payment
    that waits for its customer is closed after `browser_expiry`.
    """

    prepare: float = 6
    execute: float = 10
    fetch: float = 4
    lease: float = 30
    sweep_interval: float = 5
    reverse_sweep_interval: float = 600
    remittance_interval: float = 3600
    outbox_interval: float = 1
    inbox_interval: float = 1
    backoff_first: float = 5
    backoff_last: float = 900
    browser_expiry: float = 86_400

    @classmethod
    def defaults(cls) -> dict[str, float]:
        """Name -> seconds, for every wait that the ini can change."""
        return asdict(cls())
