"""Strict JSON: what is read means what was written, and whatever is not read is refused in one way."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.properties.profiles import fixed
from tp_gateway.errors import GatewayError
from tp_gateway.fields import JsonNumber, is_storable
from tp_gateway.views import jsontext

numbers = st.decimals(allow_nan=False, allow_infinity=False).map(lambda number: f"{number:f}")
fractions = numbers.filter(lambda text: "." in text).map(JsonNumber)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**60), 10**60) | st.text() | fractions,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=20,
)
separators = st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", "\t:\r\n")])


def written(value: Any, ascii_only: bool, between: tuple[str, str]) -> bytes:
    """One of the many spellings of a value; a `JsonNumber` stands there as the number that it is."""
    if isinstance(value, JsonNumber):
        return value.encode()
    comma, colon = (part.encode() for part in between)
    if isinstance(value, list):
        return b"[" + comma.join(written(item, ascii_only, between) for item in value) + b"]"
    if isinstance(value, dict):
        pairs = (
            written(key, ascii_only, between) + colon + written(item, ascii_only, between)
            for key, item in value.items()
        )
        return b"{" + comma.join(pairs) + b"}"
    return json.dumps(value, ensure_ascii=ascii_only).encode()


@pytest.mark.catalogue(71)
@fixed(300)
@given(values, st.booleans(), separators)
def test_a_value_is_read_as_it_was_meant_however_it_is_spelled(
    value: Any, ascii_only: bool, between: tuple[str, str]
) -> None:
    found = jsontext.loads(written(value, ascii_only, between))
    assert found == value and kinds(found) == kinds(value)
    assert jsontext.canonical(found) == jsontext.canonical(value)
    assert jsontext.dumps(jsontext.loads(jsontext.dumps(found).encode())) == jsontext.dumps(found)


@pytest.mark.catalogue(71)
@fixed(300)
@given(values, values)
def test_only_the_same_value_has_the_same_canonical_text(one: Any, other: Any) -> None:
    same = one == other and kinds(one) == kinds(other)
    # As text and as number "1.0" are written differently in a body, and are read as different kinds.
    assert (jsontext.canonical(one) == jsontext.canonical(other)) == same or json.dumps(one) == json.dumps(other)


broken = st.builds(
    lambda body, at, put, drop: body[: at % (len(body) + 1)] + put + body[at % (len(body) + 1) + drop :],
    st.builds(written, values, st.booleans(), separators),
    st.integers(0, 10_000),
    st.binary(max_size=3) | st.sampled_from([b'"', b"[", b"{", b"}", b"]", b"NaN", b"-", b"\\", b"\\ud800", b"e9"]),
    st.integers(0, 4),
)


@pytest.mark.catalogue(71)
@fixed(1000)
@given(st.binary() | broken)
def test_any_bytes_are_read_as_everybody_reads_them_or_refused(body: bytes) -> None:
    try:
        found = jsontext.loads(body)
    except GatewayError as error:
        assert error.code == "invalid_json" and isinstance(error.details, str)
        return
    reference = json.loads(body, parse_float=JsonNumber)
    assert found == reference and not body.startswith(b"\xef\xbb\xbf")
    assert json.loads(jsontext.canonical(found)) == json.loads(json.dumps(found))
    if is_storable(jsontext.dumps(found)):
        jsontext.dumps(found).encode("utf-8")


def kinds(value: Any) -> Any:
    """The types in it, since in Python `1 == True`, and a `JsonNumber` equals its text."""
    if isinstance(value, dict):
        return {key: kinds(item) for key, item in value.items()}
    return [kinds(item) for item in value] if isinstance(value, list) else type(value)
