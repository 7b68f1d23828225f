"""What makes a line of a statement the same line in another file: everything that the bank says of the movement, and
how many exactly like it stood before it. A bank's own ids are not trusted: some number each file anew, some have none
(docs/operating.md, bank statements)."""

from __future__ import annotations

import hashlib
from collections import Counter

from tp_gateway.contract import StatementLine

_BITS = 1 << 27
"""Of a million lines some 4,000 are suspected wrongly, which costs 1 MB; the map costs 16 MB, however long the file."""


class Fingerprints:
    """For one file, whose lines are gone through twice, so that equal ones can be counted without remembering each. The
    first time `note` every line: one bit for each, in a map; a bit that is set already makes its lines suspects. The
    second time only suspects are counted."""

    def __init__(self) -> None:
        self._seen = bytearray(_BITS // 8)
        self._suspects: set[int] = set()
        self._counted: Counter[bytes] = Counter()

    def note(self, line: StatementLine) -> bytes:
        """Returns the line's digest: 128 bits of all that the bank says. The balance tells apart two movements that are
        otherwise the same."""
        said = (
            f"{line.account}\x1f{line.booked_on.toordinal()}\x1f{line.amount}\x1f{line.currency}\x1f{line.description}"
            f"\x1f{line.reference}\x1f{line.payer}\x1f{line.balance}"
        )
        digest = hashlib.blake2b(said.encode(), digest_size=16).digest()
        place = _place(digest)
        byte, bit = place >> 3, 1 << (place & 7)
        if self._seen[byte] & bit:
            self._suspects.add(place)
        else:
            self._seen[byte] |= bit
        return digest

    def of(self, day: str, digest: bytes) -> str:
        """The fingerprint of a line by its day (ISO 8601) and digest; asked once for each line, in the file's order,
        after all were noted."""
        before = 0
        if _place(digest) in self._suspects:
            before = self._counted[digest]
            self._counted[digest] += 1
        return f"{day}:{digest.hex()}:{before + 1}"


def _place(digest: bytes) -> int:
    return int.from_bytes(digest[:8]) % _BITS
