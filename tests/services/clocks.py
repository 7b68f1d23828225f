"""Sets the clock of what makes, finds and changes invoices."""

from __future__ import annotations

from datetime import datetime

from tests.clinic import Clinic


def at(clinic: Clinic, moment: datetime) -> None:
    """From now on it is `moment` there."""
    gateway = clinic.gateway
    for service in (gateway.invoices, gateway.invoice_operations, gateway.practice):
        service._clock = lambda: moment  # type: ignore[attr-defined]
