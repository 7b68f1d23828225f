"""The ledger as journals for the clinic's accounting software: what moved on each day of the clinic's calendar, account
by account, as a CSV that Xero or MYOB imports. Reads the ledger, changes nothing."""

from tp_gateway.services.accounting.chart import SOFTWARE, Chart, make_chart
from tp_gateway.services.accounting.journals import Journal, JournalLine, Period, read_period
from tp_gateway.services.accounting.xero_and_myob import WRITERS

__all__ = ["SOFTWARE", "WRITERS", "Chart", "Journal", "JournalLine", "Period", "make_chart", "read_period"]
