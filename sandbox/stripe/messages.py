"""What goes in and out: a decoded request and a finished answer. It knows no Stripe rules."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

API_VERSION = "2026-10-28.endive"
ENDIVE = "2026-10-28"  # from this version on `allowed_payment_method_types` stands in for `payment_method_types`
_SUBKEY = re.compile(r"\[([^\]]*)\]")


_POSITION = re.compile("[0-9]{1,18}")


def decode_form(text: str) -> dict[str, Any]:
    """`a[b][0]=x` to `{"a": {"b": ["x"]}}`, as docs.stripe.com/api describes its form encoding."""
    root: dict[str, Any] = {}
    for key, value in parse_qsl(text, keep_blank_values=True):
        if "[" not in key:
            root[key] = value
            continue
        parts = [key.split("[", 1)[0], *_SUBKEY.findall(key)]
        place = root
        for part in parts[:-1]:
            nested = place.setdefault(part or str(len(place)), {})
            if not isinstance(nested, dict):  # `a=1&a[b]=2`: the later, deeper one wins
                nested = place[part] = {}
            place = nested
        place[parts[-1] or str(len(place))] = value
    return {key: _with_lists(value) for key, value in root.items()}


def _with_lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    value = {key: _with_lists(item) for key, item in value.items()}
    if value and all(_POSITION.fullmatch(key) for key in value):
        return [value[key] for key in sorted(value, key=int)]
    return value


@dataclass
class Request:
    """One HTTP request; header names are lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes = b""
    path: str = ""
    query: str = ""
    params: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        parts = urlsplit(self.target)
        self.path, self.query = parts.path.rstrip("/") or "/", parts.query
        text = self.query
        if self.body and not self.is_json:
            text = f"{text}&{self.body.decode('utf-8', 'replace')}" if text else self.body.decode("utf-8", "replace")
        if text:
            self.params = decode_form(text)

    @property
    def is_json(self) -> bool:
        """By its first sign, so that `curl -d '{…}'` needs no header."""
        return self.body.lstrip()[:1] == b"{"

    def json(self) -> dict[str, Any]:
        """The body as a JSON object (the control API speaks JSON), or the decoded form."""
        return json.loads(self.body) if self.is_json else self.params


@dataclass
class Answer:
    """One HTTP answer, body already encoded."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    close: bool = False  # end the connection after it
    between_bytes: Callable[[], None] | None = None  # sent one byte at a time, with this in between

    @classmethod
    def json(cls, status: int, value: Any) -> "Answer":
        return cls(status, json.dumps(value, separators=(",", ":")).encode())

    @classmethod
    def html(cls, status: int, text: str) -> "Answer":
        return cls(status, text.encode(), content_type="text/html; charset=utf-8")
