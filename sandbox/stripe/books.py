"""All objects of the sandbox behind one lock, changed only inside a transaction that undoes itself when it fails.

Kinds are Stripe's object names; those starting with "_" are the sandbox's own notes and are never shown as objects.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sandbox.stripe.catalogue import INDEXED, Catalogue
from sandbox.stripe.journal import Journal
from sandbox.stripe.shapes import copied
from sandbox.stripe.shelf import Shelf

Object = dict[str, Any]


class Books:
    def __init__(self, journal: Journal | None = None) -> None:
        self.lock = threading.RLock()
        self.kinds: dict[str, Shelf] = {}
        self.catalogues: dict[str, Catalogue] = {}
        self.journal = journal
        self._before: dict[tuple[str, str], Any] = {}  # what each object touched was before this transaction
        for kind, key, value in journal.load() if journal else ():
            self.all(kind)[key] = value
            self._enter(kind, key, None, value)
            self.all(kind).tidy()

    def all(self, kind: str) -> Shelf:
        found = self.kinds.get(kind)
        return self.kinds.setdefault(kind, Shelf()) if found is None else found

    def get(self, kind: str, key: str | None) -> Any:
        with self.lock:  # a look may unpack
            return self.all(kind).get(key) if key else None

    def catalogue(self, kind: str) -> Catalogue:
        found = self.catalogues.get(kind)
        return self.catalogues.setdefault(kind, Catalogue(kind)) if found is None else found

    def having(self, kind: str, field: str, value: Any) -> list[Any]:
        """The objects whose field has this value, oldest first."""
        catalogue = self.catalogue(kind)
        keys = [catalogue.ids[place] for place in catalogue.among({field: [value]}, None, None)]
        keys += [key for name, key in self._before if name == kind and key not in keys]  # not yet in the catalogue
        found = (self.get(kind, key) for key in keys)
        return [thing for thing in found if thing is not None and thing.get(field) == value]

    def _enter(self, kind: str, key: str, before: Any, after: Any) -> None:
        if kind in INDEXED:
            self.catalogue(kind).note(key, before, after)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing: an exception that leaves this block undoes every change made in it."""
        with self.lock:
            try:
                yield
                if self.journal and self._before:
                    self.journal.write([(kind, key, self.get(kind, key)) for kind, key in self._before])
                for (kind, key), before in self._before.items():
                    self._enter(kind, key, before, self.get(kind, key))
                for kind in {kind for kind, _ in self._before}:
                    self.all(kind).tidy()
            except BaseException:
                self.undo()
                raise
            finally:
                self._before.clear()

    def undo(self) -> None:
        """Back to how things were when the transaction began (it may go on afterwards)."""
        for (kind, key), old in self._before.items():
            now = self.all(kind)
            if old is None:
                now.pop(key, None)
            elif isinstance(old, dict) and isinstance(now.get(key), dict):
                now[key].clear()
                now[key].update(old)
            else:
                now[key] = old
        self._before.clear()

    def touch(self, kind: str, key: str) -> Any:
        """Say that this object is about to change, and get it."""
        value = self.get(kind, key)
        if (kind, key) not in self._before:
            self._before[kind, key] = None if value is None else copied(value)
        return value

    def put(self, kind: str, key: str, value: Any) -> Any:
        self.touch(kind, key)
        self.all(kind)[key] = value
        return value

    def add(self, made: Object) -> Object:
        return self.put(made["object"], made["id"], made)

    def remove(self, kind: str, key: str) -> None:
        self.touch(kind, key)
        self.all(kind).pop(key, None)

    def clear(self) -> None:
        with self.lock:
            self.kinds.clear()
            self.catalogues.clear()
            self._before.clear()
            if self.journal:
                self.journal.clear()
