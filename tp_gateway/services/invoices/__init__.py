"""Invoices: made, found, read in full, changed and explained."""

from tp_gateway.services.invoices.making import Invoices, Item

__all__ = ["Invoices", "Item"]
