"""The shipped catalogue holds what was published and nothing else; an operator's file is held to the same form."""

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from tp_gateway.contract import ConfigurationError
from tp_gateway.providers.medicare.benefits import benefit_of
from tp_gateway.providers.medicare.items import Catalogue, Certainty, CountsAs, Kind, Service, Setting

DAY = date(2026, 8, 3)
C, R = Kind.CLINICAL, Kind.REGISTERED

# servicesaustralia.gov.au, by kind, service and setting: (short, 50 minutes and more), groups of 60, 90, 120 minutes.
PAIRS = {
    (C, Service.INDIVIDUAL, Setting.ROOMS): ("80000", "80010"),
    (C, Service.INDIVIDUAL, Setting.ELSEWHERE): ("80005", "80015"),
    (C, Service.INDIVIDUAL, Setting.VIDEO): ("91166", "91167"),
    (C, Service.INDIVIDUAL, Setting.PHONE): ("91181", "91182"),
    (C, Service.FAMILY_CARER, Setting.ROOMS): ("80002", "80012"),
    (C, Service.FAMILY_CARER, Setting.ELSEWHERE): ("80006", "80016"),
    (C, Service.FAMILY_CARER, Setting.VIDEO): ("91168", "91171"),
    (C, Service.FAMILY_CARER, Setting.PHONE): ("91198", "91199"),
    (R, Service.INDIVIDUAL, Setting.ROOMS): ("80100", "80110"),
    (R, Service.INDIVIDUAL, Setting.ELSEWHERE): ("80105", "80115"),
    (R, Service.INDIVIDUAL, Setting.VIDEO): ("91169", "91170"),
    (R, Service.INDIVIDUAL, Setting.PHONE): ("91183", "91184"),
    (R, Service.FAMILY_CARER, Setting.ROOMS): ("80102", "80112"),
    (R, Service.FAMILY_CARER, Setting.ELSEWHERE): ("80106", "80116"),
    (R, Service.FAMILY_CARER, Setting.VIDEO): ("91174", "91177"),
    (R, Service.FAMILY_CARER, Setting.PHONE): ("91200", "91201"),
}
GROUPS = {
    (C, Setting.ROOMS): ("80020", "80022", "80024"),
    (C, Setting.ELSEWHERE): ("80020", "80022", "80024"),
    (C, Setting.VIDEO): ("80021", "80023", "80025"),
    (R, Setting.ROOMS): ("80120", "80122", "80127"),
    (R, Setting.ELSEWHERE): ("80120", "80122", "80127"),
    (R, Setting.VIDEO): ("80121", "80123", "80128"),
}
CHRONIC = {Setting.VIDEO: "93000", Setting.PHONE: "93013"}

# Cents on 1 July 2024, 2025 and 2026, by the items that have them.
FEES: dict[tuple[int | None, int, int], tuple[str, ...]] = {
    (11365, 11640, 11945): ("80110", "91170", "91184", "91177", "91201"),
    (None, 8250, 8465): ("80100", "91169", "91183"),
    (None, 17085, 17530): ("80010", "91167", "91182"),
    (None, 4045, 4150): ("80123",),
    (None, 5495, 5640): ("80127", "80128"),
    (7840, 8030, 8240): ("80024", "80025"),
}
FEES_OF = {number: cents for cents, numbers in FEES.items() for number in numbers}


@pytest.fixture(scope="module")
def shipped() -> Catalogue:
    return Catalogue.load()


def expected(kind: Kind, setting: Setting, minutes: int, service: Service) -> str | None:
    if service is Service.CHRONIC_CONDITION:
        return CHRONIC.get(setting) if minutes >= 20 else None
    if service is Service.GROUP:
        of_length = GROUPS.get((kind, setting))
        return None if of_length is None or minutes < 60 else of_length[(minutes >= 90) + (minutes >= 120)]
    short, long = PAIRS[kind, service, setting]
    least = 30 if kind is C else 20
    return long if minutes >= 50 else short if minutes >= least else None


def test_the_item_for_every_kind_service_setting_and_length(shipped: Catalogue) -> None:
    for kind in Kind:
        for service in Service:
            for setting in Setting:
                for minutes in range(181):
                    found = shipped.suggest(kind, setting, minutes, DAY, service)
                    number = None if found is None else found.number
                    assert number == expected(kind, setting, minutes, service), (kind, service, setting, minutes)


