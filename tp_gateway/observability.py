"""Logs (one JSON object a line, secrets scrubbed) and metrics. What happened, never what was said: no bodies, no
tokens."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterable
from typing import Any

import structlog
from prometheus_client import Counter, Gauge, Histogram

REQUESTS = Counter("tp_gateway_requests_total", "HTTP requests", ["route", "method", "status"])
REQUEST_SECONDS = Histogram("tp_gateway_request_seconds", "Time to answer", ["route"])
PAYMENTS = Counter("tp_gateway_payment_transitions_total", "Moves of payments", ["provider", "to"])
REFUNDS = Counter("tp_gateway_refund_transitions_total", "Moves of refunds", ["provider", "to"])
PROVIDER_SECONDS = Histogram("tp_gateway_provider_seconds", "Provider calls", ["provider", "member", "outcome"])
BREAKER_OPEN = Gauge("tp_gateway_breaker_open", "1 while a provider's circuit is open", ["provider"])
REVIEWS = Counter("tp_gateway_needs_review_total", "Payments that a person must look at", ["provider"])
WORKER_ERRORS = Counter("tp_gateway_worker_errors_total", "Errors of the worker's loops", ["loop"])

HIDDEN = "[hidden]"
_SECRET_KEYS = re.compile(
    r"authorization|secret|api_?key|password|token|cookie|card_?number|\bcvc\b|\bcvv\b", re.IGNORECASE
)
_SECRET_TEXT = re.compile(  # keys, client secrets, JWTs
    r"\b[srp]k_(?:live|test)_\w+|\bwhsec_[\w+/=]+|\b\w+_secret_\w+|\beyJ[\w-]{8,}(?:\.[\w-]*)*"
)
_DIGITS = re.compile(r"(?<!\d)(?<!\d\.)\d+(?:[ -]\d+)*")  # groups of digits, but not the decimals of a number
_GROUP = re.compile(r"\d+")

_CARD_PREFIX = re.compile(
    r"4|5[0-8]|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)|3[47]|3(?:0[0-5]|[689])|35|6(?:011|4[4-9]|5|2|0|3|7|8|9)|2131|1800"
)


def card_numbers(text: str) -> Iterable[tuple[int, int]]:
    """Where `text` has 13 to 19 digits (spaces and dashes allowed) with a card network's prefix and a right Luhn digit
    (ISO/IEC 7812), also next to other digits ("4242 4242 4242 4242 12/26"). Of several readings the longest."""
    for run in _DIGITS.finditer(text):
        groups = [(group.start() + run.start(), group.group()) for group in _GROUP.finditer(run.group())]
        first = 0
        while first < len(groups):
            used = _card_at(groups, first)
            if used:
                last, digits = groups[first + used - 1]
                yield groups[first][0], last + len(digits)
            first += used or 1


def _card_at(groups: list[tuple[int, str]], first: int) -> int:
    """How many groups from `first` on make a card number; 0 if none do."""
    digits, longest = "", 0
    for used, (_, group) in enumerate(groups[first : first + 19], 1):
        digits += group
        if len(digits) > 19:
            break
        if len(digits) >= 13 and _CARD_PREFIX.match(digits) and _luhn(digits):
            longest = used
    return longest


def _luhn(digits: str) -> bool:
    total = 0
    for position, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + position % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def scrub_text(text: str) -> str:
    """`text` without keys, client secrets, tokens and card numbers."""
    text = _SECRET_TEXT.sub(HIDDEN, text)
    for start, end in reversed(list(card_numbers(text))):
        text = text[:start] + HIDDEN + text[end:]
    return text


def scrub(value: Any) -> Any:
    if isinstance(value, str):
        return scrub_text(value)
    if isinstance(value, dict):
        return {key: HIDDEN if _SECRET_KEYS.search(str(key)) else scrub(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [scrub(item) for item in value]
    shown = repr(value)  # what the log would show: of an exception, bytes, an object
    clean = scrub_text(shown)
    return value if clean == shown else clean


def _scrub_event(_logger: Any, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    return {key: HIDDEN if _SECRET_KEYS.search(key) else scrub(value) for key, value in event.items()}


def configure_logging(level: str) -> None:
    """Everything, also the standard library's loggers, to standard error as JSON lines."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _scrub_event,
    ]
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *shared],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in ("alembic", "stripe", "urllib3", "sqlalchemy.engine", "txn"):
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def logger(name: str) -> Any:
    return structlog.stdlib.get_logger(name)
