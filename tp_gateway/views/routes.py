"""The whole API on one screen. Paths are as the frontend calls them, trailing slash included; nothing redirects.

A new route needs a line here, a view in the file of its group that says what it answers, a permission in
`tp_gateway/identity.py` (PERMISSIONS) and its heading in `docs/api.md`; tests hold all four together.
"""

from __future__ import annotations

from pyramid.config import Configurator

ID = r"{id:[1-9][0-9]{0,18}}"
PROVIDER = r"{provider:[a-z][a-z0-9_]{0,31}}"

ROUTES = (
    ("payments", "/api/billing/payments/"),
    ("payment", f"/api/billing/payments/{ID}/"),
    ("payment_refund", f"/api/billing/payments/{ID}/refund/"),
    ("refunds", "/api/billing/refunds/"),
    ("refund_confirm", f"/api/billing/refunds/{ID}/confirm/"),
    ("refund_files", "/api/billing/refund-files/"),
    ("refund_file_content", f"/api/billing/refund-files/{ID}/content/"),
    ("refund_file_void", f"/api/billing/refund-files/{ID}/void/"),
    ("refund_file_confirm", f"/api/billing/refund-files/{ID}/confirm/"),
    ("payment_cancel", f"/api/billing/payments/{ID}/cancel/"),
    ("payment_capture", f"/api/billing/payments/{ID}/capture/"),
    ("payment_void", f"/api/billing/payments/{ID}/void/"),
    ("payment_evidence", f"/api/billing/payments/{ID}/evidence/"),
    ("payment_receipt", f"/api/billing/payments/{ID}/receipt/"),
    ("rebate_claim", f"/api/billing/payments/{ID}/{PROVIDER}-claim/"),
    ("disputes", "/api/billing/disputes/"),
    ("dispute_reopen", f"/api/billing/disputes/{ID}/reopen/"),
    ("statements", "/api/billing/statements/"),
    ("statement_lines", "/api/billing/statements/lines/"),
    ("statement_line_match", f"/api/billing/statements/lines/{ID}/match/"),
    ("statement_line_explain", f"/api/billing/statements/lines/{ID}/explain/"),
    ("statement_line_unmatch", f"/api/billing/statements/lines/{ID}/unmatch/"),
    ("takings", "/api/billing/takings/"),
    ("remittances", "/api/billing/remittances/"),
    ("remittance", f"/api/billing/remittances/{ID}/"),
    ("create_intent", f"/api/billing/{PROVIDER}/create-payment-intent/"),
    ("confirm_payment", f"/api/billing/{PROVIDER}/confirm-payment/"),
    ("payment_methods", "/api/billing/payment-methods/"),
    ("payment_method", f"/api/billing/payment-methods/{ID}/"),
    ("payment_method_default", f"/api/billing/payment-methods/{ID}/default/"),
    ("create_invoice", "/api/billing/create-invoice/"),
    ("invoices", "/api/billing/invoices/"),
    ("invoice", f"/api/billing/invoices/{ID}/"),
    ("invoice_pdf", f"/api/billing/invoices/{ID}/pdf/"),
    ("invoice_pay", f"/api/billing/invoices/{ID}/pay/"),
    ("invoice_explain", f"/api/billing/invoices/{ID}/explain/"),
    ("invoice_void", f"/api/billing/invoices/{ID}/void/"),
    ("invoice_credit", f"/api/billing/invoices/{ID}/credit/"),
    ("invoice_write_off", f"/api/billing/invoices/{ID}/write-off/"),
    ("credit_note_pdf", f"/api/billing/credit-notes/{ID}/pdf/"),
    ("invoice_apply_credit", f"/api/billing/invoices/{ID}/apply-credit/"),
    ("invoice_return_credit", f"/api/billing/invoices/{ID}/return-credit/"),
    ("providers", "/api/billing/providers/"),
    ("api_document", "/api/openapi.json"),
    ("api_page", "/api/docs/"),
    ("webhook", f"/api/webhooks/{PROVIDER}/"),
    ("settings", "/api/auth/admin/settings/"),
    ("settings_history", "/api/auth/admin/settings/history/"),
    ("analytics", "/api/auth/admin/analytics/"),
    ("analytics_export", "/api/auth/admin/analytics/export/"),
    ("practice_users", "/api/practice/users/"),
    ("practice_appointments", "/api/practice/appointments/"),
    ("practice_progress_notes", "/api/practice/progress-notes/"),
    ("practice_availability", "/api/practice/availability/"),
    ("healthz", "/healthz"),
    ("readyz", "/readyz"),
    ("metrics", "/metrics"),
)


def includeme(config: Configurator) -> None:
    for name, pattern in ROUTES:
        config.add_route(name, pattern)