def test_there_is_nothing_else_in_it(shipped: Catalogue) -> None:
    listed = [*CHRONIC.values(), *(number for pair in PAIRS.values() for number in pair)]
    listed += sorted({number for numbers in GROUPS.values() for number in numbers})
    assert sorted(item.number for item in shipped) == sorted(listed) and len(listed) == 46


def test_what_an_item_counts_as(shipped: Catalogue) -> None:
    counts = {Service.INDIVIDUAL: CountsAs.INDIVIDUAL, Service.FAMILY_CARER: CountsAs.INDIVIDUAL}
    counts |= {Service.GROUP: CountsAs.GROUP, Service.CHRONIC_CONDITION: CountsAs.NONE}
    for item in shipped:
        assert item.counts_as is counts[item.service], item.number


def test_fees_are_the_known_ones_and_change_on_the_first_of_july(shipped: Catalogue) -> None:
    for item in shipped:
        known = FEES_OF.get(item.number, (None, None, None))
        day = date(2024, 6, 25)
        while day < date(2027, 7, 10):
            index = day.year - 2024 - (day.month < 7)
            fee = shipped.fee_on(item.number, day)
            cents = known[index] if 0 <= index < 3 else None
            assert (fee.cents if fee else None) == cents, (item.number, day)
            day += timedelta(days=5 if day.month in (6, 7) else 30)


@pytest.mark.parametrize("number", FEES_OF)
def test_a_fee_holds_to_the_last_of_june(number: str, shipped: Catalogue) -> None:
    last, first = shipped.fee_on(number, date(2026, 6, 30)), shipped.fee_on(number, date(2026, 7, 1))
    assert last is not None and first is not None and last.cents < first.cents
    assert shipped.fee_on(number, date(2027, 6, 30)) == first
    assert shipped.fee_on(number, date(2027, 7, 1)) is None, "indexed again, and not known yet"


def test_fees_and_indexation_agree(shipped: Catalogue) -> None:
    """+2.6 % on 1 July 2026, rounded to five cents, and benefits as published."""
    for _, old, new in FEES:
        assert abs(new - old * 1.026) <= 2.5
    benefits = {"80110": 10155, "91169": 7200, "80010": 14905, "80123": 3530, "80128": 4795, "80024": 7005}
    for number, benefit in benefits.items():
        fee = shipped.fee_on(number, DAY)
        assert fee is not None and benefit_of(fee.cents) == benefit


def test_only_pages_of_an_item_make_its_fee_published(shipped: Catalogue) -> None:
    published = {
        (item.number, fee.start.year) for item in shipped for fee in item.fees if fee.certainty is Certainty.PUBLISHED
    }
    assert published == {
        *((number, year) for number in ("91169", "91201", "80123", "80128", "80025") for year in (2025, 2026)),
        *{("91177", 2024), ("80025", 2024), ("80024", 2026), ("91182", 2026)},
    }
    for item in shipped:
        assert item.source
        for fee in item.fees:
            assert fee.source and fee.cents % 5 == 0
            if fee.certainty is Certainty.PUBLISHED:
                assert item.number in fee.source and "same service" not in fee.source


def test_an_item_is_there_from_its_first_day(shipped: Catalogue) -> None:
    assert shipped.item_on("80010", date(2024, 2, 29)) is None
    assert shipped.item_on("80010", date(2024, 3, 1)) is not None
    assert shipped.item_on("80001", DAY) is None and shipped.fee_on("80001", DAY) is None
    assert shipped.suggest(C, Setting.ROOMS, 50, date(2024, 2, 29)) is None


# --- an operator's file -----------------------------------------------------------------------------------------------

FEE = {"cents": 18000, "from": "2027-07-01", "certainty": "published", "source": "MBS Online"}
ITEM = {
    "number": "80010",
    "group": "M6",
    "description": "Psychological therapy",
    "kinds": ["clinical_psychologist"],
    "service": "individual",
    "settings": ["rooms"],
    "minutes_at_least": 50,
    "counts_as": "individual",
    "certainty": "published",
    "source": "MBS Online",
    "fees": [FEE],
}


def load(tmp_path: Path, content: Any) -> Catalogue:
    path = tmp_path / "own.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return Catalogue.load(path)


