"""Writes a new provider's package: provider, stand-in, tests by the conformance kit, README. What is written passes the
kit as it is, so that its author changes a thing that works. The texts are in `templates/`."""

from __future__ import annotations

import importlib.util
import keyword
import re
from collections.abc import Iterator
from importlib import metadata, resources
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template

from tp_gateway.errors import ConfigurationError

_NAME = re.compile(r"[a-z][a-z0-9_]{1,31}", re.ASCII)
_SUFFIX = ".tmpl"
_TEMPLATES = resources.files(__name__) / "templates"


def new_provider(name: str, parent: Path, *, redirect: bool) -> list[Path]:
    """The files of a new folder `name` in `parent`. ConfigurationError: a name that cannot be one, or a folder that is
    there already; nothing was written then."""
    _check(name)
    folder = parent / name
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        raise ConfigurationError(f"{folder} is there already: nothing was written") from None
    except OSError as error:
        raise ConfigurationError(f"{folder} cannot be made: {error.strerror}") from None
    words = {
        "name": name,
        "Class": "".join(part.capitalize() for part in name.split("_")),
        "title": name.replace("_", " ").capitalize(),
        "dashes": name.replace("_", "-"),
        "NAME": name.upper(),
    }
    made = []
    for kind in ("common", "redirect" if redirect else "charge_now"):
        for where, text in _texts(_TEMPLATES / kind):
            path = folder / where.replace("NAME", name).removesuffix(_SUFFIX)
            path.parent.mkdir(exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                file.write(Template(text).substitute(words))
            made.append(path)
    return sorted(made)


def _check(name: str) -> None:
    if not _NAME.fullmatch(name) or name.endswith("_") or "__" in name:
        raise ConfigurationError(f"{name!r}: a name has 2 to 32 lower-case letters, digits and single underscores")
    if keyword.iskeyword(name) or name in ("tests", "tp_gateway"):
        raise ConfigurationError(f"{name} cannot be the name of a Python package of yours")
    if name in {entry.name for entry in metadata.entry_points(group="tp_gateway")}:
        raise ConfigurationError(f"a provider named {name} is installed here already: choose another name")
    if importlib.util.find_spec(name) is not None:
        raise ConfigurationError(f"a Python module named {name} is installed here already: choose another name")


def _texts(folder: Traversable, where: str = "") -> Iterator[tuple[str, str]]:
    for entry in folder.iterdir():
        path = f"{where}{entry.name}"
        if entry.is_dir():
            yield from _texts(entry, f"{path}/")
        elif entry.name.endswith(_SUFFIX):
            yield path, entry.read_text("utf-8")
