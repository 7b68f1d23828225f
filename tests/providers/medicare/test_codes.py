"""Every code there could be has a class, and no answer that may hide an accepted claim allows another lodgement."""

from tp_gateway.providers.medicare import codes
from tp_gateway.providers.medicare.codes import CodeClass

OK, UNKNOWN, WARN, FIX = CodeClass.OK, CodeClass.UNKNOWN, CodeClass.WARN, CodeClass.FIX
FINAL, PENDING, INFO = CodeClass.FINAL, CodeClass.PENDING, CodeClass.INFO

LISTED = {
    OK: [0],
    UNKNOWN: [1999, 3001, 3003, 3004, 3039, 3999],
    WARN: [8005, 8023, 8024, 8025, 8026, 8027, 8028],
    FIX: [
        *(2017, 2053, 2055, 9201, 9202, 9137, 9204, 9211, 212, 9605, 9606, 9633, 9634, 434, 208, 613),
        *(9617, 605, 282, 9628, 9630, 404, 611, 607, 606, 9635, 9703, 610, 619, 704),
    ],
    FINAL: [9203, 9210, 111, 428, 9632, 9704, 162, 620, 9701, 160, 179, 502, 9645, 9646, 9647, 9775, 9777],
    PENDING: [9601, 9640, 144, 254, 375],
    INFO: [9501, 9502, 250, 255, 422, 392],
}
CLASS_OF = {str(code): cls for cls, listed in LISTED.items() for code in listed}
EVERY = [str(code) for code in range(10_000)]
DUPLICATES = {"9632", "9704", "162", "620"}


def test_the_class_of_every_code_of_up_to_four_digits() -> None:
    for code in EVERY:
        assert codes.classify(code) is CLASS_OF.get(code, UNKNOWN), code
        assert (codes.meaning(code) is not None) == (code in CLASS_OF), code
    assert codes.known_codes() == set(CLASS_OF)
    assert sum(map(len, LISTED.values())) == len(CLASS_OF)


def test_what_is_no_code_is_unknown_and_never_lodged_again() -> None:
    for text in ("", " ", "00", "0000", "09202", "9202 ", "x", "\u0660", "None", "99999"):
        assert codes.classify(text) is UNKNOWN, text
        assert codes.may_have_been_received(text), text


def test_only_a_definite_answer_allows_another_lodgement() -> None:
    for code in EVERY:
        held = codes.may_have_been_received(code)
        assert held == (CLASS_OF.get(code, UNKNOWN) is UNKNOWN or code in DUPLICATES or code == "9777"), code
        if CLASS_OF.get(code) is FIX:
            assert not held


def test_a_used_correlation_id_and_a_duplicate_are_told_apart() -> None:
    assert [code for code in EVERY if codes.is_correlation_id_used(code)] == ["9777"]
    assert {code for code in EVERY if codes.is_duplicate(code)} == DUPLICATES


def test_the_communication_errors_that_may_hide_an_accepted_claim() -> None:
    for code in ("3001", "3003", "3004", "3039", "3999", "1999"):
        assert codes.may_have_been_received(code)
    assert "received" in (codes.meaning("3004") or "")
