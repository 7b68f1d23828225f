"""The practice's settings over HTTP: the frontend's samples, every field's rule, who may, and who has changed what."""

from __future__ import annotations

import json
from typing import Any
from zoneinfo import available_timezones

import pytest

from tests.api.conftest import Api
from tests.api.test_contract import differences, sample
from tests.banking import ACCOUNT
from tests.clinic import ADMIN, MANAGER

SETTINGS = "/api/auth/admin/settings/"
HISTORY = f"{SETTINGS}history/"


def put(api: Api, body: Any, status: int = 200) -> dict[str, Any]:
    return dict(api.call("PUT", SETTINGS, body, as_user=ADMIN, status=status).json)


def get(api: Api, path: str = SETTINGS) -> dict[str, Any]:
    return dict(api.get(path, as_user=ADMIN, status=200).json)


def kinds(value: Any) -> Any:
    return {name: kinds(one) for name, one in value.items()} if isinstance(value, dict) else type(value)


# --- the samples ------------------------------------------------------------------------------------------------------


def test_the_sample_is_taken_as_it_is(api: Api) -> None:
    expected = sample("settings")
    answer = put(api, expected["request"])
    assert differences(expected["response"], answer) == []
    assert answer["settings"] == get(api) == expected["request"]
    assert answer["warnings"] == {
        "clinic": {"abn": ["The ABN's check digits are wrong"]},
        "system": {"medicare_provider_number": ["The provider number's check character is wrong"]},
    }


def test_every_key_is_there_before_anybody_has_set_one(api: Api) -> None:
    found, expected = get(api), sample("settings")["request"]
    assert kinds(found) == kinds(expected), "exactly the sampled tree"
    assert (
        found["system"] | {"medicare_provider_number": "1234567A", "ahpra_registration_number": "PSY0001234567"}
        == (expected["system"])
    )
    assert (found["notifications"], found["billing"]) == (expected["notifications"], expected["billing"])
    assert set(found["clinic"].values()) == {""}


def test_the_sampled_refusal(api: Api) -> None:
    expected = sample("settings_refused")
    answer = put(api, expected["request"], status=expected["status"])
    assert answer == expected["response"] | {"code": "validation_error"}
    assert get(api, HISTORY) == {"history": [], "next": None}


@pytest.mark.parametrize("before", [{}, sample("settings")["request"]], ids=["defaults", "sample"])
def test_what_is_shown_can_be_sent_back(quiet_api: Api, before: dict[str, Any]) -> None:
    put(quiet_api, before)
    shown, changes = get(quiet_api), get(quiet_api, HISTORY)
    assert put(quiet_api, shown)["settings"] == shown
    assert get(quiet_api, HISTORY) == changes


# --- parts ------------------------------------------------------------------------------------------------------------


def test_sections_and_fields_are_merged(api: Api) -> None:
    put(api, sample("settings")["request"])
    answer = put(api, {"billing": {"invoice_terms_days": 14}, "clinic": {"name": "Zoë's 🙂 Rooms"}})
    expected = sample("settings")["request"]
    expected["billing"]["invoice_terms_days"], expected["clinic"]["name"] = 14, "Zoë's 🙂 Rooms"
    assert answer == {"message": "Settings updated successfully", "settings": expected, "warnings": {}}


@pytest.mark.parametrize("body", [{}, {"clinic": {}}, {"clinic": None}, {"system": {"timezone": None}}])
def test_nothing_is_a_part_too(quiet_api: Api, body: dict[str, Any]) -> None:
    before = get(quiet_api)
    assert put(quiet_api, body)["settings"] == before
    assert get(quiet_api, HISTORY)["history"] == []


@pytest.mark.parametrize("nothing", ["", None])
def test_texts_can_be_emptied(quiet_api: Api, nothing: str | None) -> None:
    put(quiet_api, sample("settings")["request"])
    numbers = ("medicare_provider_number", "ahpra_registration_number")
    empty = {"clinic": dict.fromkeys(get(quiet_api)["clinic"], nothing), "system": dict.fromkeys(numbers, nothing)}
    after = put(quiet_api, empty)
    assert set(after["settings"]["clinic"].values()) == {""} == {after["settings"]["system"][name] for name in numbers}
    assert after["warnings"] == {}


