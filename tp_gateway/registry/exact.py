"""What a plugin hands over, taken exactly: values of the contract whose fields have the types that the contract
annotates, all the way down, with texts that a store can hold.

A value that passes holds nothing of the plugin's own making, so that no method of a plugin's class runs in the core
(`__eq__`, `__bool__`, `__str__`, a property), and its mappings are copies that the plugin cannot change afterwards. All
of it runs where the plugin's own code runs: on its lane, within its deadline.
"""

from __future__ import annotations

import math
import operator
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, date, datetime, timezone
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import colander

from tp_gateway.contract.nothing import nothing
from tp_gateway.fields import is_storable
from tp_gateway.observability import class_name

LONGEST_TEXT = 1 << 13
_A_VALUE = 64
LARGEST_MAPPING = 1 << 17
"""Characters of a mapping's texts, and 64 for each of its values beside: what one takes in memory at least, so that a
mapping without end is looked at for 2 ms, not 5. Others wait meanwhile."""
_DEEPEST = 32
_LONGEST_INTEGER = 1 << 63
Take = Callable[[Any], Any]


class Nonsense(Exception):
    """What was handed over is not what the contract says. The text names it, and holds nothing of its content."""


def exactly(value: Any, kinds: tuple[type, ...]) -> Any:
    """`value`, if its type is one of `kinds` (classes of the contract, None's or built-in ones) and everything in it
    is as annotated: the same object, or an equal one with copies of its mappings. Raises Nonsense, or what the value
    itself raises."""
    if type(value) not in kinds:
        raise Nonsense(f"a {class_name(value)}")
    return _taken(value, _takers(type(value)))  # type: ignore[arg-type]


def plain(value: Any) -> Any:
    """A copy that JSON can hold, made of dicts with text keys, lists, texts, finite numbers, True, False and None.
    Raises Nonsense."""
    return _plain(value, 0, [LARGEST_MAPPING])


def apart(value: Any) -> Any:
    """A copy of a value of the core's, for one plugin alone: what this one does to it no other is shown."""
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{field.name: apart(getattr(value, field.name)) for field in fields(value)})
    if isinstance(value, Mapping):
        return {key: apart(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(apart, value))
    return value


def _plain(value: Any, depth: int, left: list[int]) -> Any:
    kind = type(value)
    left[0] -= _A_VALUE
    if left[0] < 0 or depth > _DEEPEST:
        raise Nonsense("a mapping that is too large or too deep")
    if value is None or kind is bool:
        return value
    if kind is int:
        return _integer(value)
    if kind is float:
        return _number(value)
    if isinstance(value, str):
        text = _text(value, LARGEST_MAPPING)
        left[0] -= len(text)
        return text
    if isinstance(value, Mapping):
        return {_key(key, left): _plain(item, depth + 1, left) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, depth + 1, left) for item in value]
    raise Nonsense(f"a mapping with a {class_name(value)} in it")


def _key(key: Any, left: list[int]) -> str:
    if not isinstance(key, str):
        raise Nonsense(f"a mapping with a {class_name(key)} as a key")
    text = _text(key)
    left[0] -= len(text)
    return text


def _text(value: str, longest: int = LONGEST_TEXT) -> str:
    text = str.__str__(value)  # of a subclass (an enum's member) what it holds, whatever it says of itself
    if len(text) > longest:
        raise Nonsense("a text that is too long")
    if "\0" in text or not (text.isascii() or is_storable(text)):
        raise Nonsense("a text that cannot be kept")
    return text


def _integer(value: int) -> int:
    if not -_LONGEST_INTEGER <= value < _LONGEST_INTEGER:
        raise Nonsense("a number that is too large")
    return value


def _number(value: float) -> float:
    if not math.isfinite(value):
        raise Nonsense("a number that is none")
    return value


def _moment(value: datetime) -> datetime:
    """With a time zone of the standard library's, or none."""
    return value if value.tzinfo is None or type(value.tzinfo) in (timezone, ZoneInfo) else value.astimezone(UTC)


def _mapping(value: Any) -> Any:
    return value if value is nothing() else plain(value)


def _itself(value: Any) -> Any:
    return value


_SIMPLE: dict[Any, Take] = {
    str: _text,
    int: _integer,
    float: _number,
    datetime: _moment,
    **dict.fromkeys((bool, date, bytes, list, type(None)), _itself),
}


@cache
def _takers(hint: Any) -> Mapping[Any, Take]:
    """For an annotation: the types that a value may have, and how one of each is taken."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return {kind: take for one in arguments for kind, take in _takers(one).items()}
    if origin in (tuple, frozenset):
        return {origin: _every(origin, _takers(arguments[0]))}
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {dict: _mapping, types.MappingProxyType: _mapping}
    if is_dataclass(hint):
        return {typing.cast(type, hint): _fields(typing.cast(type, hint))}
    if hint is float:
        return {float: _number, int: _integer}
    return {hint: _SIMPLE.get(hint, _itself)}


def _taken(value: Any, takers: Mapping[Any, Take]) -> Any:
    take = takers.get(type(value)) or _for_a_kind_of(value, takers)
    if take is None:
        raise Nonsense(f"a {class_name(value)}")
    return take(value)


def _for_a_kind_of(value: Any, takers: Mapping[Any, Take]) -> Take | None:
    """Texts, mappings and schemas may be of classes of their own: of the first two only what they hold is taken."""
    if str in takers and isinstance(value, str):
        return _text
    if dict in takers and isinstance(value, Mapping):
        return _mapping
    return _itself if colander.SchemaNode in takers and isinstance(value, colander.SchemaNode) else None


def _every(kind: Any, takers: Mapping[Any, Take]) -> Take:
    def take(values: Any) -> Any:
        taken = [_taken(value, takers) for value in values]
        return values if all(map(operator.is_, taken, values)) else kind(taken)

    return take


def _fields(kind: type) -> Take:
    """Of a class of the contract. Most fields of most answers are as they were by default: those cost one comparison
    each."""
    hints = typing.get_type_hints(kind)
    plan = [(field.name, field.default, _takers(hints[field.name])) for field in fields(kind)]

    def take(value: Any) -> Any:
        changed = {}
        for name, default, takers in plan:
            given = getattr(value, name)
            if given is default:
                continue
            try:
                taken = _taken(given, takers)
            except Nonsense as problem:
                raise Nonsense(f"{name}: {problem}") from None
            if taken is not given:
                changed[name] = taken
        return replace(value, **changed) if changed else value

    return take
