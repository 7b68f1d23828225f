"""Invoices: made, found, read in full, changed and explained."""

from tp_gateway.services.invoices.credit_notes import Asked, Credited
from tp_gateway.services.invoices.explaining import Explanation
from tp_gateway.services.invoices.facts import InvoiceDetail
from tp_gateway.services.invoices.lines import Item
from tp_gateway.services.invoices.listing import Listed, Wish
from tp_gateway.services.invoices.making import Draft
from tp_gateway.services.invoices.operations import InvoiceOperations
from tp_gateway.services.invoices.service import Invoices

__all__ = [
    "Asked",
    "Credited",
    "Draft",
    "Explanation",
    "InvoiceDetail",
    "InvoiceOperations",
    "Invoices",
    "Item",
    "Listed",
    "Wish",
]
