"""JSON as the gateway reads and writes it. Reading is strict: what another parser could read differently is refused."""

from __future__ import annotations

import json
import re
from typing import Any

from tp_gateway.errors import GatewayError
from tp_gateway.fields import JsonNumber

MAX_DEPTH = 32
_LONGEST_INTEGER = 100
# A string, or an unfinished one up to the end. Possessive, so that no body can make it look twice at a character.
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)', re.DOTALL)
_BRACKETS = re.compile(rb"[\[\]{}]")


def loads(body: bytes) -> Any:
    """UTF-8 JSON -> values; numbers with a fraction or exponent stay text (`JsonNumber`). `invalid_json` for
    a byte-order mark, NaN, Infinity, a key given twice, nesting deeper than `MAX_DEPTH`, and whatever is not JSON."""
    if _depth(body) > MAX_DEPTH:
        raise _invalid(f"Nested deeper than {MAX_DEPTH} levels")
    try:
        return _decode(body.decode("utf-8"))
    except ValueError:  # UnicodeDecodeError and JSONDecodeError are ValueErrors; their texts quote the body
        raise _invalid("The body is not valid JSON in UTF-8") from None


def dumps(value: Any) -> str:
    """Compact, and the same text for the same value."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def canonical(value: Any) -> bytes:
    """One text for all spellings of the same JSON: order of keys, white space and escapes do not matter."""
    return json.dumps(value, ensure_ascii=True, sort_keys=True, separators=(",", ":")).encode("ascii")


def _decode(text: str) -> Any:
    return json.loads(
        text,
        object_pairs_hook=_object,
        parse_float=JsonNumber,
        parse_int=_integer,
        parse_constant=_constant,
    )


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _invalid("An object has the same key twice")
    return found


def _integer(digits: str) -> int:
    if len(digits) > _LONGEST_INTEGER:
        raise _invalid("A number is too long")
    return int(digits)


def _constant(_name: str) -> Any:
    raise _invalid("NaN and Infinity are not JSON")


def _depth(body: bytes) -> int:
    """How deep it nests, found before a recursive parser sees it."""
    if body.count(b"[") + body.count(b"{") <= MAX_DEPTH:
        return 0
    depth = deepest = 0
    for bracket in _BRACKETS.findall(_STRING.sub(b"", body)):
        depth += 1 if bracket in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _invalid(details: str) -> GatewayError:
    return GatewayError("invalid_json", details)
