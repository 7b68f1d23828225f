"""docs/contract.md: the reference of `tp_gateway.contract`, made of its docstrings.

python -m tests.docs.contract [--write]
"""

from __future__ import annotations

import ast
import inspect
import itertools
import re
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import StrEnum
from types import ModuleType
from typing import Any

from tests.docs.pages import ROOT
from tp_gateway import contract
from tp_gateway.contract import hooks

PAGE = ROOT / "docs/contract.md"
MODULES = (
    ("Hooks", "contract.hooks"),
    ("What a provider says of itself", "contract.manifest"),
    ("The provider", "contract.provider"),
    ("What a provider is told", "contract.orders"),
    ("What a provider answers", "contract.outcomes"),
    ("What is paid for", "contract.service"),
    ("Disputes", "contract.disputes"),
    ("Refunds by a file for the bank", "contract.payment_files"),
    ("Bank statements", "contract.statements"),
    ("Rebate claims", "contract.rebates"),
    ("What a provider pays out", "contract.remittances"),
    ("Texts to patients", "contract.texts"),
    ("Australian numbers", "identifiers"),
    ("Errors", "errors"),
)
_TOP = """# The contract

<!-- Made of the docstrings of tp_gateway.contract by `python -m tests.docs.contract --write`. -->

Everything that a provider imports, as its docstrings say it: `from tp_gateway.contract import …`. How to begin is in
[Writing a provider](providers.md). This is version **{version}**;
[how versions change](providers.md#versions-of-the-contract)."""


def page() -> str:
    parts = [_TOP.format(version=contract.CONTRACT_VERSION), *_contents()]
    for title, name in MODULES:
        module = sys.modules[f"tp_gateway.{name}"]
        parts += [f"## {title}", _text(module)]
        for _, value in exported(module):
            parts += _described(value)
        if module is hooks:
            for _, hook in specifications():
                parts += [f"### `{hook.__name__}{_signature(hook)}`", _text(hook)]
    parts += _others("Fields of schemas", contract.fields) + _others("Money", contract.money)
    return "\n\n".join(part for part in parts if part) + "\n"


def exported(module: ModuleType) -> list[tuple[str, Any]]:
    """What the contract exports of this module, as it stands there."""
    found = [(name, getattr(contract, name)) for name in contract.__all__]
    mine = [(name, value) for name, value in found if getattr(value, "__module__", "") == module.__name__]
    return sorted(mine, key=lambda one: inspect.getsourcelines(one[1])[1])


def specifications() -> list[tuple[str, Any]]:
    return [(name, value) for name, value in vars(hooks).items() if name.startswith("tp_gateway_")]


def notes(cls: type) -> dict[str, str]:
    """What is written below the attributes of a class."""
    body = ast.parse(textwrap.dedent(inspect.getsource(cls))).body[0].body  # type: ignore[attr-defined]
    found = {}
    for one, after in itertools.pairwise(body):
        target = one.targets[0] if isinstance(one, ast.Assign) else getattr(one, "target", None)
        if isinstance(target, ast.Name) and isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            found[target.id] = " ".join(str(after.value.value).split())
    return found


def _contents() -> list[str]:
    titles = [title for title, _ in MODULES] + ["Fields of schemas", "Money"]
    return [" · ".join(f"[{title}](#{title.lower().replace(' ', '-')})" for title in titles)]


def _described(value: Any) -> Iterator[str]:
    if not inspect.isclass(value):
        yield f"### `{value.__name__}{_signature(value)}`"
        yield _text(value)
        return
    yield f"### `{value.__name__}`"
    if value is contract.Provider:
        yield from _members(value)
        return
    yield _text(value)
    if issubclass(value, StrEnum):
        said = notes(value)
        yield _table(
            "value", "name", "", rows=[[f"`{one.value or ' '}`", f"`{one.name}`", said[one.name]] for one in value]
        )
    elif is_dataclass(value):
        said = notes(value)
        rows = [[f"`{one.name}`", _type(one), _default(one), said.get(one.name, "")] for one in fields(value)]
        yield _table("field", "type", "unless given", "", rows=rows)


def _members(value: type) -> Iterator[str]:
    """`Provider` documents what is promised as a list: a signature, and an indented text below it."""
    first, _, rest = _text(value).partition("\n\n")
    yield first
    for name in ("build", "check", "execute"):
        member = inspect.getattr_static(value, name)
        function = getattr(member, "__func__", member)
        yield f"#### `{name}{_signature(function)}`"
        yield _text(function)
    for entry in re.split(r"^(?=`)", rest, flags=re.MULTILINE)[1:]:
        signature, _, text = entry.partition("\n")
        yield f"#### {signature}"
        yield textwrap.dedent(text).strip()


def _others(title: str, module: ModuleType) -> list[str]:
    """Of fields and money: a line for each."""
    names = getattr(module, "__all__", None) or [
        name for name, value in vars(module).items() if inspect.isfunction(value) and not name.startswith("_")
    ]
    rows = []
    for name in sorted(names):
        value = getattr(module, name)
        if inspect.isclass(value) or inspect.isfunction(value):
            call = _signature(value) if inspect.isfunction(value) else ""
            rows.append([f"`{name}{call}`", _text(value)])
    return [f"## {title}", _text(module), _table("name", "", rows=rows)]


def _table(*head: str, rows: list[list[str]]) -> str:
    lines = [list(head), ["---"] * len(head), *rows]
    cells = [[" ".join(cell.split()).replace("|", r"\|") for cell in line] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def _type(one: Field[Any]) -> str:
    return f"`{one.type}`"


def _default(one: Field[Any]) -> str:
    if one.default_factory is not MISSING:
        return "empty"
    return "required" if one.default is MISSING else f"`{one.default!r}`"


def _signature(function: Any) -> str:
    found = inspect.signature(function)
    given = [one for name, one in found.parameters.items() if name not in ("self", "cls")]
    return str(found.replace(parameters=given)).replace("'", "")


def _text(value: Any) -> str:
    return inspect.cleandoc(value.__doc__ or "")


def main(arguments: list[str]) -> int:
    if arguments == ["--write"]:
        PAGE.write_text(page(), "utf-8")
    same = PAGE.exists() and PAGE.read_text("utf-8") == page()
    sys.stdout.write("The page is as the docstrings are.\n" if same else "The page is out of date: --write\n")
    return not same


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
