"""The login that really verifies: keys, claims of the assertion, activation codes."""

import time
from typing import Any

import jwt
import pytest

from tests.sandbox.medicare.conftest import DEVICE, ORG, SERVICE, Caller, jwk, key

ACTIVATE = f"/piaweb/api/b2b/v1/devices/{DEVICE}/jwk"
REFRESH = f"/piaweb/api/b2b/v1/orgs/{ORG}/devices/{DEVICE}/jwk"


def test_a_token(caller: Caller) -> None:
    status, token = caller.token()
    assert status == 200
    assert (token["token_type"], token["expires_in"]) == ("bearer", 3600)
    assert token["key_expiry"]


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "999"},
        {"sub": "other"},
        {"aud": "https://elsewhere.example"},
        {"token.aud": "elsewhere"},
        {"token.aud": None},
        {"iat": None},
        {"exp": None},
        {"exp": int(time.time()) - 10},
        {"exp": int(time.time()) + 7300},
        {"iat": int(time.time()) + 600},
    ],
)
def test_claims_that_are_wrong(caller: Caller, changes: dict[str, Any]) -> None:
    status, answer = caller.token(**changes)
    assert (status, answer["error"]) == (400, "mapping_error")


def test_another_key_and_another_algorithm(caller: Caller) -> None:
    assert caller.token(1)[1]["error"] == "mapping_error"
    assert caller.token(header={"kid": "unknown"})[1]["error"] == "device_error"
    now = int(time.time())
    claims: dict[str, Any] = {
        "iss": ORG,
        "sub": DEVICE,
        "aud": "https://proda.humanservices.gov.au",
        "token.aud": SERVICE,
    }
    claims |= {"iat": now, "exp": now + 600}
    unsigned = jwt.encode(claims, "", "none", headers={"kid": DEVICE})
    shared = jwt.encode(claims, "x" * 32, "HS256", headers={"kid": DEVICE})
    for assertion in (unsigned, shared, "", "a.b.c", unsigned + "x"):
        assert caller.assertion(assertion)[1]["error"] == "mapping_error"
    good = jwt.encode(claims, key(0), "RS256", headers={"kid": DEVICE})
    assert caller.assertion(good, client_id="other")[1]["error"] == "invalid_client"
    assert caller.assertion(good, grant_type="password")[1]["error"] == "unsupported_grant_type"
    assert caller.assertion(good)[0] == 200


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"orgId": "999"}, "DE.2"),
        ({"otac": "guess"}, "DE.7"),
        ({"key": {"kty": "RSA"}}, "JWK.2"),
        ({"key": jwk() | {"kid": "other"}}, "JWK.2"),
        ({"key": jwk() | {"d": "AQAB"}}, "JWK.1"),
        ({"key": jwk() | {"n": 5}}, "JWK.9"),
        ({"key": None}, "JWK.1"),
    ],
)
def test_activation(caller: Caller, body: dict[str, Any], code: str) -> None:
    otac = caller.control("devices", {"org": ORG, "device": DEVICE})["code"]
    status, answer = caller.device(ACTIVATE, {"orgId": ORG, "otac": otac, "key": jwk(), **body})
    assert (status, answer["errors"][0]["code"]) == (400, code)
    assert caller.token()[1]["error"] == "device_error"  # no key yet
    assert caller.device(ACTIVATE, {"orgId": ORG, "otac": otac, "key": jwk()})[0] == 200
    assert caller.token()[0] == 200


def test_codes_and_keys_end(caller: Caller) -> None:
    otac = caller.control("devices", {"org": ORG, "device": DEVICE})["code"]
    caller.control("clock", {"advance": 86401})
    late = caller.device(ACTIVATE, {"orgId": ORG, "otac": otac, "key": jwk()})[1]
    assert late["errors"][0]["code"] == "DE.7"
    otac = caller.control("devices", {"org": ORG, "device": DEVICE})["code"]
    assert caller.device(ACTIVATE, {"orgId": ORG, "otac": otac, "key": jwk()})[0] == 200
    caller.control("clock", {"advance": 183 * 86400})
    assert caller.token()[1]["error"] == "device_error"


def test_a_key_is_refreshed_with_a_token(caller: Caller) -> None:
    assert caller.device(REFRESH, jwk(1))[0] == 401
    bearer = {"Authorization": f"Bearer {caller.bearer}"}
    assert caller.device(REFRESH, jwk(), **bearer)[1]["errors"][0]["code"] == "JWK.8"
    assert caller.device(REFRESH, jwk(1), **bearer)[0] == 200
    assert caller.token()[1]["error"] == "mapping_error"
    assert caller.token(1)[0] == 200
    assert caller.call("PUT", ACTIVATE, {})[1]["errors"][0]["code"] == "111"  # no headers
