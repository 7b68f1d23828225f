"""Logs (one JSON object a line, secrets scrubbed) and metrics. What happened, never what was said: no bodies, no
tokens."""

from __future__ import annotations

import logging
import re
import sys
from typing import Any

import structlog
from prometheus_client import Counter, Gauge, Histogram

from tp_gateway.card_numbers import card_numbers

REQUESTS = Counter("tp_gateway_requests_total", "HTTP requests", ["route", "method", "status"])
REQUEST_SECONDS = Histogram("tp_gateway_request_seconds", "Time to answer", ["route"])
PAYMENTS = Counter("tp_gateway_payment_transitions_total", "Moves of payments", ["provider", "to"])
REFUNDS = Counter("tp_gateway_refund_transitions_total", "Moves of refunds", ["provider", "to"])
PROVIDER_SECONDS = Histogram("tp_gateway_provider_seconds", "Provider calls", ["provider", "member", "outcome"])
BREAKER_OPEN = Gauge("tp_gateway_breaker_open", "1 while a provider's circuit is open", ["provider"])
RATE_LIMITED = Counter("tp_gateway_rate_limited_total", "Attempts to pay that were refused", ["limit"])
REVIEWS = Counter("tp_gateway_needs_review_total", "Payments that a person must look at", ["provider"])
WORKER_ERRORS = Counter("tp_gateway_worker_errors_total", "Errors of the worker's loops", ["loop"])

HIDDEN = "[hidden]"
LONGEST_TEXT = 1 << 14
"""Characters of one text in the log: a long traceback, and not whatever somebody else's code has to say."""
_SECRET_KEYS = re.compile(
    r"authorization|secret|api_?key|password|token|cookie|card_?number|\bcvc\b|\bcvv\b", re.IGNORECASE
)
_SECRET_TEXT = re.compile(  # keys, client secrets, JWTs
    r"\b[srp]k_(?:live|test)_\w+|\bwhsec_[\w+/=]+|\b\w+_secret_\w+|\beyJ[\w-]{8,}(?:\.[\w-]*)*"
)


LONGEST_NAME = 64
_NAME = type.__dict__["__name__"]


def class_name(value: object) -> str:
    """Of somebody else's exception or object: what its class was made with, whatever its metaclass says, whose code
    must not run here."""
    return str(_NAME.__get__(type(value)))[:LONGEST_NAME]


def scrub_text(text: str) -> str:
    """`text` without keys, client secrets, tokens and card numbers."""
    text = _SECRET_TEXT.sub(HIDDEN, text)
    for start, end in reversed(list(card_numbers(text))):
        text = text[:start] + HIDDEN + text[end:]
    return text


def _cut(text: str) -> str:
    """Scrubbed, and not longer than anybody reads. What is cut off is not searched for secrets either."""
    if len(text) <= LONGEST_TEXT:
        return scrub_text(text)
    return f"{scrub_text(text[: 2 * LONGEST_TEXT])[:LONGEST_TEXT]}… ({len(text)} characters)"


def scrub(value: Any) -> Any:
    if isinstance(value, str):
        return _cut(value)
    if isinstance(value, dict):
        return {key: HIDDEN if _SECRET_KEYS.search(str(key)) else scrub(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [scrub(item) for item in value]
    shown = repr(value)  # what the log would show: of an exception, bytes, an object
    clean = _cut(shown)
    return value if clean == shown else clean


def _scrub_event(_logger: Any, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    return {key: HIDDEN if _SECRET_KEYS.search(key) else scrub(value) for key, value in event.items()}


def _format_exception(logger: Any, method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """The traceback as text. An exception of a plugin's can refuse to be looked at, and logging must not fail."""
    try:
        return dict(structlog.processors.format_exc_info(logger, method, dict(event)))
    except BaseException as error:
        return {**event, "exc_info": None, "exception": f"cannot be shown: {class_name(error)}"}


def configure_logging(level: str) -> None:
    """Everything, also the standard library's loggers, to standard error as JSON lines."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _format_exception,
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
