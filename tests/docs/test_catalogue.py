"""docs/catalogue.md is true: each number that a test carries is there with its file, and the other way round."""

from __future__ import annotations

from tests.docs import catalogue

TEXT = catalogue.PAGE.read_text("utf-8")


def test_the_page_and_the_markers_agree() -> None:
    assert not catalogue.problems(TEXT), "python -m tests.docs.catalogue --write"


def test_what_contradicts_the_markers_is_found() -> None:
    lies = {
        "| 1 | ": "| 110 | ",
        "`tests/services/test_reaper.py` ": "",
        "held (nothing is optional": "some day (nothing is optional",
        "left out: plugins have no tables": "held",
    }
    for old, new in lies.items():
        assert old in TEXT
        assert catalogue.problems(TEXT.replace(old, new, 1)), new


def test_writing_changes_nothing_but_the_files() -> None:
    assert catalogue.written(TEXT) == TEXT
    emptied = TEXT.replace("`tests/services/test_reaper.py` ", "")
    assert emptied != TEXT and catalogue.written(emptied) == TEXT
