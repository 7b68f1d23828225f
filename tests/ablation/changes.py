"""How a guard is taken away from outside: as the product is imported, another text stands where the guard stood, or
another function in its place. The product's code holds no switch."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any


@dataclass(frozen=True, slots=True)
class Text:
    """In the source of `module`, `new` instead of `old`, which stands there exactly once."""

    module: str
    old: str
    new: str

    def times(self) -> int:
        """How often `old` is there now."""
        return _source(self.module).count(self.old)


@dataclass(frozen=True, slots=True)
class Function:
    """`replace(original)` instead of the function or method at `path` (`Class.method`) of `module`."""

    module: str
    path: str
    replace: Callable[[Any], Any]

    def owner(self) -> tuple[Any, str]:
        """The module or class that has it, and its name there. AttributeError if it is gone."""
        *way, name = self.path.split(".")
        found: Any = reduce(getattr, way, importlib.import_module(self.module))
        getattr(found, name)
        return found, name


Change = Text | Function


def _source(module: str) -> str:
    spec = importlib.util.find_spec(module)
    assert spec is not None and spec.origin is not None, module
    return Path(spec.origin).read_text("utf-8")


class _Changed(SourceFileLoader):
    """Compiles a changed text, and leaves the cached bytecode of the true one alone."""

    def __init__(self, fullname: str, path: str, texts: Sequence[Text]) -> None:
        super().__init__(fullname, path)
        self._texts = texts

    def get_code(self, fullname: str) -> CodeType:
        source = self.get_data(self.path).decode("utf-8")
        for text in self._texts:
            assert source.count(text.old) == 1, f"not once in {fullname}: {text.old}"
            source = source.replace(text.old, text.new)
        return compile(source, self.path, "exec", dont_inherit=True)


class _Finder(MetaPathFinder):
    def __init__(self, texts: Sequence[Text]) -> None:
        self._texts = texts

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        texts = [text for text in self._texts if text.module == fullname]
        spec = PathFinder.find_spec(fullname, path, target) if texts else None
        if spec is None or spec.origin is None:
            return None
        spec.loader = _Changed(fullname, spec.origin, texts)
        return spec


def change_texts(changes: Sequence[Change]) -> None:
    """Before the product is imported."""
    texts = [change for change in changes if isinstance(change, Text)]
    for text in texts:
        assert text.module not in sys.modules, f"{text.module} is imported already"
    sys.meta_path.insert(0, _Finder(texts))


def change_functions(changes: Sequence[Change]) -> None:
    for change in changes:
        if isinstance(change, Function):
            owner, name = change.owner()
            setattr(owner, name, change.replace(getattr(owner, name)))
