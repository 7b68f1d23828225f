"""What can go wrong between a provider and its service, each a function of one request. `CARD` and whatever was sent
stand in the answers of `echo`: neither may be seen again."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from tp_gateway.testing.proxy import Answer, Exchange, Fault

CARD = "4000056655665556"
_PAGE = b"<html><head><title>%s</title></head><body>nothing for machines</body></html>"


def lost(exchange: Exchange) -> None:
    """It takes effect, and the answer never comes."""
    exchange.forward()


def swallowed(exchange: Exchange) -> None:
    """It never gets there, and the connection is closed."""


def hang(exchange: Exchange) -> None:
    """It takes effect, and nobody answers."""
    exchange.forward()
    exchange.wait()


def drip(exchange: Exchange) -> None:
    """It takes effect, and the answer comes a byte at a time."""
    exchange.byte_pause = 0.05
    answer = exchange.forward()
    exchange.send(Answer(answer.status, answer.body.ljust(2000), answer.content_type))


def answers(status: int, body: bytes = b"{}", kind: str = "application/json", *, effect: bool = False) -> Fault:
    """Another answer than the service's; with `effect` the service has done it all the same."""

    def fault(exchange: Exchange) -> None:
        if effect:
            exchange.forward()
        exchange.send(Answer(status, body, kind))

    return fault


def page(status: int, title: str, *, effect: bool = False) -> Fault:
    """Somebody between has something to say to a browser."""
    return answers(status, _PAGE % title.encode(), "text/html", effect=effect)


def echo(exchange: Exchange) -> None:
    """A helpful error page that repeats what was sent, secrets included."""
    sent = "".join(f"{name}: {value}\n" for name, value in exchange.headers.items()).encode()
    exchange.send(Answer(500, b'{"error": "' + sent + exchange.body + CARD.encode() + b'"}'))


def rewritten(change: Callable[[bytes], bytes]) -> Fault:
    """It takes effect, and the answer says something else."""

    def fault(exchange: Exchange) -> None:
        answer = exchange.forward()
        exchange.send(Answer(answer.status, change(answer.body), answer.content_type))

    return fault


GARBAGE: dict[str, Fault] = {
    "an empty body": answers(200, b"", effect=True),
    "a page of HTML": page(200, "Welcome", effect=True),
    "half of an object": answers(200, b'{"state": "succ', effect=True),
    "an empty object": answers(200, b"{}", effect=True),
    "a list": answers(200, b"[]", effect=True),
    "null": answers(200, b"null", effect=True),
    "bytes that are no text": answers(200, b"\xff\xfe\x00\x80", "application/octet-stream", effect=True),
}


@contextmanager
def nobody() -> Iterator[str]:
    """An address at which connecting is refused."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


@contextmanager
def nobody_answers() -> Iterator[str]:
    """An address at which connecting never ends: a listener's queue that is full (Linux then drops what comes)."""
    with ExitStack() as open_sockets:
        listener = open_sockets.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(8):
            waiting = open_sockets.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
