"""GST: what a price that includes it holds of it. Rates are in ten-thousandths (1000 is 10 %), amounts minor units.

Each line is rounded by itself to the nearest cent, half a cent up: what the Tax Office calls the taxable supply rule
(ato.gov.au, "Tax invoices", rounding of GST). So the GST of an invoice is the sum of what its lines show, and a credit
note can take back the GST of one line to the cent.
"""

from __future__ import annotations

from decimal import Decimal

WHOLE = 10_000


def rate_of(setting: Decimal) -> int:
    """0.1 -> 1000."""
    return int(setting * WHOLE)


def as_part_of_one(rate: int) -> Decimal:
    """1000 -> 0.1000."""
    return Decimal(rate) / WHOLE


def included(total: int, rate: int) -> int:
    """What `total`, which includes GST at `rate`, holds of it: a tenth is an eleventh of the total."""
    return (2 * total * rate + WHOLE + rate) // (2 * (WHOLE + rate))


def of_part(gst: int, total: int, before: int, part: int) -> int:
    """What `part` of a line takes back of its `gst`, after `before` of its `total` was taken back. All parts together
    take back all of it, however they are cut."""
    return _share(gst, before + part, total) - _share(gst, before, total)


def _share(gst: int, part: int, total: int) -> int:
    return (2 * gst * part + total) // (2 * total)