def test_unknown_keys_are_refused_by_name(quiet_api: Api) -> None:
    body = {"clinic": {"nmae": "A", "name": "B"}, "smtp": {"host": "x"}, "billing": {"currency": "AUD"}}
    assert put(quiet_api, body, status=400)["details"] == {
        "billing": {"currency": ["Unknown field"]},
        "clinic": {"nmae": ["Unknown field"]},
        "smtp": ["Unknown field"],
    }
    assert get(quiet_api)["clinic"]["name"] == "", "nothing is taken of a request with a fault"


def test_every_fault_is_told_at_once(quiet_api: Api) -> None:
    body = {
        "clinic": {"phone": "1", "email": "x"},
        "system": {"gst_rate": 2, "timezone": "Mars/Olympus"},
        "notifications": {"sms_enabled": "yes"},
        "billing": {"invoice_terms_days": -1},
    }
    details = put(quiet_api, body, status=400)["details"]
    assert {section: sorted(found) for section, found in details.items()} == {
        section: sorted(values) for section, values in body.items()
    }
    assert details["notifications"] == {"sms_enabled": ["Not true or false"]}


# --- each field -------------------------------------------------------------------------------------------------------

GOOD: dict[tuple[str, str], list[Any]] = {
    ("clinic", "name"): ["A", "x" * 255, "Zoë & Söhne"],
    ("clinic", "address"): ["1 A St\nMelbourne", "x" * 500],
    ("clinic", "phone"): [
        "+61 3 9000 0000",
        "03 9000 0000",
        "(03) 9000 0000",
        "0491 570 156",
        "13 20 11",
        "1800 000 000",
    ],
    ("clinic", "email"): ["info@tailoredpsychology.com.au", "a.b+c@x-y.org", "o'neil@clinic.example"],
    ("clinic", "website"): [
        "https://tailoredpsychology.com.au",
        "http://clinic.example",
        "https://clinic.example:8443/a/b?c=d&e=%20#f",
    ],
    ("clinic", "abn"): ["12 345 678 901", "51824753556", "83 914 571 673"],
    ("system", "timezone"): ["Australia/Melbourne", "Australia/Lord_Howe", "UTC", "Antarctica/Casey"],
    ("system", "language"): ["en-au", "en", "vi", "zh-Hans-AU"],
    ("system", "gst_rate"): [0, 1, 0.1, 0.10, 0.125, 0.0001, 0.9999, 1.0],
    ("system", "medicare_provider_number"): ["1234567A", "2447781L", "2447781l", "244778 1L"],
    ("system", "ahpra_registration_number"): ["PSY0001234567", "MED0000000000"],
    ("billing", "default_payment_method"): ["card"],
    ("billing", "invoice_terms_days"): [0, 1, 30, 365],
}
SWITCHES = [
    *(("notifications", name) for name in ("email_enabled", "sms_enabled", "whatsapp_enabled")),
    ("billing", "auto_generate_invoices"),
]
_NO_TEXT = [1, 0.5, 13.2011, True, [], {}, ["a"]]
BAD: dict[tuple[str, str], list[Any]] = {
    ("clinic", "name"): [*_NO_TEXT, "x" * 256, "a\0b", "\ud800"],
    ("clinic", "address"): [*_NO_TEXT, "x" * 501],
    ("clinic", "phone"): [
        *_NO_TEXT,
        "9000 0000",
        "+1 202 555 0100",
        "+61 3 9000",
        "call 03 9000 0000",
        "+64 9 000 0000",
    ],
    ("clinic", "email"): [
        *_NO_TEXT,
        "x",
        "@x.org",
        "a@",
        "a@b",
        "a b@x.org",
        "a@x..org",
        "a@-x.org",
        "a@x.org\n",
        "<a@x.org>",
    ],
    ("clinic", "website"): [
        *(*_NO_TEXT, "clinic.example", "ftp://clinic.example", "javascript:alert(1)", "https://", "https://localhost"),
        *(
            "https://user:pass@clinic.example",
            "https://clinic.example:99999",
            "https://clinic.example:0",
            "https:// a.b",
        ),
        *("https://clinic.example/\n", "https://clinic.example/\u202e", f"https://clinic.example/{'x' * 200}"),
    ],
    ("clinic", "abn"): [*_NO_TEXT, "1234567890", "123456789012", "ABN 51 824 753 556", "5182475355\uff16"],
    ("system", "timezone"): [
        *(
            *_NO_TEXT,
            "",
            "Melbourne",
            "australia/melbourne",
            "AEST",
            "+10:00",
            "../../etc/passwd",
            "localtime",
            "Factory",
        ),
    ],
    ("system", "language"): [*_NO_TEXT, "", "english", "en_AU", "e", "en-au-" + "x" * 8],
    ("system", "gst_rate"): [-0.1, 1.1, 2, -1, "0.1", True, [], 0.00001, "ten", 10],
    ("system", "medicare_provider_number"): [*_NO_TEXT, "1234", "1234567", "ABCDEFGH", "12345678", "1234567A1"],
    ("system", "ahpra_registration_number"): [
        *_NO_TEXT,
        "psy0001234567",
        "PSY000123456",
        "PSY00012345678",
        "PS10001234567",
    ],
    ("billing", "default_payment_method"): [*_NO_TEXT, "", "Card", "bitcoin", "bank_transfer"],
    ("billing", "invoice_terms_days"): [-1, 366, 30.5, "30", True, [], 2**70],
}


