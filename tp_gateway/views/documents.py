"""PDF documents: an invoice, a credit note, the receipt of a payment. For the patient whose they are, and for staff."""

from __future__ import annotations

from typing import Any

from pyramid.response import Response
from pyramid.view import view_config

from tp_gateway.services.documents import MadeDocument
from tp_gateway.views.answers.machines import PDF
from tp_gateway.views.responses import path_id


@view_config(route_name="invoice_pdf", request_method="GET", permission="see_invoices", answers={200: PDF})
def invoice(request: Any) -> Response:
    """Download an invoice as PDF: a tax invoice where GST is charged."""
    return _answer(request.gateway.documents.invoice(request.identity, path_id(request)))


@view_config(route_name="credit_note_pdf", request_method="GET", permission="see_invoices", answers={200: PDF})
def credit_note(request: Any) -> Response:
    """Download a credit note as PDF: an adjustment note where GST is taken back."""
    return _answer(request.gateway.documents.credit_note(request.identity, path_id(request)))


@view_config(
    route_name="payment_receipt",
    request_method="GET",
    permission="see_payments",
    answers={200: PDF},
    refusals=("not_payable",),
)
def receipt(request: Any) -> Response:
    """Download the receipt of a payment that has brought money, as PDF."""
    return _answer(request.gateway.documents.receipt(request.identity, path_id(request)))


def _answer(made: MadeDocument) -> Response:
    disposition = f'attachment; filename="{made.name}"'
    return Response(made.content, content_type="application/pdf", content_disposition=disposition)
