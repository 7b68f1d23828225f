"""What holds for every document: the same value gives the same bytes, text stays text, no character is lost, totals
stand with what they sum, and who listens to a document gets what who looks at it sees."""

import ctypes
import subprocess
import sys
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pypdfium2 as pdfium
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pypdfium2 import raw

from tests.documents.samples import CLINIC, credit_note, invoice, letters, pages, receipt, report, session, text
from tp_gateway.documents import Patient, Press, wording

NAMES = (
    "Nguyễn Thị Ánh Tuyết Đặng",
    "Þórður Ægisson-Ødegård",
    "Łukasz Żółć, Ştefan Țîrlea",
    "Ālise Ķēniņa, Ġużè Ħaġar",
    "Αλέξανδρος Παπαδόπουλος",
    "Юлія Їжакевич, Ђорђе Љубић",
    "Tāne Ngāti O\N{RIGHT SINGLE QUOTATION MARK}Brien \N{MODIFIER LETTER TURNED COMMA}Ōiwi",
)


def test_the_same_document_gives_the_same_bytes_in_another_process_too(press: Press) -> None:
    made = press.print(invoice(session(), report()))
    assert made == press.print(invoice(session(), report())) == Press().print(invoice(session(), report()))
    program = (
        "import sys; from tests.documents.samples import *; from tp_gateway.documents import Press;"
        "sys.stdout.buffer.write(Press().print(invoice(session(), report())))"
    )
    elsewhere = {"PYTHONHASHSEED": "7", "TZ": "Pacific/Kiritimati", "LC_ALL": "C"}
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, env=elsewhere)
    assert run.stdout == made


def test_another_document_gives_other_bytes(press: Press) -> None:
    assert press.print(invoice(session(1))) != press.print(invoice(session(2)))


def test_threads_print_at_once() -> None:
    press = Press()
    wanted = [invoice(session(number)) for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(press.print, wanted))
    assert [f"Individual session {number} " in text(one) for number, one in enumerate(made)] == [True] * 8


@pytest.mark.parametrize(
    "document, title, day",
    [
        (invoice(report()), "Tax invoice INV-2026-014", "20261123"),
        (invoice(), "Invoice INV-2026-014", "20261123"),
        (receipt(), "Receipt 1042", "20261124"),
        (credit_note(), "Adjustment note CN-2026-003", "20261125"),
    ],
    ids=["tax invoice", "invoice", "receipt", "adjustment note"],
)
def test_title_language_date_and_tags_are_there(press: Press, document: object, title: str, day: str) -> None:
    made = pdfium.PdfDocument(press.print(document))  # type: ignore[arg-type]
    about = made.get_metadata_dict()
    assert about["Title"] == title and about["Author"] == "Sample Psychology"
    assert about["CreationDate"] == about["ModDate"] == f"D:{day}000000Z"
    assert "Sample Patient" not in "".join(about.values())  # a list of files shows these
    assert raw.FPDFCatalog_IsTagged(made.raw)
    language = ctypes.create_string_buffer(64)
    raw.FPDFCatalog_GetLanguage(made.raw, ctypes.cast(language, ctypes.POINTER(ctypes.c_ushort)), 64)
    assert language.raw.decode("utf-16-le").startswith("en-AU")


@pytest.mark.parametrize("lines", [1, 13, 16, 19, 42, 60, 250])
def test_many_lines_flow_over_pages_and_totals_never_stand_alone(press: Press, lines: int) -> None:
    made = pages(press.print(invoice(*(session(number) for number in range(lines)))))
    assert [f"Page {number} of {len(made)}" in page for number, page in enumerate(made, 1)] == [True] * len(made)
    assert sum(page.count("Individual session") for page in made) == lines
    for number, page in enumerate(made):
        assert ("Invoice INV-2026-014, continued" in page) is (number > 0)
        if "Individual session" in page:
            assert "Date Service Item Amount" in page  # the table's head, on each page that it runs over
        if "Amount due" in page and number > 0:
            assert "Individual session" in page
    total = f"${180 * lines:,}.00"
    assert [page for page in made if f"Total (AUD, GST-free) {total} Amount due {total}" in page]


def test_totals_stand_with_a_line_wherever_the_page_ends(press: Press) -> None:
    for lines in range(10, 20):
        document = invoice(*(session(number, minutes=None) for number in range(lines)), report())
        last = next(page for page in pages(press.print(document)) if "Total (AUD" in page)
        assert "Report for an insurer" in last.split("Total (AUD")[0]


