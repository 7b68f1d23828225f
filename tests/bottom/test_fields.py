"""Our colander nodes accept one spelling of a value. Each table says what goes in, and what it is read as."""

import math
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import colander
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tp_gateway import fields
from tp_gateway.errors import ValidationError
from tp_gateway.fields import MAX_ID, JsonNumber, validate
from tp_gateway.money import MAX_MINOR_UNITS

NEVER = [[], {}, ["1"], {"a": 1}, b"1", object(), math.nan, math.inf, 1.5, 180.0]
"""Of no node's type. Our JSON reader never makes a float; nobody else shall get one in either."""

ACCEPTED: dict[str, list[tuple[Any, Any]]] = {
    "Amount": [
        ("180.00", Decimal("180.00")),
        ("180", Decimal("180")),
        ("180.5", Decimal("180.5")),
        ("0.01", Decimal("0.01")),
        ("1.005", Decimal("1.005")),  # three places exist (BHD): the currency decides
        (180, Decimal("180")),
        (JsonNumber("180.50"), Decimal("180.50")),
        ("9999999999", Decimal("9999999999")),
    ],
    "MinorUnits": [(1, 1), (18000, 18000), (MAX_MINOR_UNITS, MAX_MINOR_UNITS)],
    "Integer": [(0, 0), (-5, -5), (MAX_ID, MAX_ID)],
    "Id": [(45, 45), ("45", 45), (MAX_ID, MAX_ID), (str(MAX_ID), MAX_ID)],
    "Flag": [(True, True), (False, False)],
    "Text": [
        ("", ""),
        (" a ", " a "),
        ("Zoë 🙂\u202e", "Zoë 🙂\u202e"),
        ("' OR 1=1--", "' OR 1=1--"),
        ("\r\n", "\r\n"),
    ],
    "Currency": [("AUD", "AUD"), ("aud", "AUD"), ("jPy", "JPY")],
    "Moment": [
        ("2025-01-19T10:30:00Z", datetime(2025, 1, 19, 10, 30, tzinfo=UTC)),
        ("2025-01-19T21:30:00+11:00", datetime(2025, 1, 19, 10, 30, tzinfo=UTC)),
        ("2025-01-19T10:30:00.123456Z", datetime(2025, 1, 19, 10, 30, 0, 123456, UTC)),
    ],
    "AhpraNumber": [("PSY0001234567", "PSY0001234567")],
    "AustralianPhone": [
        ("0412 345 678", "0412 345 678"),
        ("+61 3 9123 4567", "+61 3 9123 4567"),
        ("(03) 9123-4567", "(03) 9123-4567"),
    ],
    "Metadata": [({}, {}), ({"a": "1", "b" * 40: "c" * 500}, {"a": "1", "b" * 40: "c" * 500})],
}

REFUSED: dict[str, list[Any]] = {
    "Amount": [
        *(
            "1e2",
            "NaN",
            "nan",
            "Infinity",
            "-Infinity",
            "sNaN",
            "\uff11\uff18\uff10",
            "١٨٠",
            "1_000",
            "1,000",
            " 180",
            "180 ",
            "180\n",
        ),
        *("-0", "0", "0.00", "-1", "+1", "", ".5", "5.", "00.5", "0180", "0x10", "1.0000", "9" * 5000, "10000000000"),
        *(True, False, 0, -1, 10**10, 10**16, 10**5000, 1e2, JsonNumber("1.8e2"), JsonNumber("180.0050")),
    ],
    "MinorUnits": [18000.5, "18000", True, 0, -1, 10**12, MAX_MINOR_UNITS + 1, 10**5000, JsonNumber("18000.0")],
    "Integer": ["5", True, 5.9, JsonNumber("5.9"), MAX_ID + 1, -MAX_ID - 1, 10**5000],
    "Id": [
        *(
            0,
            -1,
            True,
            MAX_ID + 1,
            10**5000,
            "0",
            "-1",
            "045",
            " 45",
            "45 ",
            "45\n",
            "\uff14\uff15",
            "4_5",
            "45 OR 1=1",
            "",
        ),
        *(str(MAX_ID + 1), "9" * 5000, "4.5", JsonNumber("45.0"), JsonNumber("45")),
    ],
    "Flag": ["true", "false", "off", "no", "1", 0, 1, ""],
    "Text": [5, True, JsonNumber("1.5"), "a\0b", "\ud800", "a\udfffb"],
    "Currency": ["AUD\0", "AU", "AUDD", "XXX", "", " AUD", "ﬀ", "\uff21\uff35\uff24", 36, True, "aud\n"],
    "Moment": [
        *(
            "2025-01-19",
            "2025-01-19T10:30:00",
            "2025-02-30T10:30:00Z",
            "19/01/2025",
            "now",
            "",
            "\uff12\uff10\uff12\uff15-01-19T10:30:00Z",
        ),
        *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", 1737282600, True, "2025-01-19T10:30:00Z\0"),
    ],
    "AhpraNumber": ["PSY000123456", "PSY00012345678", "psy0001234567", "PS10001234567", "PSY000123456\uff17", "", 5],
    "AustralianPhone": [
        *(
            "12345",
            "+1 202 555 0123",
            "0412 345 67",
            "",
            "abc",
            412345678,
            "\uff10412345678",
            "0412345678\0",
            "0412345678\n",
        ),
        *("<script>0412345678", "tel:0412345678", "0412345678;ext=5", "\u202e0412345678", "0412345678" * 100),
    ],
    "Metadata": [
        *("text", 5, [], {"a": 1}, {"a": None}, {"a": True}, {"a": ["x"]}, {"a": JsonNumber("1.5")}),
        *(
            {"b" * 41: "x"},
            {"a": "c" * 501},
            {str(n): "x" for n in range(51)},
            {"a": "\0"},
            {"\0": "a"},
            {"a": "\ud800"},
        ),
    ],
}


