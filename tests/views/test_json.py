"""Strict JSON: one reading of a body, or none."""

import sys
import time

import pytest

from tp_gateway.errors import GatewayError
from tp_gateway.fields import JsonNumber
from tp_gateway.views import jsontext

REFUSED = {
    "empty": b"",
    "white space": b"  \n",
    "NaN": b'{"a": NaN}',
    "Infinity": b'{"a": -Infinity}',
    "duplicate key": b'{"a": 1, "a": 1}',
    "duplicate key by an escape": b'{"a": 1, "\\u0061": 2}',
    "duplicate key inside": b'{"a": [{"b": 1, "b": 2}]}',
    "byte-order mark": b'\xef\xbb\xbf{"a": 1}',
    "not UTF-8": b'{"a": "\xff"}',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "an encoded surrogate": b'{"a": "\xed\xa0\x80"}',
    "a raw control character": b'{"a": "\n"}',
    "trailing comma": b'{"a": 1,}',
    "comment": b'{"a": 1} // one',
    "two values": b"{} {}",
    "single quotes": b"{'a': 1}",
    "leading zero": b'{"a": 01}',
    "plus sign": b'{"a": +1}',
    "hexadecimal": b'{"a": 0x10}',
    "full-width digits": '{"a": \uff11\uff18}'.encode(),
    "an integer of 5000 digits": b'{"a": ' + b"9" * 5000 + b"}",
    "a negative integer of 5000 digits": b'{"a": -' + b"9" * 5000 + b"}",
    "33 levels": b'{"a":' * 33 + b"1" + b"}" * 33,
    "100000 levels of arrays": b"[" * 100_000,
    "100000 levels of objects": b'{"a":' * 100_000,
    "unfinished string full of quotes": b'["' + b'\\"' * 100_000,
    "brackets after an unfinished string": b'{"a": "' + b"[" * 100_000,
}


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED.keys())
@pytest.mark.catalogue(71)
def test_what_is_not_strict_json_is_refused_quickly(body: bytes) -> None:
    started = time.process_time()
    with pytest.raises(GatewayError) as refusal:
        jsontext.loads(body)
    assert refusal.value.code == "invalid_json"
    assert isinstance(refusal.value.details, str)
    assert time.process_time() - started < 1


def test_the_depth_does_not_depend_on_the_interpreters_stack() -> None:
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(200)
    try:
        with pytest.raises(GatewayError):
            jsontext.loads(b"[" * 50_000)
    finally:
        sys.setrecursionlimit(limit)


def test_32_levels_are_enough_and_brackets_in_texts_do_not_count() -> None:
    assert jsontext.loads(b"[" * 32 + b"]" * 32)
    text = b'{"a": "' + b'[{\\"' * 100 + b'"}'
    assert jsontext.loads(text) == {"a": '[{"' * 100}


def test_numbers_are_never_floats() -> None:
    found = jsontext.loads(b'{"a": 180.50, "b": 1.8e2, "c": 180, "d": -0.0}')
    assert found == {"a": "180.50", "b": "1.8e2", "c": 180, "d": "-0.0"}
    assert [type(value) for value in found.values()] == [JsonNumber, JsonNumber, int, JsonNumber]


def test_canonical_text_is_the_same_for_every_spelling() -> None:
    one = jsontext.loads(b'{"a": 1, "b": {"c": "\\u00e9", "d": null}}')
    other = jsontext.loads('{ "b":{"d":null,"c":"é"},"a":1}'.encode())
    assert jsontext.canonical(one) == jsontext.canonical(other)
    assert jsontext.canonical(one) != jsontext.canonical({**one, "a": 2})
