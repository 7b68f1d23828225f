"""Whatever happens in whatever order: the kept sums, those still to be added and a full count say the same, and they
say what plain Python says."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from tests.analytics.oracle import Oracle, text
from tests.analytics.practice import Practice, practice, somewhen
from tp_gateway.services.analytics import Asked
from tp_gateway.services.analytics.periods import KINDS
from tp_gateway.views.rendering_analytics import analytics

LISTS = (("users", "growth_data"), ("appointments", "trends"))
COMPARED = ("previous_period", "growth_percentage")


def answer(clinic: Practice, asked: Asked) -> dict[str, Any]:
    return analytics(clinic.analytics.report(asked))


def check(clinic: Practice, asked: Asked) -> None:
    found = answer(clinic, asked)
    zone = clinic.gateway.practice_settings.read().system.zone
    with clinic.gateway.database.read() as session:
        oracle = Oracle(session, zone)
    kind = found["period"]["type"]
    first, last = (date.fromisoformat(found["period"][name]) for name in ("start_date", "end_date"))
    assert (kind, first, last) == ("custom", asked.first, asked.last) or kind == asked.kind
    growth, trends = (found[section].pop(name) for section, name in LISTS)
    before, percentage = (found["revenue"].pop(name) for name in COMPARED)
    assert {name: found[name] for name in found if name != "period"} == oracle.figures(first, last)
    assert before == text(oracle.previous(kind, first, last))
    assert type(percentage) is float
    check_points(oracle, first, last, growth, trends)
    check_sums(found, growth, trends)


def check_points(oracle: Oracle, first: date, last: date, growth: list[Any], trends: list[Any]) -> None:
    assert [one["date"] for one in growth] == [one["date"] for one in trends]
    if "T" in growth[0]["date"]:
        assert 23 <= len(growth) <= 25 and growth[-1]["count"] == oracle.existing(last)
        return
    days = [date.fromisoformat(one["date"]) for one in growth]
    assert days[-1] == last and days == sorted(set(days)) and first <= days[0]
    since = date.min
    for day, users, trend in zip(days, growth, trends, strict=True):
        after = max(date.fromordinal(since.toordinal() + 1), first)
        assert users["count"] == oracle.existing(day)
        assert trend["count"] == oracle.starting(after, day)
        assert trend["revenue"] == text(oracle.revenue(after, day))
        since = day


def check_sums(found: dict[str, Any], growth: list[Any], trends: list[Any]) -> None:
    """What must add up for whoever reads the answer alone."""
    users, appointments, revenue = found["users"], found["appointments"], found["revenue"]
    assert sum(users["by_role"].values()) == users["total"] == growth[-1]["count"]
    assert sum(one["count"] for one in trends) == appointments["total"]
    assert sum(appointments[name] for name in ("completed", "cancelled", "pending", "no_show")) == appointments["total"]
    total = cents(revenue["total"])
    assert total == cents(revenue["this_period"]) == cents(appointments["revenue"])
    assert total == sum(cents(one["revenue"]) for one in trends)
    assert total == sum(map(cents, revenue["by_payment_method"].values()))
    assert total == sum(map(cents, revenue["by_service"].values()))


def cents(amount: str) -> int:
    return int(amount.replace(".", ""))


def lives_through(url: str, seed: int, steps: int) -> list[str]:
    """A history, looked at now and then; its last answers as they go out."""
    with practice(url, seed) as clinic:
        for _ in range(steps):
            clinic.happens()
            if clinic.random.random() < 0.3:
                check(clinic, Asked("custom", *somewhen(clinic.random)))
            assert not clinic.gateway.rollups.differences()
        for kind in KINDS:
            check(clinic, Asked(kind))
        told = [json.dumps(answer(clinic, Asked(kind))) for kind in KINDS]
        clinic.gateway.rollups.rebuild()
        assert [json.dumps(answer(clinic, Asked(kind))) for kind in KINDS] == told
        return told


@pytest.mark.parametrize("seed", range(3))
def test_any_history_adds_up(sqlite_database_url: str, seed: int) -> None:
    lives_through(sqlite_database_url, seed, 20)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(100, 130))
def test_any_history_adds_up_at_length(database_url: str, seed: int) -> None:
    lives_through(database_url, seed, 60)


@pytest.mark.parametrize("seed", [1])
@pytest.mark.long
def test_both_databases_give_the_same_bytes(sqlite_database_url: str, postgresql_database_url: str, seed: int) -> None:
    assert lives_through(sqlite_database_url, seed, 25) == lives_through(postgresql_database_url, seed, 25)
