"""A document as the layout sees it: words in their places. What they mean is the business of the modules that fill it;
how it looks is the business of `sheet.typ`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from tp_gateway.documents import wording
from tp_gateway.documents.values import Clinic, Line


@dataclass(frozen=True, slots=True)
class Fact:
    """`strong` ones are set large, such as what is due."""

    label: str
    value: str
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Stamp:
    """`tone` is good, bad or plain."""

    text: str
    tone: str


@dataclass(frozen=True, slots=True)
class Column:
    """`width` is `auto` or a number of parts of the rest; numbers stand `right`."""

    title: str
    width: float | None = None
    right: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """`small` stands below, smaller."""

    text: str
    small: str = ""


@dataclass(frozen=True, slots=True)
class Grid:
    """A table; `totals` are its last rows, which never stand alone on a page."""

    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    totals: Sequence[Fact] = ()


@dataclass(frozen=True, slots=True)
class Panel:
    """A framed list of facts, with a line of text."""

    title: str
    text: str
    facts: Sequence[Fact]


@dataclass(frozen=True, slots=True)
class Letterhead:
    """Who issues: the practice's name, its address, how to reach it, and its numbers."""

    name: str
    address: Sequence[str]
    contact: Sequence[str]
    numbers: Sequence[str]


@dataclass(frozen=True, slots=True)
class Sheet:
    """`kind` is the heading, `number` follows it on later pages and in the title. `issued_on` is the PDF's own date."""

    kind: str
    number: str
    issued_on: date
    letterhead: Letterhead
    stamp: Stamp | None
    party: Fact
    facts: Sequence[Fact]
    grids: Sequence[Grid]
    notice: str = ""
    watermark: str = ""
    panel: Panel | None = None
    notes: Sequence[str] = field(default_factory=tuple)


def letterhead(clinic: Clinic, lines: Sequence[Line]) -> Letterhead:
    """The practice's own provider number and registration stand there where no practitioner has one: such a number is
    one person's, so beside theirs it could only mislead."""
    people = [line.practitioner for line in lines if line.practitioner]
    numbers = (
        ("ABN", wording.abn(clinic.abn)),
        ("Provider number", "" if any(one.provider_number for one in people) else clinic.provider_number),
        ("AHPRA registration", "" if any(one.ahpra_number for one in people) else clinic.ahpra_number),
    )
    return Letterhead(
        name=clinic.name,
        address=[line.strip() for line in clinic.address.splitlines() if line.strip()],
        contact=[one for one in (clinic.phone, clinic.email, clinic.website) if one],
        numbers=[f"{label} {number}" for label, number in numbers if number],
    )