@pytest.mark.parametrize(("section", "field"), GOOD)
def test_what_a_field_takes_it_keeps_as_written(quiet_api: Api, section: str, field: str) -> None:
    for value in GOOD[section, field]:
        assert put(quiet_api, {section: {field: value}})["settings"][section][field] == value
        assert get(quiet_api)[section][field] == value


@pytest.mark.parametrize(("section", "field"), BAD)
def test_what_a_field_refuses(quiet_api: Api, section: str, field: str) -> None:
    before = get(quiet_api)
    for value in BAD[section, field]:
        answer = put(quiet_api, {section: {field: value}}, status=400)
        assert (answer["error"], answer["code"]) == ("Validation error", "validation_error")
        assert list(answer["details"]) == [section] and list(answer["details"][section]) == [field], value
        messages = answer["details"][section][field]
        assert messages and all(isinstance(message, str) for message in messages)
    assert get(quiet_api) == before


@pytest.mark.parametrize(("section", "field"), SWITCHES)
def test_switches_are_true_or_false(quiet_api: Api, section: str, field: str) -> None:
    for value in (True, False, True):
        assert put(quiet_api, {section: {field: value}})["settings"][section][field] is value
    for value in (0, 1, "true", "false", "on", "", [], {}):
        answer = put(quiet_api, {section: {field: value}}, status=400)
        assert answer["details"] == {section: {field: ["Not true or false"]}}


@pytest.mark.parametrize("sent", [b"0.1", b"0.10", b"0.1000"])
def test_a_rate_is_one_number_however_it_is_written(quiet_api: Api, sent: bytes) -> None:
    put(quiet_api, {"system": {"gst_rate": 0.5}})
    answer = quiet_api.call("PUT", SETTINGS, b'{"system": {"gst_rate": %s}}' % sent, as_user=ADMIN, status=200)
    assert '"gst_rate":0.1,' in answer.text


@pytest.mark.parametrize(
    "sent", [b"1e-1", b"0.1e0", b"-0.0", b"-0", b"00.1", b"0.00000000000000000001", b"NaN", b"1.0001"]
)
def test_a_rate_has_one_notation(quiet_api: Api, sent: bytes) -> None:
    body = b'{"system": {"gst_rate": %s}}' % sent
    expected = 200 if sent == b"-0" else 400  # an integer to JSON, and nought
    assert quiet_api.call("PUT", SETTINGS, body, as_user=ADMIN).status_code == expected