def test_an_operators_file_replaces_the_shipped_one(tmp_path: Path) -> None:
    fees = [{**FEE, "cents": 18500, "from": "2028-07-01"}, FEE | {"to": "2028-06-30"}]
    own = load(tmp_path, {"items": [ITEM | {"fees": fees}]})
    assert [item.number for item in own] == ["80010"]
    cents = [
        fee and fee.cents
        for fee in (
            own.fee_on("80010", date(*day)) for day in ((2027, 6, 30), (2028, 6, 30), (2028, 7, 1), (2050, 1, 1))
        )
    ]
    assert cents == [None, 18000, 18500, 18500]


def test_one_number_may_mean_different_things_at_different_times(tmp_path: Path) -> None:
    entries = [ITEM | {"to": "2026-12-31"}, ITEM | {"from": "2027-01-01", "minutes_at_least": 46}]
    own = load(tmp_path, {"items": entries})
    lengths = [own.item_on("80010", day) for day in (date(2026, 12, 31), date(2027, 1, 1))]
    assert [item and item.minutes_at_least for item in lengths] == [50, 46]


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown key": ({"fee": 1}, "items.0.fee: Unknown field"),
    "no number": ({"number": None}, "items.0.number: Required"),
    "a number of six digits": ({"number": "800100"}, "items.0.number"),
    "a number that is a number": ({"number": 80010}, "items.0.number"),
    "no kind": ({"kinds": []}, "items.0.kinds"),
    "a kind twice": ({"kinds": ["clinical_psychologist"] * 2}, "items.0.kinds"),
    "an unknown kind": ({"kinds": ["x"]}, "items.0.kinds.0: Not one of clinical_psychologist"),
    "an unknown setting": ({"settings": ["rooms", "home"]}, "items.0.settings.1"),
    "an unknown service": ({"service": "both"}, "items.0.service"),
    "minutes the wrong way": ({"minutes_under": 50}, "items.0: `minutes_under`"),
    "no minutes": ({"minutes_at_least": 0}, "items.0.minutes_at_least"),
    "dates the wrong way": ({"from": "2027-01-02", "to": "2027-01-01"}, "items.0: `to` is before"),
    "a date of another form": ({"from": "1.7.2027"}, "items.0.from"),
    "a fee in dollars": ({"fees": [FEE | {"cents": 180.0}]}, "items.0.fees.0.cents"),
    "a fee of nothing": ({"fees": [FEE | {"cents": 0}]}, "items.0.fees.0.cents"),
    "a fee without a day": ({"fees": [FEE | {"from": None}]}, "items.0.fees.0.from: Required"),
    "a fee without a source": ({"fees": [FEE | {"source": ""}]}, "items.0.fees.0.source"),
    "a fee without certainty": ({"fees": [FEE | {"certainty": "sure"}]}, "items.0.fees.0.certainty"),
    "a fee the wrong way": ({"fees": [FEE | {"to": "2027-06-30"}]}, "items.0.fees.0: `to` is before"),
    "two fees of a day": ({"fees": [FEE, FEE | {"from": "2028-07-01"}]}, "Item 80010: a fee is given twice"),
}


@pytest.mark.parametrize("defect", REFUSED)
def test_a_wrong_entry_is_named_by_its_place(defect: str, tmp_path: Path) -> None:
    change, place = REFUSED[defect]
    with pytest.raises(ConfigurationError) as refused:
        load(tmp_path, {"items": [ITEM | change]})
    assert place in str(refused.value) and "own.json" in str(refused.value)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "is not JSON"),
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[]", "the file: Not an object"),
        ("{}", "items: Required"),
        ('{"items": {}}', "items: Not a list"),
        ({"items": [ITEM, ITEM]}, "Item 80010 is given twice"),
        ({"items": [ITEM], "version": 1}, "version: Unknown field"),
    ],
)
def test_a_file_that_is_no_catalogue(content: Any, problem: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as refused:
        load(tmp_path, content)
    assert problem in str(refused.value) and "own.json" in str(refused.value)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none\.json cannot be read"):
        Catalogue.load(tmp_path / "none.json")
    (tmp_path / "latin.json").write_bytes(b'{"about": "\xe9", "items": []}')
    with pytest.raises(ConfigurationError, match="latin"):
        Catalogue.load(tmp_path / "latin.json")
