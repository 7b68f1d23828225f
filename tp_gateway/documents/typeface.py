"""The letters that documents are set in, and what becomes of characters that they lack.

Noto Sans (SIL Open Font License 1.1, unmodified, in `fonts/`) has all of Latin with Vietnamese, Greek and Cyrillic, and
Devanagari. A character that no font here has is not dropped and not an empty box: it is shown by its Unicode number,
`[U+738B]`, and the document says so. An operator adds scripts by folders of fonts.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from importlib.resources import as_file, files
from pathlib import Path

import typst

FAMILY = "Noto Sans"
_WHITE = "\t\n\r"
_DECEIVING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
"""They turn the order of what follows, or are nothing to see: in a name they can only deceive."""
_NO_LETTERS = ("Cc", "Cs", "Co", "Cn")
"""Unicode categories: controls, surrogates, what has no meaning of its own."""
_LONG_WORD = re.compile(r"\S{24}(?=\S)")


class Typeface:
    """Fonts, found once. `folders` are further ones, each searched with what is below it."""

    def __init__(self, folders: Sequence[Path] = ()) -> None:
        with as_file(files("tp_gateway.documents") / "fonts") as own:
            paths = [str(own), *map(str, folders)]
            self.fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=paths)
        self.families = [FAMILY, *sorted(set(self.fonts.families()) - {FAMILY})]
        self._characters = _characters(self.fonts)

    def printable(self, text: str) -> str:
        """`text` composed (NFC), with what cannot be set shown by its number, and places to break in words that are
        longer than any column."""
        shown = "".join(self._one(character) for character in unicodedata.normalize("NFC", text))
        return _LONG_WORD.sub("\\g<0>\N{ZERO WIDTH SPACE}", shown)

    def lacks(self, text: str) -> bool:
        """Is there anything in `text` that is shown by its number?"""
        return not all(self._has(character) for character in unicodedata.normalize("NFC", text))

    def _has(self, character: str) -> bool:
        if character in _WHITE:
            return True
        ours = ord(character) in self._characters and character not in _DECEIVING
        return ours and unicodedata.category(character) not in _NO_LETTERS

    def _one(self, character: str) -> str:
        if not self._has(character):
            return f"[U+{ord(character):04X}]"
        return " " if character in _WHITE else character


def _characters(fonts: typst.Fonts) -> frozenset[int]:
    """Every code point that one of the fonts has a glyph for."""
    from fontTools.ttLib import TTFont  # a tenth of a second, which most processes never need

    found: set[int] = set()
    for font in fonts.fonts():
        if font.path is not None:
            with TTFont(font.path, fontNumber=font.index, lazy=True) as opened:
                found.update(opened.getBestCmap() or ())
    return frozenset(found)
