"""Analytics as the frontend's document has them, and the same as rows of a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from tp_gateway.models.states import AppointmentStatus as Status
from tp_gateway.money import to_decimal_text
from tp_gateway.services.accounting.xero_and_myob import text_cell
from tp_gateway.services.analytics import Report
from tp_gateway.services.analytics.ratios import growth, percent, ratio

Row = tuple[str, str, str, Any]
HEADER = ("section", "figure", "key", "value")


def analytics(found: Report) -> dict[str, Any]:
    money = partial(to_decimal_text, currency=found.currency)
    return {
        "period": {
            "type": found.period.kind,
            "start_date": found.period.first.isoformat(),
            "end_date": found.period.last.isoformat(),
        },
        "users": {
            "total": sum(found.users.values()),
            "new_this_period": found.new_users,
            "active_this_period": found.active_patients,
            "growth_data": [{"date": point.at, "count": point.users} for point in found.points],
            "by_role": dict(found.users),
        },
        "appointments": {
            **_appointments(found),
            "revenue": money(found.revenue),
            "trends": [
                {"date": point.at, "count": point.appointments, "revenue": money(point.revenue)}
                for point in found.points
            ],
        },
        "revenue": {
            "total": money(found.revenue),
            "this_period": money(found.revenue),
            "previous_period": money(found.revenue_before),
            "growth_percentage": growth(found.revenue, found.revenue_before),
            "by_payment_method": {key: money(value) for key, value in found.by_method.items()},
            "by_service": {key: money(value) for key, value in found.by_service.items()},
        },
        "performance": _performance(found),
        "progress_notes": {
            "total": found.notes,
            "this_period": found.new_notes,
            "average_per_patient": ratio(found.notes, found.note_patients, 1),
            "completion_rate": int(percent(found.completed_notes, found.appointments[Status.COMPLETED])),
        },
    }


def _appointments(found: Report) -> dict[str, int]:
    """Those that are to come, confirmed or not, are pending: so the four add up to the total."""
    number = found.appointments
    return {
        "total": sum(number.values()),
        "completed": number[Status.COMPLETED],
        "cancelled": number[Status.CANCELLED],
        "pending": number[Status.PENDING] + number[Status.CONFIRMED],
        "no_show": number[Status.NO_SHOW],
    }


def _performance(found: Report) -> dict[str, float]:
    completed, missed = found.appointments[Status.COMPLETED], found.appointments[Status.NO_SHOW]
    return {
        "average_appointment_duration": int(ratio(found.taken_minutes, completed)),
        "average_rating": ratio(found.rating_points, found.ratings, 1),
        "patient_satisfaction": int(percent(found.satisfied, found.ratings)),
        "psychologist_utilization": int(percent(found.booked_minutes, found.available_minutes)),
        "no_show_rate": percent(missed, completed + missed, 1),
    }


def spreadsheet(found: Report) -> str:
    """CSV of the same figures. No cell of it is a formula, whatever a service is called."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(HEADER)
    for section, figure, key, value in _rows(analytics(found)):
        writer.writerow((section, figure, text_cell(key), value))
    return out.getvalue()


def _rows(body: Mapping[str, Any]) -> Iterator[Row]:
    for section, figures in body.items():
        for figure, value in figures.items():
            if isinstance(value, dict):
                yield from ((section, figure, key, one) for key, one in value.items())
            elif isinstance(value, list):
                for point in value:
                    yield from ((section, f"{figure}_{name}", point["date"], point[name]) for name in _values(point))
            else:
                yield section, figure, "", value


def _values(point: Mapping[str, Any]) -> list[str]:
    return [name for name in point if name != "date"]
