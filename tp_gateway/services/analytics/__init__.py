"""What the clinic's admins want to know about their practice, from roll-ups that are kept as things happen.

`sums` says what is counted. `counting` notes what each push changes, a trigger notes each entry of the ledger that is
revenue; `rollups` adds both to the sums by and by, and counts everything anew with `recount`. `reading` adds what is
not added yet, so that an answer is of this moment; `report` makes the answer.
"""

from tp_gateway.services.analytics.counting import Counting
from tp_gateway.services.analytics.periods import Asked, Period
from tp_gateway.services.analytics.report import Analytics, Report
from tp_gateway.services.analytics.rollups import Rollups

__all__ = ["Analytics", "Asked", "Counting", "Period", "Report", "Rollups"]
