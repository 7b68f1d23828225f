"""Ids, keys and moments: one spelling, one meaning."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

import colander
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.properties.profiles import fixed
from tp_gateway import fields
from tp_gateway.errors import ValidationError
from tp_gateway.identity import Identity
from tp_gateway.services.facts import Key
from tp_gateway.views import rendering
from tp_gateway.views.idempotency import idempotency_key

printable = st.text([chr(code) for code in range(0x20, 0x7F)], min_size=1, max_size=255)
moments = st.datetimes(
    min_value=datetime(1900, 1, 2),
    max_value=datetime(2200, 12, 30),
    timezones=st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)


class Body(fields.Schema):
    id = colander.SchemaNode(fields.Id(), missing=None)
    at = colander.SchemaNode(fields.Moment(), missing=None)


def read(**body: Any) -> Any:
    return fields.validate(Body(), body)[next(iter(body))]


@fixed(300)
@given(st.integers() | st.integers(1, fields.MAX_ID))
def test_an_id_is_the_same_as_number_and_as_text(number: int) -> None:
    for spelled in (number, str(number)):
        if 1 <= number <= fields.MAX_ID:
            assert read(id=spelled) == number
        else:
            with pytest.raises(ValidationError):
                read(id=spelled)


@fixed(300)
@given(st.text(max_size=25))
def test_only_plain_digits_are_an_id(text: str) -> None:
    try:
        found = read(id=text)
    except ValidationError:
        return
    assert str(found) == text


@pytest.mark.catalogue(91)
@fixed(300)
@given(moments)
def test_a_moment_is_told_in_utc_and_read_back_as_it_was_told(moment: datetime) -> None:
    assert read(at=moment.isoformat()) == moment
    assert read(at=moment.isoformat()).tzinfo is UTC
    told = rendering.moment(moment)
    assert told.endswith("Z") and read(at=told) == moment.replace(microsecond=0)


@pytest.mark.catalogue(7)
@fixed(300)
@given(printable, st.sampled_from(["", " ", "  "]))
def test_a_key_is_the_same_quoted_and_bare(key: str, around: str) -> None:
    quoted = '"' + key.replace("\\", "\\\\").replace('"', '\\"') + '"'
    assert key_of(f"{around}{quoted}{around}").key == key
    if "," not in key and '"' not in key and key.strip() == key:
        assert key_of(f"{around}{key}{around}").key == key


@pytest.mark.catalogue(7)
@fixed(500)
@given(st.text(max_size=300))
def test_any_header_is_a_key_of_printable_characters_or_refused(header: str) -> None:
    try:
        found = key_of(header)
    except ValidationError as error:
        assert set(error.details) == {"idempotency_key"}
        return
    assert 1 <= len(found.key) <= 255 and found.key.isascii() and found.key.isprintable()


def key_of(header: str) -> Key:
    request = SimpleNamespace(
        environ={"HTTP_IDEMPOTENCY_KEY": header},
        body_json={},
        path="/api/billing/payments/",
        method="POST",
        matched_route=SimpleNamespace(name="payments"),
        identity=Identity(45, "patient"),
    )
    found = idempotency_key(request)
    assert found is not None
    return found
