"""The `Idempotency-Key` header: which spellings are one key, and which are none."""

from types import SimpleNamespace
from typing import Any

import pytest

from tp_gateway.errors import ValidationError
from tp_gateway.identity import Identity
from tp_gateway.views.idempotency import idempotency_key


def request(header: str | None, body: Any = None, path: str = "/api/billing/payments/", user: int = 45) -> Any:
    return SimpleNamespace(
        environ={} if header is None else {"HTTP_IDEMPOTENCY_KEY": header},
        body_json=body or {"amount": "180.00"},
        path=path,
        method="POST",
        matched_route=SimpleNamespace(name="payments"),
        identity=Identity(user, "patient"),
    )


def test_no_header_is_no_key() -> None:
    assert idempotency_key(request(None)) is None


@pytest.mark.parametrize(
    ("header", "key"),
    [
        ("k", "k"),
        ('"k"', "k"),
        (" k ", "k"),
        ('"a\\"b\\\\c"', 'a"b\\c'),
        ('"a,b"', "a,b"),
        ("8e03978e-40d5-43e8-bc93-6894a57f9324", "8e03978e-40d5-43e8-bc93-6894a57f9324"),
        ("x" * 255, "x" * 255),
    ],
)
def test_spellings(header: str, key: str) -> None:
    found = idempotency_key(request(header))
    assert found is not None
    assert (found.key, found.user_id, found.route) == (key, 45, "POST payments")


@pytest.mark.parametrize(
    "header", ["", " ", '""', "x" * 256, "a\tb", "a\x00b", "é", "a, b", "a,a", '"a", "b"', '"a', 'a"b', '"a\\b"']
)
@pytest.mark.catalogue(7)
def test_malformed_keys_are_refused(header: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        idempotency_key(request(header))
    assert list(refusal.value.fields) == ["idempotency_key"]


def test_the_fingerprint_is_of_the_meaning_and_the_path() -> None:
    first = idempotency_key(request("k", {"a": 1, "b": {"c": 2}}))
    same = idempotency_key(request("k", {"b": {"c": 2}, "a": 1}))
    other_body = idempotency_key(request("k", {"a": 1, "b": {"c": 3}}))
    other_path = idempotency_key(request("k", {"a": 1, "b": {"c": 2}}, path="/api/billing/invoices/7/pay/"))
    assert first == same
    assert first is not None
    assert len({first.body_hash, getattr(other_body, "body_hash", ""), getattr(other_path, "body_hash", "")}) == 3
