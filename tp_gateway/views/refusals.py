"""The codes of refusals that views have in common (the view option `refusals`). What every view with a permission, a
schema, a key or a limit can refuse is known from those options."""

from __future__ import annotations

from tp_gateway.errors import VETOES

CHARGING = (*sorted(VETOES),)
"""Whatever charges asks the clinic's own rules first, which may refuse with any of these; the core has no others."""
OF_A_PAYMENT = ("not_found", "not_payable", "payment_in_progress", "already_paid")