@pytest.mark.parametrize(
    "wrote",
    [
        "#panic() #let x = 1; #read(\"/etc/passwd\")",
        "*bold* _it_ `raw` $x^2$ @label <label> = Heading",
        "<b>bold</b> <para/> &amp; &#65; <script>alert(1)</script>",
        "\\u{41} \\ // comment /* comment */ -- --- ... ~",
        "{{ 7 * 7 }} ${7*7} %(name)s {0} %s",
        "'single' \"double\" https://clinic.example/?a=b",
        ") Tj ET endstream endobj",
    ],
)  # fmt: skip
def test_what_people_write_is_text_and_never_markup(press: Press, wrote: str) -> None:
    document = invoice(session(description=wrote), patient=Patient(45, wrote), description=wrote)
    assert letters(press.print(document)).count(wrote.replace(" ", "")) == 3
    assert wrote.replace(" ", "") in letters(press.print(credit_note(reason=wrote)))


@pytest.mark.parametrize("name", NAMES)
def test_names_in_latin_vietnamese_greek_and_cyrillic_are_whole(press: Press, name: str) -> None:
    assert f"account holder {name} Invoice number" in text(press.print(invoice(patient=Patient(45, name))))
    decomposed = unicodedata.normalize("NFD", name)
    assert f"account holder {name} Invoice number" in text(press.print(invoice(patient=Patient(45, decomposed))))


def test_a_character_without_a_letter_here_is_shown_by_its_number_and_the_document_says_so(press: Press) -> None:
    said = text(press.print(invoice(patient=Patient(45, "王小明 (Sample)"))))
    assert "[U+738B][U+5C0F][U+660E] (Sample)" in said
    assert "Characters that this document's typeface lacks are shown by their Unicode numbers." in said
    assert "Unicode" not in text(press.print(invoice()))


def test_a_name_cannot_turn_the_order_of_what_follows_it(press: Press) -> None:
    assert "Sample[U+202E]tneitaP" in letters(press.print(invoice(patient=Patient(45, "Sample\u202etneitaP"))))


def test_a_folder_of_fonts_adds_scripts(tmp_path: Path) -> None:
    pen = TTGlyphPen(None)
    pen.moveTo((0, 0))
    pen.lineTo((800, 0))
    pen.lineTo((800, 800))
    pen.closePath()
    font = FontBuilder(1000)
    font.setupGlyphOrder([".notdef", "king"])
    font.setupCharacterMap({ord("王"): "king"})
    font.setupGlyf({".notdef": TTGlyphPen(None).glyph(), "king": pen.glyph()})
    font.setupHorizontalMetrics({".notdef": (500, 0), "king": (900, 0)})
    font.setupHorizontalHeader(ascent=800, descent=-200)
    font.setupNameTable({"familyName": "King", "styleName": "Regular", "fullName": "King", "psName": "King"})
    font.setupOS2()
    font.setupPost()
    font.save(tmp_path / "one.ttf")
    said = text(Press([tmp_path]).print(invoice(patient=Patient(45, "王 小"))))
    assert "王 [U+5C0F]" in said


def test_words_longer_than_any_column_are_broken_and_stay_whole(press: Press) -> None:
    name, word = "Wolfe" * 40, "W" * 400
    made = press.print(invoice(session(description=word), patient=Patient(45, name)))
    assert name in letters(made) and word in letters(made)
    right_edge = pdfium.PdfDocument(made)[0].get_width() - 20 / 25.4 * 72 + 0.5
    page = pdfium.PdfDocument(made)[0].get_textpage()
    assert max(page.get_charbox(at)[2] for at in range(page.count_chars())) <= right_edge


def test_a_description_may_be_as_long_as_a_page(press: Press) -> None:
    told = " ".join(f"word{number}" for number in range(300))
    made = press.print(invoice(session(description=told), session(description=told)))
    assert letters(made).count(told.replace(" ", "")) == 2 and "Amount due $360.00" in text(made)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wrote=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40))
def test_whatever_is_written_can_be_printed(press: Press, wrote: str) -> None:
    """The standard that is asked for refuses a document in which a character has no letter."""
    assert pages(press.print(invoice(patient=Patient(45, wrote), description=wrote)))


def test_amounts_and_days_are_written_as_in_australia() -> None:
    assert wording.amount(123456789, "AUD") == "$1,234,567.89"
    assert wording.amount(-5, "AUD") == "\N{MINUS SIGN}$0.05"
    assert wording.amount(1234, "BHD") == "BHD\N{NO-BREAK SPACE}1.234"
    assert wording.day(date(2026, 2, 3)) == "3 February 2026"
    assert wording.abn("51824753556") == "51 824 753 556" and wording.abn("unknown") == "unknown"
    assert CLINIC.abn == "51824753556"
