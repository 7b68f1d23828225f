"""What admins are answered about the practice's settings."""

from __future__ import annotations

from typing import Any

from tp_gateway.views.answers.machines import MESSAGES
from tp_gateway.views.answers.shape import ACTOR, FLAG, ID, MOMENT, NEXT, SLUG, Shape, list_of, text, told, whole

_BLANK = "Empty while nobody has set it."
CLINIC = Shape(
    "ClinicSettings",
    "The clinic, as it stands on invoices.",
    {
        "name": text("Tailored Psychology", _BLANK),
        "address": text("123 Health Street, Melbourne VIC 3000", _BLANK),
        "phone": text("+61 3 9000 0000", _BLANK),
        "email": text("info@tailoredpsychology.com.au", _BLANK),
        "website": text("https://tailoredpsychology.com.au", _BLANK),
        "abn": text("12 345 678 901", _BLANK),
    },
)
SYSTEM = Shape(
    "SystemSettings",
    "Calendar, tax, registrations.",
    {
        "timezone": text("Australia/Melbourne"),
        "language": text("en-au"),
        "gst_rate": {"type": "number", "minimum": 0, "maximum": 1, "examples": [0.1]},
        "medicare_provider_number": text("1234567A", _BLANK),
        "ahpra_registration_number": text("PSY0001234567", _BLANK),
    },
)
NOTIFICATIONS = Shape(
    "NotificationSettings",
    "How patients may be written to.",
    {"email_enabled": FLAG, "sms_enabled": FLAG, "whatsapp_enabled": FLAG},
)
BILLING = Shape(
    "BillingSettings",
    "How the clinic bills.",
    {
        "default_payment_method": {**SLUG, "examples": ["card"]},
        "invoice_terms_days": whole(30),
        "auto_generate_invoices": FLAG,
    },
)
SETTINGS = Shape(
    "Settings",
    "The practice's settings.",
    {"clinic": CLINIC, "system": SYSTEM, "notifications": NOTIFICATIONS, "billing": BILLING},
)
CHANGED = Shape(
    "ChangedSettings",
    "All settings, as they are after a change.",
    {
        "message": text("Settings updated successfully"),
        "settings": SETTINGS,
        "warnings": told(MESSAGES, "What was saved although it can only be mistyped."),
    },
)
_VALUE: dict[str, Any] = {"type": ["string", "number", "boolean"]}
CHANGE = Shape(
    "SettingsChange",
    "One request's changes.",
    {
        "id": {**ID, "examples": [7]},
        "actor": ACTOR,
        "changed_at": MOMENT,
        "changes": list_of(
            Shape(
                "ChangedField",
                "One setting, as it was and as it is since.",
                {
                    "section": text("billing"),
                    "field": text("invoice_terms_days"),
                    "before": {**_VALUE, "examples": [30]},
                    "after": {**_VALUE, "examples": [14]},
                },
            )
        ),
    },
)
HISTORY = Shape("SettingsHistory", "Who has changed what, newest first.", {"history": list_of(CHANGE), "next": NEXT})
