"""What admins are answered about their practice."""

from __future__ import annotations

from typing import Any

from tp_gateway.models.practice import ROLES
from tp_gateway.services.analytics.periods import CUSTOM, KINDS
from tp_gateway.services.analytics.report import METHODS, SERVICES
from tp_gateway.views.answers.shape import DAY, SIGNED, File, Shape, list_of, one_of, text, told, whole

_COUNT = {"type": "integer", "minimum": 0}
_PART: dict[str, Any] = {"type": "number", "minimum": 0}
_POINT_OF_TIME = text("2025-01-31", "The last day that the point stands for; of one day, the beginning of an hour.")


def _by_key(always: tuple[str, ...]) -> dict[str, Any]:
    """Amounts by whatever there is; these are there in any case."""
    named = {"properties": dict.fromkeys(always, SIGNED), "required": list(always)}
    return {"type": "object", **named, "additionalProperties": SIGNED}


PERIOD = Shape(
    "AnalyticsPeriod",
    "What is told of; both days with it, in the clinic's calendar.",
    {"type": one_of((*KINDS, CUSTOM)), "start_date": DAY, "end_date": DAY},
)
GROWTH = Shape("UserCount", "How many there were at its end.", {"date": _POINT_OF_TIME, "count": _COUNT})
USERS = Shape(
    "UserFigures",
    "Until the end of the period, but for the new and the active ones.",
    {
        "total": whole(1250),
        "new_this_period": whole(45),
        "active_this_period": told(whole(890), "Patients with an appointment in it that is not cancelled."),
        "growth_data": list_of(GROWTH),
        "by_role": {"type": "object", "properties": dict.fromkeys(ROLES, _COUNT), "required": list(ROLES)},
    },
)
TREND = Shape(
    "Trend",
    "Since the point before it. Together they are the period.",
    {"date": _POINT_OF_TIME, "count": _COUNT, "revenue": SIGNED},
)
APPOINTMENTS = Shape(
    "AppointmentFigures",
    "Of those that begin in the period.",
    {
        "total": whole(450),
        "completed": whole(380),
        "cancelled": whole(50),
        "pending": told(whole(20), "Also those that are confirmed."),
        "no_show": whole(0),
        "revenue": SIGNED,
        "trends": list_of(TREND),
    },
)
REVENUE = Shape(
    "RevenueFigures",
    "Money that succeeded in the period, less what was refunded in it.",
    {
        "total": SIGNED,
        "this_period": SIGNED,
        "previous_period": SIGNED,
        "growth_percentage": {"type": "number", "examples": [8.0]},
        "by_payment_method": _by_key(METHODS),
        "by_service": _by_key(SERVICES),
    },
)
PERFORMANCE = Shape(
    "PerformanceFigures",
    "0 where there is nothing to go by.",
    {
        "average_appointment_duration": told(whole(60), "Minutes, of completed ones."),
        "average_rating": {**_PART, "maximum": 5, "examples": [4.8]},
        "patient_satisfaction": told(whole(92), "Percent of the ratings that are 4 or 5."),
        "psychologist_utilization": told(whole(75), "Percent of the available minutes that are booked."),
        "no_show_rate": {**_PART, "description": "Percent of those that were to happen.", "examples": [5.2]},
    },
)
NOTES = Shape(
    "NoteFigures",
    "Progress notes; of all time until the end of the period, where it does not say otherwise.",
    {
        "total": whole(1200),
        "this_period": whole(380),
        "average_per_patient": {**_PART, "examples": [3.2]},
        "completion_rate": told(whole(95), "Notes completed in the period, in percent of its completed appointments."),
    },
)
ANALYTICS = Shape(
    "Analytics",
    "How the practice does.",
    {
        "period": PERIOD,
        "users": USERS,
        "appointments": APPOINTMENTS,
        "revenue": REVENUE,
        "performance": PERFORMANCE,
        "progress_notes": NOTES,
    },
)
SPREADSHEET = File(("text/csv",), "The figures of `analytics` as rows of section, figure, key and value.")
