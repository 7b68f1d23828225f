"""Card numbers and security codes must never enter: a request that carries one anywhere is refused before anything is
done with it. The value is neither answered nor logged (the scope of PCI DSS stays with the card form's own frame)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Any
from urllib.parse import unquote_plus

from tp_gateway.card_numbers import card_numbers
from tp_gateway.errors import GatewayError

_KEYS = frozenset(
    {"number", "pan", "primaryaccountnumber", "cardnumber", "cardno", "ccnumber", "ccnum", "cardpan", "pinblock"}
    | {"cvc", "cvc2", "cvv", "cvv2", "cvn", "csc", "cardcvc", "cardcvv", "cardcode", "securitycode", "cardsecuritycode"}
    | {"track1", "track2", "trackdata", "cid"}
)
"""Without case, spaces and punctuation: `card[number]` and `Card_Number` are `cardnumber`."""
_USUAL_KEY = 64
"""Keys up to this length are judged once and remembered."""
_MANY_DIGITS = re.compile(r"[0-9](?:[^0-9]{0,3}[0-9]){12}")
"""What every written card number has: most texts are done with after this one look."""
_NOT_ALPHANUMERIC = re.compile(r"[^a-z0-9]")
# Ids that are long runs of hexadecimal digits can look like a card number by chance; no card number looks like them.
_ID = re.compile(
    r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|(?<![0-9a-z])(?=[0-9]*[a-f])[0-9a-f]{32,}(?![0-9a-z])",
    re.IGNORECASE,
)
_PROVIDERS_ID = re.compile(
    r"[a-z]{2,5}_[0-9](?=[0-9A-Za-z]*[a-z])(?=[0-9A-Za-z]*[A-Z])[0-9A-Za-z]{13,64}(?:_secret_[0-9A-Za-z]{1,64})?"
)
"""A whole value that is an id like `pi_3SMx…`, with letters of both cases: its digits can be a card number by chance.
Never a part of a text: people write `card_no4242…` too."""
_NOT_SEARCHED = frozenset(
    {"HTTP_AUTHORIZATION", "HTTP_COOKIE", "HTTP_TRACEPARENT", "HTTP_TRACESTATE", "HTTP_BAGGAGE", "HTTP_SENTRY_TRACE"}
    | {"HTTP_X_AMZN_TRACE_ID", "HTTP_X_CLOUD_TRACE_CONTEXT", "HTTP_X_B3_TRACEID", "HTTP_X_B3_SPANID"}
    | {"HTTP_X_DATADOG_TRACE_ID", "HTTP_X_DATADOG_PARENT_ID"}
)
"""Our own secrets, and the random numbers of tracing systems; neither is kept."""


def refuse_in_request(environ: dict[str, Any]) -> None:
    """Path, query and headers. GatewayError `card_data_not_accepted`."""
    query = environ.get("QUERY_STRING", "")
    if _has_card_number(_path(environ)) or (query and _in_query(query)):
        raise GatewayError("card_data_not_accepted")
    for name, value in environ.items():
        if name.startswith("HTTP_") and name not in _NOT_SEARCHED and _has_card_number(value):
            raise GatewayError("card_data_not_accepted")


def refuse_in_body(body: Any) -> None:
    """Keys, texts and numbers of a parsed body at any depth. GatewayError `card_data_not_accepted`."""
    for is_key, text in _texts(body):
        if (is_key and _names_card_data(text)) or _has_card_number(text):
            raise GatewayError("card_data_not_accepted")


def _texts(value: Any) -> Iterator[tuple[bool, str]]:
    if isinstance(value, str):
        yield False, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield True, key
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, int):
        yield False, str(value)


def _in_query(query: str) -> bool:
    if _has_card_number(unquote_plus(query)):
        return True
    return any(_names_card_data(unquote_plus(part.partition("=")[0])) for part in re.split("[&;]", query))


def _path(environ: dict[str, Any]) -> str:
    path: str = environ.get("PATH_INFO", "")
    return path.encode("latin-1", "replace").decode("utf-8", "replace")


def _names_card_data(key: str) -> bool:
    return _is_name_of_card_data(key) if len(key) <= _USUAL_KEY else _is_name_of_card_data.__wrapped__(key)


@lru_cache(1024)
def _is_name_of_card_data(key: str) -> bool:
    name = _NOT_ALPHANUMERIC.sub("", unicodedata.normalize("NFKC", _plain(key)).lower())
    return name in _KEYS or "cvc" in name or "cvv" in name or "verification" in name


def _has_card_number(text: str) -> bool:
    if len(text) < 13 or (text.isascii() and not _MANY_DIGITS.search(text)):
        return False
    return not _PROVIDERS_ID.fullmatch(text) and any(True for _ in card_numbers(_ID.sub("", _plain(text))))


def _plain(text: str) -> str:
    """Digits of any script as 0 to 9, any space or dash as itself in ASCII, invisible characters gone."""
    return text if text.isascii() else "".join(map(_plain_character, text))


def _plain_character(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Nd":
        return str(unicodedata.digit(character))
    return {"Pd": "-", "Zs": " ", "Cf": ""}.get(category, character)
