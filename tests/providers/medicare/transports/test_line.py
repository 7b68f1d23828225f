"""The line itself: nobody there, answers that break off, drip or do not end; and no name, card or key in any text."""

from __future__ import annotations

import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.providers.medicare.transports import claims
from tests.providers.medicare.transports.conftest import Control
from tp_gateway.providers.medicare.transports import (
    Aggregator,
    Failure,
    NotSent,
    ServicesAustralia,
    Transport,
    Unclear,
    Verified,
    bodies,
    new_correlation_id,
)
from tp_gateway.providers.medicare.transports.exchange import LARGEST_ANSWER
from tp_gateway.providers.medicare.transports.values import Card, Verification

CANARIES = (claims.FAMILY, claims.GIVEN, claims.NUMBER, claims.API_KEY, "PRIVATE KEY", "1980-02-03")


@contextmanager
def answering(*parts: bytes, pause: float = 0.0) -> Iterator[str]:
    """A server that reads something, answers with these bytes, and reads on until the other side is done.

    To close with something unread would reset the connection, and take from the other side what it has not read yet.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    stopping = threading.Event()

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(5)
            connection.recv(65536)
            try:
                for part in parts:
                    connection.sendall(part)
                    if stopping.wait(pause):
                        return
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65536):
                    pass
            except OSError:
                return

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    stopping.set()
    thread.join(5)
    listener.close()


def ask(url: str, seconds: float = 10, **changes: float) -> object:
    cid = new_correlation_id(claims.MINOR_ID)
    transport = Aggregator(claims.aggregator(url, **changes))
    return transport.submit_bulk_bill(claims.bulk_bill(), cid, time.monotonic() + seconds)


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert ask(f"http://127.0.0.1:{port}") == NotSent("NewConnectionError")
    assert isinstance(ask("https://nowhere.invalid"), NotSent)
    assert ask("http://127.0.0.1:1", seconds=-1) == NotSent("no time left")


def test_plain_text_where_tls_is_expected_gets_no_request() -> None:
    with answering(b"HTTP/1.1 200 OK\r\n\r\n") as url:
        assert isinstance(ask(url.replace("http:", "https:")), NotSent)


@pytest.mark.parametrize(
    "parts",
    [
        (b"",),
        (b"nonsense\r\n\r\n",),
        (b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"claimId"',),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",),
        (b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n",),
        (b"HTTP/1.1 204 No Content\r\n\r\n",),
    ],
)
def test_a_broken_answer_is_unclear(parts: tuple[bytes, ...]) -> None:
    with answering(*parts) as url:
        assert isinstance(ask(url), Unclear)


def test_an_answer_without_end_is_cut() -> None:
    piece = b" " * 65536
    with answering(b"HTTP/1.1 200 OK\r\n\r\n", *[piece] * (2 * LARGEST_ANSWER // len(piece))) as url:
        assert ask(url) == Unclear("answer too large", 200)


def test_an_answer_that_drips_is_over_by_the_deadline() -> None:
    began = time.monotonic()
    with answering(b"HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\n", *[b" "] * 400, pause=0.05) as url:
        assert ask(url, seconds=0.5) == Unclear("deadline", 200)
        assert time.monotonic() - began < 1.5


def test_silence_is_over_by_the_deadline() -> None:
    began = time.monotonic()
    with answering(b"", b"", pause=5) as url:
        assert isinstance(ask(url, seconds=0.4), Unclear)
        assert 0.3 < time.monotonic() - began < 1.5


def every_answer(transport: Transport) -> Iterator[Failure | Verified | object]:
    deadline = time.monotonic() + 10
    for charge in (10_155, 10_002, 10_004, 10_061):
        yield transport.submit_bulk_bill(claims.bulk_bill(charge), new_correlation_id(claims.MINOR_ID), deadline)
    yield transport.submit_patient_claim(claims.patient_claim(), new_correlation_id(claims.MINOR_ID), deadline)
    yield transport.verify_patient(Verification(claims.PERSON), new_correlation_id(claims.MINOR_ID), deadline)


def test_no_name_no_card_no_secret_in_any_text(
    transport: Transport, direct: ServicesAustralia, sandbox: Control, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    sandbox.rule("refuse", text=f"{claims.FAMILY} {claims.NUMBER}", code="9202")
    texts = [repr(answer) for answer in every_answer(transport)]
    token = direct.login.token(time.monotonic() + 10)
    texts += [repr(token), repr(transport), repr(direct), repr(direct.login), caplog.text]
    texts += [repr(claims.services_australia(sandbox.url)), repr(claims.aggregator(sandbox.url))]
    texts += [
        repr(value) for value in (claims.bulk_bill(), claims.patient_claim(), claims.PERSON, Card("2951201842", "1"))
    ]
    for canary in (*CANARIES, getattr(token, "value", "no token")):
        assert all(canary not in text for text in texts), canary


def test_values_that_cannot_be_are_refused_without_a_word_of_them() -> None:
    wrong: list[Callable[[], object]] = [
        lambda: claims.bulk_bill(-1),
        lambda: Card(claims.NUMBER, "Ⅷ"),
        lambda: Card(claims.NUMBER[1:], "11"),
        lambda: claims.bulk_bill(referral_override="H"),
        lambda: claims.patient_claim(paid=True, contribution=100),
        lambda: claims.patient_claim(paid=False, contribution=22_000),
    ]
    for make in wrong:
        with pytest.raises(ValueError, match=r".") as caught:
            make()
        assert not any(canary in str(caught.value) for canary in CANARIES)


def test_what_is_on_the_wire() -> None:
    claim = bodies.bulk_bill(claims.bulk_bill())["claim"]
    (event,) = claim["medicalEvent"]
    assert claim["serviceTypeCode"] == "S" and event["id"] == "01"
    assert event["service"] == [{"id": "0001", "itemNumber": "80110", "chargeAmount": "10155"}]
    assert event["medicalEventDate"] == claims.recent().isoformat()
    assert bodies.padded("47781l") == "0047781L"
    assert json.loads(json.dumps(claim)) == claim
