"""No body is read further than its route allows, whether it tells its length or not."""

from types import SimpleNamespace
from typing import Any

import pytest

from tp_gateway.errors import GatewayError
from tp_gateway.views.body import BodyFile, read_body

LIMIT = 64 * 1024


class Endless:
    """A body without an end, that counts what was taken."""

    def __init__(self) -> None:
        self.taken = 0

    def read(self, size: int) -> bytes:
        self.taken += size
        return b"x" * size


class Trickle:
    """Gives one byte at a time."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def read(self, _size: int) -> bytes:
        first, self.data = self.data[:1], self.data[1:]
        return first


def request(source: Any, **environ: Any) -> Any:
    return SimpleNamespace(environ={"wsgi.input": source, **environ})


def code_of(asked: Any) -> str:
    with pytest.raises(GatewayError) as refusal:
        read_body(asked, LIMIT)
    return refusal.value.code


@pytest.mark.catalogue(75)
def test_a_declared_length_is_refused_before_anything_is_read() -> None:
    source = Endless()
    assert code_of(request(source, CONTENT_LENGTH=str(LIMIT + 1))) == "payload_too_large"
    assert source.taken == 0


@pytest.mark.catalogue(75)
def test_a_chunked_body_without_end_is_cut() -> None:
    source = Endless()
    assert code_of(request(source, **{"wsgi.input_terminated": True})) == "payload_too_large"
    assert source.taken <= LIMIT + 1


def test_what_fits_is_read_whole() -> None:
    assert read_body(request(Trickle(b"abc"), CONTENT_LENGTH="3"), LIMIT) == b"abc"
    assert read_body(request(Trickle(b"abc"), **{"wsgi.input_terminated": True}), LIMIT) == b"abc"
    assert len(read_body(request(Endless(), CONTENT_LENGTH=str(LIMIT)), LIMIT)) == LIMIT


def test_without_a_length_there_is_no_body() -> None:
    assert read_body(request(Endless()), LIMIT) == b""


def test_a_client_that_hangs_up_is_not_believed() -> None:
    assert code_of(request(Trickle(b"{}"), CONTENT_LENGTH="4")) == "invalid_json"


@pytest.mark.catalogue(75)
def test_a_file_is_read_piece_by_piece_within_its_limit() -> None:
    file = BodyFile(request(Endless(), CONTENT_LENGTH=str(3 * LIMIT)), 4 * LIMIT)
    pieces = list(iter(lambda: file.read(LIMIT), b""))
    assert sum(map(len, pieces)) == 3 * LIMIT and max(map(len, pieces)) <= LIMIT
    untouched = Endless()
    with pytest.raises(GatewayError):
        BodyFile(request(untouched, CONTENT_LENGTH=str(LIMIT + 1)), LIMIT)
    assert untouched.taken == 0
    endless = BodyFile(request(Endless(), **{"wsgi.input_terminated": True}), 3 * LIMIT)
    with pytest.raises(GatewayError) as refusal:
        list(iter(lambda: endless.read(LIMIT), b""))
    assert refusal.value.code == "payload_too_large"
    cut = BodyFile(request(Trickle(b"abc"), CONTENT_LENGTH="4"), LIMIT)
    with pytest.raises(GatewayError):
        list(iter(lambda: cut.read(LIMIT), b""))
    assert BodyFile(request(Endless()), LIMIT).read(1) == b""
    small = BodyFile(request(Trickle(b"abc"), CONTENT_LENGTH="3"), LIMIT)
    assert [small.read(2) for _ in range(4)] == [b"a", b"b", b"c", b""]
    whole = BodyFile(request(Endless(), CONTENT_LENGTH="5"), LIMIT)
    assert [whole.read(2), whole.read(2), whole.read(2), whole.read(2)] == [b"xx", b"xx", b"x", b""]
    source = Trickle(b"x" * 99)
    BodyFile(request(source, CONTENT_LENGTH="99"), LIMIT).drain()
    assert source.data == b""