def test_every_zone_of_the_world_can_be_the_clinics(quiet_api: Api) -> None:
    names = sorted(available_timezones() - {"localtime", "Factory"})
    for name in names[:: len(names) // 40]:
        put(quiet_api, {"system": {"timezone": name}})
        assert quiet_api.gateway.practice_settings.read().system.zone.key == name
        quiet_api.gateway.today()


def test_a_way_to_pay_is_one_that_is_there(database_url: str) -> None:
    api = Api(database_url, "http://127.0.0.1:1", **ACCOUNT)
    api.open()
    for method in ("bank_transfer", "card"):
        assert put(api, {"billing": {"default_payment_method": method}})["settings"]["billing"] | {} == {
            **get(api)["billing"],
            "default_payment_method": method,
        }
    wrong = put(api, {"billing": {"default_payment_method": "medicare"}}, status=400)
    assert wrong["details"] == {"billing": {"default_payment_method": ["Not one of: card, bank_transfer"]}}
    api.close()


def test_strict_checks_refuse_in_the_same_shape(sqlite_database_url: str) -> None:
    api = Api(sqlite_database_url, "http://127.0.0.1:1", **{"tp_gateway.identifier_checks": "refuse"})
    api.open()
    answer = put(api, sample("settings")["request"], status=400)
    assert answer["details"] == {
        "clinic": {"abn": ["The ABN's check digits are wrong"]},
        "system": {"medicare_provider_number": ["The provider number's check character is wrong"]},
    }
    api.close()


# --- the history ------------------------------------------------------------------------------------------------------


def test_the_history_tells_who_changed_what(api: Api) -> None:
    put(api, {"clinic": {"name": "A"}, "system": {"gst_rate": 0.125}})
    put(api, {"clinic": {"name": "B"}})
    second, first = get(api, HISTORY)["history"]
    assert second["changes"] == [{"section": "clinic", "field": "name", "before": "A", "after": "B"}]
    assert first["changes"] == [
        {"section": "clinic", "field": "name", "before": "", "after": "A"},
        {"section": "system", "field": "gst_rate", "before": 0.1, "after": 0.125},
    ]
    assert first["actor"] == second["actor"] == f"user:{ADMIN}"
    assert second["id"] > first["id"] and first["changed_at"].endswith("Z")


def test_the_history_has_pages(api: Api) -> None:
    for days in range(1, 6):
        put(api, {"billing": {"invoice_terms_days": days}})
    path, seen = f"{HISTORY}?limit=2", list[int]()
    while path:
        page = get(api, path)
        assert 1 <= len(page["history"]) <= 2
        seen += [one["changes"][0]["after"] for one in page["history"]]
        path = page["next"]
    assert seen == [5, 4, 3, 2, 1]
    for query in ("limit=0", "limit=101", "before_id=x", "page=2"):
        assert api.get(f"{HISTORY}?{query}", as_user=ADMIN).json["code"] == "validation_error"


# --- who may ----------------------------------------------------------------------------------------------------------


def test_only_an_admin(quiet_api: Api) -> None:
    for method, path in (("GET", SETTINGS), ("PUT", SETTINGS), ("GET", HISTORY)):
        body = {"clinic": {"name": "Mine"}} if method == "PUT" else None
        answer = quiet_api.call(method, path, body, as_user=MANAGER, status=403)
        assert answer.json["code"] == "permission_denied"
        quiet_api.call(method, path, body, as_user=None, status=401)
    quiet_api.call("PATCH", SETTINGS, {}, as_user=ADMIN, status=405)
    assert get(quiet_api)["clinic"]["name"] == ""


def test_what_admins_enter_is_not_logged(quiet_api: Api) -> None:
    put(quiet_api, {"clinic": {"name": "Canary Clinic", "phone": "0491 570 156"}})
    put(quiet_api, {"clinic": {"phone": "canary-phone"}}, status=400)
    assert "anary" not in quiet_api.log.getvalue() and "0491" not in quiet_api.log.getvalue()
    assert "canary" not in json.dumps(put(quiet_api, {"clinic": {"phone": "canary-phone"}}, status=400))
