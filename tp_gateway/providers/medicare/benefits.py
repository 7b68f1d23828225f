"""What Medicare pays for a service out of hospital, in whole cents. It knows no safety net: that is Medicare's to add.

The benefit is 85 % of the schedule fee, rounded up to the next five cents: so by the fees and benefits that MBS Online
publishes side by side (www9.health.gov.au/mbs). It is never more than the charge (reason code 422).
"""

from __future__ import annotations

_PERCENT = 85
_STEP = 5


def benefit_of(schedule_fee: int) -> int:
    """85 % of `schedule_fee`, in cents, rounded up to five. ValueError unless the fee is above zero."""
    if schedule_fee <= 0:
        raise ValueError("A schedule fee is above zero")
    return -(-schedule_fee * _PERCENT // (100 * _STEP)) * _STEP


def benefit_payable(schedule_fee: int, charge: int) -> int:
    """The benefit for a service that was charged at `charge` cents. ValueError unless both are above zero."""
    if charge <= 0:
        raise ValueError("A charge is above zero")
    return min(benefit_of(schedule_fee), charge)
