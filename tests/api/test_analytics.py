"""Analytics over HTTP: every sampled key with its type, real payments in it, what may be asked, and the spreadsheet."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.api.conftest import Api
from tests.api.test_contract import sample
from tests.clinic import ADMIN, NOON, PATIENT

ANALYTICS = "/api/auth/admin/analytics/"
EXPORT = f"{ANALYTICS}export/"


def get(api: Api, query: str = "", **more: Any) -> dict[str, Any]:
    return dict(api.get(f"{ANALYTICS}{query}", as_user=ADMIN, status=200, **more).json)


def kinds(value: Any) -> Any:
    """Types only; of a list those of its first element."""
    if isinstance(value, dict):
        return {name: kinds(one) for name, one in value.items()}
    return [kinds(value[0])] if isinstance(value, list) else type(value)


def within(expected: Any, found: Any) -> bool:
    """Every key of the sample, with its type; more are fine."""
    if isinstance(expected, dict):
        return all(name in found and within(one, found[name]) for name, one in expected.items())
    return within(expected[0], found[0]) if isinstance(expected, list) else expected is found


@pytest.mark.parametrize("query", ["", "?period=today", "?period=week", "?period=month", "?period=year", "?period=all"])
def test_every_sampled_key_with_its_type_whatever_there_is(api: Api, query: str) -> None:
    expected = kinds(sample("analytics")["response"])
    assert within(expected, kinds(get(api, query)))
    api.pay_by_http(status=201)
    assert within(expected, kinds(get(api, query)))
    api.gateway.rollups.rebuild()
    assert within(expected, kinds(get(api, query)))


def test_the_sampled_month_has_the_sampled_points(api: Api) -> None:
    expected = sample("analytics")["response"]
    found = get(api, "?start_date=2025-01-01&end_date=2025-01-31")
    for section, name in (("users", "growth_data"), ("appointments", "trends")):
        assert [one["date"] for one in found[section][name]] == [one["date"] for one in expected[section][name]]
    assert found["period"] == expected["period"] | {"type": "custom"}


def test_money_is_there_at_once_and_stays_when_it_is_added_up(api: Api) -> None:
    api.gateway.rollups.rebuild()
    paid = api.pay_by_http(status=201).json
    declined = {"payment_method_id": "pm_card_visa_chargeDeclined", "appointment_id": api.appointment(124)}
    api.pay_by_http(status=402, **declined)
    api.refund(paid["id"], "50.00")
    invoice = api.invoice(7000)
    api.post(
        f"/api/billing/invoices/{invoice.id}/pay/", {"payment_method": "card", "payment_method_id": "pm_card_visa"}
    )
    before = get(api, "?period=today")
    assert before["revenue"] == {
        "total": "200.00",
        "this_period": "200.00",
        "previous_period": "0.00",
        "growth_percentage": 100.0,
        "by_payment_method": {"bank_transfer": "0.00", "card": "200.00", "medicare": "0.00"},
        "by_service": {
            "assessment": "0.00",
            "group_therapy": "0.00",
            "individual_therapy": "130.00",
            "other": "70.00",
        },
    }
    assert api.rows("SELECT count(*) FROM analytics_entries")[0][0] == 3
    api.work()
    assert api.rows("SELECT count(*) FROM analytics_entries")[0][0] == 0
    assert get(api, "?period=today") == before
    assert api.gateway.rollups.differences() == []


def test_an_appointment_that_changes_its_service_takes_its_money_along(api: Api) -> None:
    api.gateway.rollups.rebuild()
    api.pay_by_http(status=201)
    for work in (lambda: None, api.work):
        work()
        api.appointment(service="couples")
        by_service = get(api, "?period=today")["revenue"]["by_service"]
        assert (by_service["individual_therapy"], by_service["couples"]) == ("0.00", "180.00")
        api.appointment(service="individual_therapy")
        by_service = get(api, "?period=today")["revenue"]["by_service"]
        assert by_service["individual_therapy"] == "180.00" and "couples" not in by_service
    api.work()
    assert api.gateway.rollups.differences() == []


def test_another_calendar_acts_at_once(api: Api) -> None:
    """23:30 in Melbourne is the next day in Auckland."""
    late = datetime(2025, 1, 19, 23, 30, tzinfo=ZoneInfo("Australia/Melbourne"))
    api.appointment(starts_at=late.astimezone(UTC))
    api.gateway.rollups.rebuild()
    day = "?start_date=2025-01-19&end_date=2025-01-19"
    assert get(api, day)["appointments"]["total"] == 1
    api.call("PUT", "/api/auth/admin/settings/", {"system": {"timezone": "Pacific/Auckland"}}, as_user=ADMIN)
    assert get(api, day)["appointments"]["total"] == 0
    api.gateway.rollups.rebuild()
    assert get(api, day)["appointments"]["total"] == 0
    assert get(api, day.replace("19", "20"))["appointments"]["total"] == 1


@pytest.mark.catalogue(89)
@pytest.mark.parametrize(("day", "number"), [("2024-10-06", 23), ("2024-04-07", 25), ("2025-03-03", 24)])
def test_a_day_has_as_many_hours_as_it_has(quiet_api: Api, day: str, number: int) -> None:
    zone = ZoneInfo("Australia/Melbourne")
    begin = datetime.fromisoformat(f"{day}T00:00:00").replace(tzinfo=zone).astimezone(UTC)
    for place in range(number):
        at = begin + timedelta(hours=place, minutes=59, seconds=59)
        quiet_api.appointment(2000 + place, starts_at=at)
    trends = get(quiet_api, f"?start_date={day}&end_date={day}")["appointments"]["trends"]
    assert [one["count"] for one in trends] == [1] * number
    labels = [one["date"] for one in trends]
    assert len(set(labels)) == number and labels[0].startswith(f"{day}T00:00:00+1") and "T23:00:00+1" in labels[-1]


@pytest.mark.catalogue(73)
@pytest.mark.catalogue(78)
@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("period=decade", "period"),
        ("period='%20OR%201%3D1--", "period"),
        ("period=", "period"),
        ("start_date=2025-01-01", "end_date"),
        ("end_date=2025-01-01", "start_date"),
        ("period=custom", "start_date"),
        ("start_date=2025-02-01&end_date=2025-01-31", "end_date"),
        ("start_date=2025-02-30&end_date=2025-03-31", "start_date"),
        ("start_date=1900-01-01&end_date=2100-12-31", "end_date"),
        ("start_date=2025-01-01T00:00&end_date=2025-03-31", "start_date"),
        ("period=month&zone=UTC", "zone"),
        ("period=month&period=year", "query"),
    ],
)
@pytest.mark.parametrize("path", [ANALYTICS, EXPORT])
def test_what_cannot_be_asked(quiet_api: Api, path: str, query: str, field: str) -> None:
    answer = quiet_api.get(f"{path}?{query}", as_user=ADMIN, status=400).json
    assert (answer["code"], list(answer["details"])) == ("validation_error", [field])


@pytest.mark.parametrize("named", ["year", "custom"])
def test_days_win_over_the_name_of_a_period(quiet_api: Api, named: str) -> None:
    period = get(quiet_api, f"?period={named}&start_date=2015-01-01&end_date=2025-01-07")["period"]
    assert period == {"type": "custom", "start_date": "2015-01-01", "end_date": "2025-01-07"}


def test_the_spreadsheet_says_the_same_and_calculates_nothing(quiet_api: Api) -> None:
    evil = ["=HYPERLINK(1)", "+1", "-1", "@SUM(A1)", "\tx", 'a "quoted", one', "Zoë"]
    found = {"by_service": dict.fromkeys(evil, "0.00")}
    for place, service in enumerate(evil):
        quiet_api.appointment(3000 + place, service=service)
        _pays(quiet_api, 3000 + place)
    body = get(quiet_api, "?period=all")
    assert found["by_service"].keys() <= body["revenue"]["by_service"].keys()
    answer = quiet_api.get(f"{EXPORT}?period=all", as_user=ADMIN, status=200)
    assert answer.content_type == "text/csv"
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="analytics-20')
    header, *rows = csv.reader(io.StringIO(answer.text))
    assert header == ["section", "figure", "key", "value"]
    told = {(section, figure, key.removeprefix("'")): value for section, figure, key, value in rows}
    assert told["revenue", "total", ""] == body["revenue"]["total"]
    for service, amount in body["revenue"]["by_service"].items():
        assert told["revenue", "by_service", service] == amount
    for trend in body["appointments"]["trends"]:
        assert told["appointments", "trends_revenue", trend["date"]] == trend["revenue"]
    assert not [key for _, _, key, _ in rows if key.startswith(("=", "+", "-", "@", "\t", "\r"))]


def _pays(api: Api, appointment_id: int) -> None:
    """A payment that happened, without Stripe."""
    from tests.analytics.practice import book

    with api.database.transaction() as session:
        book(session, appointment_id=appointment_id, patient_id=PATIENT, at=NOON, amount=1000, name=str(appointment_id))
