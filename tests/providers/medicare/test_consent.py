"""The assignment of benefit: what must be in it, and when it can have been given."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import colander
import pytest

from tp_gateway.providers.medicare.consent import Assignment, AssignmentSchema, AssignmentType, Method

MELBOURNE = ZoneInfo("Australia/Melbourne")
NOW = datetime(2027, 8, 1, 2, 0, tzinfo=UTC)
RECORD: dict[str, Any] = {
    "type": "post",
    "assigned_at": "2027-07-20T10:00:00+10:00",
    "assignor_name": "A Patient",
    "relationship": "patient",
    "method": "electronic",
    "document_ref": "agreements/1",
}


def schema(**more: Any) -> AssignmentSchema:
    return AssignmentSchema(zone=MELBOURNE, clock=lambda: NOW, **more)


def refused(sent: dict[str, Any], **more: Any) -> dict[str, Any]:
    with pytest.raises(colander.Invalid) as found:
        schema(**more).deserialize(sent)
    return dict(found.value.asdict())


def test_a_record_is_read() -> None:
    assert Assignment.of(schema().deserialize(RECORD)) == Assignment(
        AssignmentType.POST,
        datetime(2027, 7, 20, tzinfo=UTC),
        "A Patient",
        "patient",
        Method.ELECTRONIC,
        "agreements/1",
    )


@pytest.mark.parametrize("name", RECORD)
def test_nothing_of_it_may_be_missing_or_empty(name: str) -> None:
    for sent in (
        {key: value for key, value in RECORD.items() if key != name},
        RECORD | {name: None},
        RECORD | {name: ""},
    ):
        assert list(refused(sent)) == [name]


def test_nobody_sets_how_long_it_is_kept() -> None:
    assert list(refused(RECORD | {"retain_until": "2027-07-21"})) == ["retain_until"]


def test_every_type_with_every_method() -> None:
    spoken = "2027-06-30T10:00:00+10:00"
    for kind in AssignmentType:
        for method in Method:
            sent = RECORD | {"type": kind.value, "method": method.value, "assigned_at": spoken}
            if (kind is AssignmentType.VERBAL) == (method is Method.VERBAL):
                assert Assignment.of(schema().deserialize(sent)).method is method
            else:
                assert list(refused(sent)) == ["method"]


def test_not_in_the_future() -> None:
    for seconds, accepted in ((-1, True), (0, True), (1, False)):
        sent = RECORD | {"assigned_at": (NOW + timedelta(seconds=seconds)).isoformat()}
        if accepted:
            schema().deserialize(sent)
        else:
            assert refused(sent) == {"assigned_at": "In the future"}


def test_the_clock_is_asked_at_each_record() -> None:
    moments = iter([NOW, NOW - timedelta(days=30)])
    node = AssignmentSchema(zone=MELBOURNE, clock=lambda: next(moments))
    node.deserialize(RECORD)
    with pytest.raises(colander.Invalid):
        node.deserialize(RECORD)


@pytest.mark.parametrize(
    ("assigned_at", "until", "accepted"),
    [
        ("2027-06-30T13:59:59Z", date(2027, 6, 30), True),  # 23:59:59 in Melbourne
        ("2027-06-30T14:00:00Z", date(2027, 6, 30), False),  # midnight there, still June in UTC
        ("2027-06-30T14:00:00Z", date(2027, 7, 31), True),
        ("2026-12-31T13:00:00Z", date(2026, 12, 31), False),
    ],
)
def test_a_verbal_one_only_until_the_configured_day(assigned_at: str, until: date, accepted: bool) -> None:
    sent = RECORD | {"type": "verbal", "method": "verbal", "assigned_at": assigned_at}
    if accepted:
        schema(verbal_until=until).deserialize(sent)
    else:
        assert list(refused(sent, verbal_until=until)) == ["assigned_at"]
    schema(verbal_until=until).deserialize(RECORD | {"assigned_at": assigned_at})  # a written one at any time


def test_the_transition_ends_in_the_middle_of_2027_unless_configured() -> None:
    sent = RECORD | {"type": "verbal", "method": "verbal"}
    assert "2027-06-30" in refused(sent)["assigned_at"]


def test_it_is_kept_two_years_from_the_later_of_assignment_and_service() -> None:
    assignment = Assignment.of(schema().deserialize(RECORD | {"assigned_at": "2026-12-31T13:30:00Z"}))
    assert assignment.retain_until(date(2026, 12, 20), MELBOURNE) == date(2029, 1, 1)
    assert assignment.retain_until(date(2026, 12, 20), ZoneInfo("UTC")) == date(2028, 12, 31)
    assert assignment.retain_until(date(2027, 3, 1), MELBOURNE) == date(2029, 3, 1)
    assert assignment.retain_until(date(2028, 2, 29), MELBOURNE) == date(2030, 2, 28)


def test_who_assigned_is_not_in_its_repr() -> None:
    shown = repr(Assignment.of(schema().deserialize(RECORD)))
    assert "A Patient" not in shown and "agreements/1" not in shown and "post" in shown


def test_it_can_be_a_part_of_another_schema() -> None:
    class Parameters(colander.Schema):
        assignment = AssignmentSchema(zone=MELBOURNE, clock=lambda: NOW, missing=None)

    assert Parameters().deserialize({}) == {"assignment": None}
    assert Parameters().deserialize({"assignment": RECORD})["assignment"]["type"] is AssignmentType.POST
    with pytest.raises(colander.Invalid) as found:
        Parameters().deserialize({"assignment": RECORD | {"assigned_at": "2027-08-01T02:00:01Z"}})
    assert found.value.asdict() == {"assignment.assigned_at": "In the future"}
