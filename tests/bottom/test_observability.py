"""Logs say what happened, never a secret: keys, tokens, client secrets and card numbers are hidden everywhere."""

import json
import random
import string
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from tp_gateway.card_numbers import card_numbers
from tp_gateway.observability import HIDDEN, scrub, scrub_text

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJ1c2VyX2lkIjo0NX0.c2lnbmF0dXJl-_"
CARDS = ["4242424242424242", "5555555555554444", "378282246310005", "6011111111111117", "3566002020360505"]
CARDS += ["30569309025904", "4222222222222", "6200000000000005", "2223003122003222"]

SECRETS = {
    "a live key": "sk_live_51Abc",
    "a test key": "sk_test_51Abc",
    "a restricted key": "rk_live_51Abc",
    "a webhook secret": "whsec_abc+/123=",
    "a client secret": "pi_3Abc_secret_xyz",
    "a set-up secret": "seti_1Abc_secret_xyz",
    "a token": JWT,
    "a token without signature": JWT.rpartition(".")[0] + ".",
    "the beginning of a token": "eyJhbGciOiJIUzI1NiJ9.eyJ1c2Vy",
    "a header of a token": "eyJhbGciOiJIUzI1NiJ9",
    **{f"card {number[:4]} of {len(number)}": number for number in CARDS},
    "spaces": "4242 4242 4242 4242",
    "dashes": "4242-4242-4242-4242",
    "mixed": "4242 4242-4242 4242",
    "Amex as printed": "3782 822463 10005",
    "one by one": " ".join("4242424242424242"),
}
AROUND = [
    "{}",
    "x {} y",
    "key={}",
    '{{"a": "{}"}}',
    "({})",
    "no.{}",
    "Bearer {}",
    "\n{}\n",
    "/path/{}/x",
    "{},{}",
    "'{}'",
]


@pytest.mark.catalogue(81)
@pytest.mark.catalogue(82)
@pytest.mark.parametrize("what", SECRETS)
def test_a_secret_is_hidden_whatever_stands_around_it(what: str) -> None:
    secret = SECRETS[what]
    for around in AROUND:
        found = scrub_text(around.replace("{}", secret))
        assert secret not in found and HIDDEN in found, around
        assert found == around.replace("{}", HIDDEN) or what == "a webhook secret"


@pytest.mark.catalogue(81)
@pytest.mark.parametrize(
    "text",
    [
        "4242 4242 4242 4242 12/26",
        "4242424242424242 123",
        "4242-4242-4242-4242-123",
        "4242424242424242 12 26 123",
        "on 2025-01-19 4242424242424242",
        "45 4242 4242 4242 4242",
        "AUD 180.00 4242424242424242",
        "378282246310005 1226",
        "4242424242424242.",
        "card no.4242424242424242",
        "4242 4242 4242 4242 5555 5555 5555 4444",
    ],
)
def test_a_card_number_beside_other_digits_is_hidden(text: str) -> None:
    found = scrub_text(text)
    digits = "".join(character for character in found if character.isdigit())
    assert HIDDEN in found and not any(card in digits for card in CARDS)
    assert "4242 4242" not in found and "37828" not in found


@pytest.mark.catalogue(81)
@pytest.mark.parametrize(
    "text",
    [
        "4242424242424241",
        "INV-2025-001",
        "2025-01-19T10:30:00.123456Z",
        "2025-01-19 10:30:00",
        "0.4242424242424242",
        "1234567890123456789",
        "42424242424242424242424242",
        "0412 345 678",
        "+61 3 9123 4567",
        "51 824 753 556",
        "a secret_ary",
        "eyJ",
    ],
)
def test_what_only_looks_a_little_like_it_is_left(text: str) -> None:
    assert scrub_text(text) == text


@pytest.mark.catalogue(81)
def test_ids_and_dates_are_hardly_ever_taken_for_cards() -> None:
    """Of 20,000 each; a run of 19 random digits has a card's prefix and a right check digit about once in 20."""
    chance = random.Random(42)
    start = datetime(2025, 1, 1, tzinfo=UTC)
    alphabet = string.ascii_letters + string.digits

    def moment() -> datetime:
        return start + timedelta(microseconds=chance.getrandbits(50))

    kinds: dict[str, tuple[int, Callable[[], str]]] = {
        "UUID": (60, lambda: str(UUID(int=chance.getrandbits(128), version=4))),
        "hexadecimal": (60, lambda: f"{chance.getrandbits(128):032x}"),
        "ISO date": (0, lambda: moment().isoformat()),
        "date with a space": (0, lambda: moment().strftime("%Y-%m-%d %H:%M:%S,%f")),
        "Stripe's ids": (0, lambda: "pi_3" + "".join(chance.choices(alphabet, k=23))),
        "our ids": (0, lambda: f"payment {chance.randrange(10**6)} of invoice {chance.randrange(10**6)}"),
        "seconds": (0, lambda: f"{chance.uniform(1.7e9, 1.8e9):.6f}"),
        "nanoseconds": (0, lambda: str(chance.randrange(17 * 10**17, 18 * 10**17))),
    }
    for name, (allowed, make) in kinds.items():
        hits = sum(scrub_text(text) != text for text in (make() for _ in range(20_000)))
        assert hits <= allowed, (name, hits)


