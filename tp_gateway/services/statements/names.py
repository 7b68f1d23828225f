"""Whether the name of a payer on a statement can be a patient's. Only ever a hint for a person: nobody is charged with
somebody else's money because of a name."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection

_WORD = re.compile(r"[A-Z]+")


def words(text: str) -> list[str]:
    """Upper-case words without accents, apostrophes and hyphens: `Zoë O'Neill-Smith` -> `ZOE`, `ONEILLSMITH`."""
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return _WORD.findall(text.upper().replace("'", "").replace("-", ""))


def similar(name: Collection[str], said: Collection[str]) -> bool:
    """Both as `words`. The surname (the last word of the name) is there, and the first name, or its first letter: banks
    write `DOE J`, `MS JANE DOE`, `J & T DOE`."""
    *first, surname = name
    return surname in said and (not first or first[0] in said or first[0][0] in said)