def read(node: str, value: Any) -> Any:
    return colander.SchemaNode(getattr(fields, node)(), name="it").deserialize(value)


def cases(table: dict[str, list[Any]]) -> list[Any]:
    return [
        pytest.param(node, value, id=f"{node}-{number}")
        for node, values in table.items()
        for number, value in enumerate(values)
    ]


@pytest.mark.catalogue(56)
@pytest.mark.catalogue(57)
@pytest.mark.catalogue(58)
@pytest.mark.catalogue(72)
@pytest.mark.parametrize(("node", "case"), cases(ACCEPTED))
def test_is_read_exactly(node: str, case: tuple[Any, Any]) -> None:
    given_value, wanted = case
    found = read(node, given_value)
    assert found == wanted and type(found) is type(wanted) and str(found) == str(wanted)


@pytest.mark.catalogue(56)
@pytest.mark.catalogue(57)
@pytest.mark.catalogue(58)
@pytest.mark.catalogue(72)
@pytest.mark.parametrize(("node", "value"), cases(REFUSED))
def test_is_refused_with_a_message_and_without_the_value(node: str, value: Any) -> None:
    with pytest.raises(colander.Invalid) as refusal:
        read(node, value)
    assert refusal.value.msg and "9999" not in str(refusal.value.msg)


@pytest.mark.parametrize("node", ACCEPTED)
def test_other_types_are_refused_by_every_node(node: str) -> None:
    for value in NEVER:
        if node == "Metadata" and value == {}:
            continue
        with pytest.raises(colander.Invalid):
            read(node, value)


@pytest.mark.parametrize("node", ACCEPTED)
def test_what_is_absent_is_required_unless_it_may_be_missing(node: str) -> None:
    with pytest.raises(colander.Invalid, match="Required"):
        read(node, colander.null)
    made = colander.SchemaNode(getattr(fields, node)(), missing="absent")
    assert made.deserialize(colander.null) == "absent"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.from_regex(r"-?\d+\.\d+(e\d)?").map(JsonNumber),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(node=st.sampled_from(sorted(ACCEPTED)), value=json_values)
def test_a_node_reads_or_refuses_and_never_fails_otherwise(node: str, value: Any) -> None:
    try:
        found = read(node, value)
    except colander.Invalid:
        return
    if node == "Amount":
        assert found.is_finite() and 0 < found < 10**10 and -3 <= found.as_tuple().exponent <= 0
    if node in ("Id", "MinorUnits"):
        assert type(found) is int and 0 < found <= MAX_ID
    if isinstance(found, str):
        assert found.encode("utf-8", "strict") is not None and "\0" not in found


# --- schemas ----------------------------------------------------------------------------------------------------------


class Inner(fields.Schema):
    amount = colander.SchemaNode(fields.Amount())


class Outer(fields.Schema):
    id = colander.SchemaNode(fields.Id())
    note = colander.SchemaNode(fields.Text(), missing="")
    inner = Inner(missing=colander.drop)
    items = colander.SchemaNode(colander.Sequence(), Inner(), missing=colander.drop)


def refused(value: Any) -> Any:
    with pytest.raises(ValidationError) as refusal:
        validate(Outer(), value)
    return refusal.value.details


def test_unknown_keys_are_named_and_null_is_absent() -> None:
    assert validate(Outer(), {"id": 1, "note": None, "inner": None}) == {"id": 1, "note": ""}
    assert refused({"id": 1, "status": "paid", "amount_paid": None}) == {
        "status": ["Unknown field"],
        "amount_paid": ["Unknown field"],
    }
    assert refused({"id": None, "x": 1}) == {"id": ["Required"], "x": ["Unknown field"]}


def test_messages_are_nested_as_the_schema_is() -> None:
    found = refused({"id": 1, "inner": {"amount": "x"}, "items": [{"amount": "1"}, {"amount": "1", "x": 1}, {}]})
    assert found == {
        "inner": {"amount": ['Not a positive amount such as "180.00"']},
        "items": {"1": {"x": ["Unknown field"]}, "2": {"amount": ["Required"]}},
    }


@pytest.mark.parametrize("value", [None, [], "text", 5, True, [["id", 1]]])
def test_what_is_no_object_is_refused(value: Any) -> None:
    assert refused(value) in ({"body": ["Not an object"]}, {"id": ["Required"]})


def test_an_unknown_key_is_named_safely() -> None:
    (name,) = refused({"id": 1, "\ud800" + "x" * 10_000: 1})
    assert len(name) <= 64 and name.encode()
