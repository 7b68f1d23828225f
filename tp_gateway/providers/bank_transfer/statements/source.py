"""The bytes of a statement, read once from front to back. Only a block of them is ever in memory, whatever the file's
length; a line longer than `LONGEST` bytes is no line of a statement."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import BinaryIO

from tp_gateway.contract.statements import MalformedStatement

BLOCK = 1 << 16
LONGEST = 1 << 16
_UTF8_MARK = b"\xef\xbb\xbf"


class Source:
    """`head` is the first block, for detection, without a byte-order mark; reading begins with it again."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        head = self._next()
        self.decode = Decoder(certain=head.startswith(_UTF8_MARK))
        self.head = head.removeprefix(_UTF8_MARK)

    def _next(self) -> bytes:
        """A whole block; less only at the end, b"" after it. A stream may well answer with less than was asked."""
        block = self._stream.read(BLOCK)
        while 0 < len(block) < BLOCK and (more := self._stream.read(BLOCK - len(block))):
            block += more
        return block

    def blocks(self) -> Iterator[bytes]:
        block, self.head = self.head, b""
        while block:
            yield block
            block = self._next()

    def lines(self) -> Iterator[str]:
        """Lines with their ends. MalformedStatement for a NUL, a wrong encoding and a line that is too long."""
        # Chained in C: a Python generator that yields each line costs as much as all the reading.
        return chain.from_iterable(self._texts())

    def _texts(self) -> Iterator[Iterable[str]]:
        number, rest = 0, b""
        for block in self.blocks():
            whole = rest + block
            cut = whole.rfind(b"\n") + 1
            whole, rest = whole[:cut], whole[cut:]
            yield self._split(whole, number)
            number += whole.count(b"\n")
            if len(rest) > LONGEST:
                raise MalformedStatement(number + 1, "the line is too long")
        yield self._split(rest, number)

    def _split(self, whole: bytes, before: int) -> Iterable[str]:
        if whole.isascii() and b"\0" not in whole:
            return io.StringIO(whole.decode("ascii"), newline="\n")
        return (self.decode(line, number) for number, line in enumerate(io.BytesIO(whole), before + 1))


class Decoder:
    """UTF-8, or else Windows-1252; one of them for the whole file, decided by its first line that is not ASCII.
    `certain`: it began with UTF-8's byte-order mark."""

    def __init__(self, certain: bool) -> None:
        self._encoding = "utf-8" if certain else ""

    def __call__(self, line: bytes, number: int) -> str:
        if b"\0" in line:
            raise MalformedStatement(number, "the line has a NUL character")
        if line.isascii():
            return line.decode("ascii")
        for encoding in (self._encoding,) if self._encoding else ("utf-8", "cp1252"):
            try:
                text = line.decode(encoding)
            except UnicodeDecodeError:
                continue
            self._encoding = encoding
            return text
        raise MalformedStatement(number, "the line is not in the file's encoding (UTF-8 or Windows-1252)")