def test_a_long_text_is_read_in_no_time() -> None:
    for piece in ("eyJ-", "4 ", "4", "1_secret", "sk_live", "4242-", "whsec_+", "eyJa.", "0."):
        started = time.thread_time()
        scrub_text(piece * (200_000 // len(piece)))
        assert time.thread_time() - started < 5, piece


def test_of_several_readings_the_longest_is_hidden() -> None:
    text = "a 4242 4242 4242 4242 b 378282246310005"
    assert [text[start:end] for start, end in card_numbers(text)] == ["4242 4242 4242 4242", "378282246310005"]


class Holder:
    def __repr__(self) -> str:
        return "<Holder sk_live_51Abc>"


VALUES: dict[str, Any] = {
    "a list": ["sk_live_51Abc"],
    "a tuple": ("sk_live_51Abc",),
    "a set": {"sk_live_51Abc"},
    "deep": {"a": [{"b": ("sk_live_51Abc",)}]},
    "bytes": b"sk_live_51Abc",
    "an exception": ValueError("sk_live_51Abc"),
    "an object": Holder(),
    "a number": 4242424242424242,
    "a key's value": {"api_key": "51Abc"},
    "whatever is under the key": {"Authorization": {"x": ["51Abc"]}},
}


@pytest.mark.catalogue(82)
@pytest.mark.parametrize("what", VALUES)
def test_a_value_of_any_kind_is_cleaned(what: str) -> None:
    assert "51Abc" not in repr(scrub(VALUES[what])) and "4242" not in repr(scrub(VALUES[what]))


@pytest.mark.parametrize(
    "key",
    [
        "authorization",
        "Authorization",
        "client_secret",
        "api_key",
        "apikey",
        "password",
        "jwt_token",
        "cookie",
        "cvc",
        "card_number",
    ],
)
def test_what_is_under_a_telling_key_is_hidden(key: str) -> None:
    assert scrub({key: "harmless"}) == {key: HIDDEN}


def test_what_is_harmless_is_left_as_it_is() -> None:
    value = {"payment_id": 45, "seconds": 0.25, "ok": True, "none": None, "at": datetime(2025, 1, 19), "of": ["a", 1]}
    assert scrub(value) == value


PROGRAM = """
    import logging
    from tp_gateway import observability
    observability.configure_logging("debug")
    log = observability.logger("ours")
    log.error("payment sk_live_51Abc", token="t", card="4242 4242 4242 4242", error=ValueError("sk_live_51Abc"))
    log.warning("two\\nlines \\x1b[31m", header="a\\r\\nb: c")
    plain = logging.getLogger("theirs")
    plain.info("pi_3Abc_secret_xyz %s", "whsec_51Abc")
    try:
        secret = "pi_3Abc_secret_xyz"
        raise RuntimeError("sk_live_51Abc")
    except RuntimeError:
        plain.exception("failed")
        log.exception("failed")
    logging.getLogger("sqlalchemy.engine").info("INSERT 4242424242424242")
    logging.getLogger("stripe").debug("sk_live_51Abc")
"""


@pytest.mark.catalogue(74)
@pytest.mark.catalogue(82)
def test_the_log_is_one_clean_json_object_a_line_whoever_writes_it() -> None:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(PROGRAM)], capture_output=True, text=True, timeout=30, check=True
    )
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [line["level"] for line in lines] == ["error", "warning", "info", "error", "error"]
    assert [line["logger"] for line in lines] == ["ours", "ours", "theirs", "theirs", "ours"]
    assert all(line["timestamp"].endswith("Z") for line in lines)
    # A whole part of the number: four digits alone can stand in a time of day.
    assert not any(part in done.stderr for part in ("51Abc", "4242 4242", "42424242", "secret_xyz"))
    assert "\x1b" not in done.stderr and not done.stdout
    for line in lines[3:]:
        assert "RuntimeError" in line["exception"] and HIDDEN in line["exception"]
