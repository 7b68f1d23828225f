"""The objects of one kind, in order of creation. Those that nobody has used lately are kept packed: tens of thousands
of payments would otherwise take gigabytes. It knows nothing of what the objects mean."""

import marshal
import zlib
from collections import OrderedDict
from collections.abc import Iterator, MutableMapping
from typing import Any

LIVE = 1000  # so many of a kind are kept ready
ALIKE = 6  # so many objects are the sample that the others are packed against
_RAW = -13  # zlib: no header, and a window of 8 KB, which is set up much faster than the usual 32 KB


class Shelf(MutableMapping[str, Any]):
    """A dict that packs. What is got by its key stays the same object until `tidy`; what is walked over is a copy."""

    def __init__(self) -> None:
        self._items: dict[str, Any] = {}
        self._live: OrderedDict[str, None] = OrderedDict()
        self._sample = b""  # objects of a kind are much alike: each is packed as the difference to some others

    def __getitem__(self, key: str) -> Any:
        value = self._items[key]
        if type(value) is bytes:
            value = self._items[key] = self._unpacked(value)
            self._live[key] = None
        return value

    def __setitem__(self, key: str, value: Any) -> None:
        self._items[key] = value
        self._live[key] = None

    def __delitem__(self, key: str) -> None:
        del self._items[key]
        self._live.pop(key, None)

    def __contains__(self, key: object) -> bool:
        return key in self._items

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def peek(self, key: str) -> Any:
        """To read only: a packed object stays packed."""
        value = self._items[key]
        return self._unpacked(value) if type(value) is bytes else value

    def walk(self) -> Iterator[Any]:
        """All of them to read only, oldest first."""
        return (self.peek(key) for key in list(self._items))

    def tidy(self) -> None:
        """Pack what was not used lately. Call it when nobody is in the middle of changing something."""
        while len(self._live) > LIVE:
            if not self._sample:
                self._sample = b"".join(marshal.dumps(self._items[key]) for key in list(self._live)[:ALIKE])
            key = self._live.popitem(last=False)[0]
            packer = zlib.compressobj(1, wbits=_RAW, memLevel=5, zdict=self._sample)
            self._items[key] = packer.compress(marshal.dumps(self._items[key])) + packer.flush()

    def _unpacked(self, value: bytes) -> Any:
        unpacker = zlib.decompressobj(_RAW, zdict=self._sample)
        return marshal.loads(unpacker.decompress(value) + unpacker.flush())  # noqa: S302 (our own bytes)
