"""The table of docs/catalogue.md and the markers in the tests: reads both, compares them, writes the files into it.

python -m tests.docs.catalogue [--write]
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.docs.pages import ROOT

PAGE = ROOT / "docs/catalogue.md"
LAST = 109
STATES = ("held", "smaller: ", "comes with ", "left out: ")
_ROW = re.compile(
    r"^\| (?P<number>\d+) \| (?P<what>.+?) \| (?P<files>(?:`[^`]+` ?)*)\| (?P<state>.+) \|$", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Entry:
    number: int
    what: str
    files: tuple[str, ...]
    state: str

    @property
    def has_tests(self) -> bool:
        """Does its state say that tests are there?"""
        return self.state.startswith(STATES[:2])


def entries(text: str) -> list[Entry]:
    """The rows of the page."""
    return [
        Entry(int(row["number"]), row["what"], tuple(re.findall("`([^`]+)`", row["files"])), row["state"])
        for row in _ROW.finditer(text)
    ]


def marked() -> dict[int, set[str]]:
    """Number -> the files in which a test carries it."""
    found: dict[int, set[str]] = {}
    for path in sorted(ROOT.glob("tests/**/test_*.py")):
        for number in _numbers(path):
            found.setdefault(number, set()).add(str(path.relative_to(ROOT)))
    return found


def _numbers(path: Path) -> Iterator[int]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.catalogue":
            for argument in node.args:
                number = ast.literal_eval(argument)
                assert type(number) is int, f"{path}: {ast.unparse(node)}"
                yield number


def written(text: str) -> str:
    """The page with its column of files as the markers are."""
    files = marked()

    def row(old: re.Match[str]) -> str:
        names = " ".join(f"`{name}`" for name in sorted(files.get(int(old["number"]), ())))
        return f"| {old['number']} | {old['what']} | {names + ' ' if names else ''}| {old['state']} |"

    return _ROW.sub(row, text)


def problems(text: str) -> list[str]:
    """Everything in which the page and the markers contradict each other."""
    rows, files = entries(text), marked()
    found = [f"{number} is marked, but no entry" for number in files if not 1 <= number <= LAST]
    if [row.number for row in rows] != list(range(1, LAST + 1)):
        found.append(f"the page must have the rows 1 to {LAST}, each once, in order")
    for row in rows:
        there = files.get(row.number, set())
        if set(row.files) != there:
            found.append(f"{row.number}: the page names {sorted(row.files)}, marked are {sorted(there)}")
        if not row.state.startswith(STATES):
            found.append(f"{row.number}: a state is one of {', '.join(STATES)}")
        if row.has_tests and not there:
            found.append(f"{row.number}: {row.state}, and no test carries its number")
        if not row.has_tests and there:
            found.append(f"{row.number}: {row.state}, and yet it is marked in {sorted(there)}")
    return found


def main(arguments: list[str]) -> int:
    if arguments == ["--write"]:
        PAGE.write_text(written(PAGE.read_text("utf-8")), "utf-8")
    found = problems(PAGE.read_text("utf-8"))
    print("\n".join(found) or "The page and the markers agree.")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
