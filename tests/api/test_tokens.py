"""Whose token is believed: real SimpleJWT tokens as issued, our service tokens, and nothing that is a little off."""

import base64
import hashlib
import hmac
import json
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.api.conftest import JWT_KEY, Api, token
from tests.clinic import MANAGER, PATIENT

METHODS = "/api/billing/payment-methods/"
PAYMENTS = "/api/billing/payments/"

ISSUE = """
import sys
from django.conf import settings
settings.configure(
    SECRET_KEY=sys.argv[1], INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes"], USE_TZ=True,
    LOGGING_CONFIG=None,
)
import django
django.setup()
from django.contrib.auth.models import User
from rest_framework_simplejwt.tokens import RefreshToken
refresh = RefreshToken.for_user(User(id=45))
print(refresh.access_token)
print(refresh)
"""


@pytest.fixture(scope="module")
def simplejwt() -> list[str]:
    """An access and a refresh token, made by djangorestframework-simplejwt itself with its defaults."""
    done = subprocess.run([sys.executable, "-c", ISSUE, JWT_KEY], capture_output=True, text=True, check=True)
    return done.stdout.split()


def call(api: Api, header: str | None, path: str = METHODS) -> Any:
    return api.get(path, as_user=None, headers={} if header is None else {"Authorization": header})


def test_a_token_of_simplejwt_works_as_issued(quiet_api: Api, simplejwt: list[str]) -> None:
    access, refresh = simplejwt
    assert call(quiet_api, f"Bearer {access}").status_code == 200
    assert call(quiet_api, f"Bearer {refresh}").json["code"] == "token_invalid"


@pytest.mark.parametrize("user_id", ["45", 45])
def test_user_id_as_text_or_number(quiet_api: Api, user_id: Any) -> None:
    assert call(quiet_api, f"Bearer {token(None, user_id=user_id)}").status_code == 200


def _none() -> str:
    return token(PATIENT, algorithm="none")


def _unsigned_with_hs256_header() -> str:
    header, payload, _ = token(PATIENT).split(".")
    return f"{header}.{payload}."


def _own_key_by_header() -> str:
    key = "a-key-of-the-attackers-own-with-more-than-32-bytes"
    claims = jwt.decode(token(PATIENT), JWT_KEY, ["HS256"])
    jwk = {"kty": "oct", "k": base64.urlsafe_b64encode(key.encode()).decode()}
    headers = {"kid": "../../../dev/null", "jku": "http://127.0.0.1:1/jwks.json", "jwk": jwk}
    return jwt.encode(claims, key, "HS256", headers=headers)


def _key_pair() -> tuple[str, str]:
    """Private and public, as PEM."""
    key = rsa.generate_private_key(65537, 2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()


def _changed() -> str:
    header, payload, signature = token(PATIENT).split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    forged = base64.urlsafe_b64encode(json.dumps({**claims, "user_id": "9"}).encode()).decode().rstrip("=")
    return f"{header}.{forged}.{signature}"


now = int(time.time())
DEFECTS = {
    "alg none": _none(),
    "no signature": _unsigned_with_hs256_header(),
    "HS512": token(PATIENT, algorithm="HS512", key=JWT_KEY + "x" * 32),
    "RS256": token(PATIENT, key=_key_pair()[0], algorithm="RS256"),
    "another key": token(PATIENT, key="another-key-of-more-than-32-bytes-as-it-should-be"),
    "changed payload": _changed(),
    "a key of its own in the header": _own_key_by_header(),
    "iat in the future": token(PATIENT, iat=now + 12 * 3600),
    "nbf in the future": token(PATIENT, nbf=now + 12 * 3600),
    "exp as text": token(PATIENT, exp=str(now + 12 * 3600)),
    "no exp": token(PATIENT, leave_out="exp"),
    "no iat": token(PATIENT, leave_out="iat"),
    "no jti": token(PATIENT, leave_out="jti"),
    "no token_type": token(PATIENT, leave_out="token_type"),
    "refresh": token(PATIENT, token_type="refresh"),
    "no user_id": token(PATIENT, leave_out="user_id"),
    "service audience, user key": token(PATIENT, aud="tp-gateway-service", sub="django"),
    "8 KiB": token(PATIENT, note="x" * 8192),
    "not a token": "abc",
    "two parts": "abc.def",
    "a list as claims": jwt.api_jws.encode(b"[]", JWT_KEY, "HS256"),
}
USER_IDS: list[Any] = [
    True,
    0,
    -1,
    "0",
    "-1",
    "45 OR 1=1",
    "٤٥",
    "045",
    " 45",
    4.5,
    45.0,
    [],
    {},
    None,
    "",
    10**19,
    "1" * 20,
]


@pytest.mark.parametrize("text", DEFECTS.values(), ids=DEFECTS.keys())
@pytest.mark.catalogue(67)
def test_defective_tokens_are_refused(quiet_api: Api, text: str) -> None:
    for path in (METHODS, PAYMENTS):
        response = call(quiet_api, f"Bearer {text}", path)
        assert (response.status_code, response.json["code"]) == (401, "token_invalid")
        assert response.headers["WWW-Authenticate"] == "Bearer"
        assert text not in response.text


@pytest.mark.parametrize("user_id", USER_IDS, ids=repr)
@pytest.mark.catalogue(67)
def test_a_user_id_is_a_positive_number_and_nothing_else(quiet_api: Api, user_id: Any) -> None:
    response = call(quiet_api, f"Bearer {token(None, user_id=user_id)}")
    assert (response.status_code, response.json["code"]) == (401, "token_invalid")


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer ",
        "Basic NDU6eA==",
        "bearer {}",
        "Bearer  {}",
        "Bearer {} ",
        "Bearer {}, Bearer {}",
        "Bearer Bearer {}",
        "{}",
    ],
)
@pytest.mark.catalogue(67)
def test_the_header_has_one_form(quiet_api: Api, header: str) -> None:
    response = call(quiet_api, header.format(token(PATIENT), token(PATIENT)))
    assert (response.status_code, response.json["code"]) == (401, "token_invalid")


def test_no_header_and_no_longer_valid(quiet_api: Api) -> None:
    assert call(quiet_api, None).json["code"] == "not_authenticated"
    expired = call(quiet_api, f"Bearer {token(PATIENT, exp=now - 60)}")
    assert (expired.status_code, expired.json["code"]) == (401, "token_expired")


@pytest.mark.catalogue(90)
def test_clocks_may_differ_by_some_seconds_only(quiet_api: Api) -> None:
    moment = int(time.time())
    assert call(quiet_api, f"Bearer {token(PATIENT, exp=moment - 2, iat=moment - 60)}").status_code == 200
    assert call(quiet_api, f"Bearer {token(PATIENT, iat=moment + 2)}").status_code == 200
    assert call(quiet_api, f"Bearer {token(PATIENT, exp=moment - 31, iat=moment - 60)}").status_code == 401


def test_a_user_nobody_knows_and_one_who_was_closed(quiet_api: Api) -> None:
    assert call(quiet_api, f"Bearer {token(999)}").json["code"] == "not_authenticated"
    quiet_api.push_users([quiet_api.user(PATIENT, "patient", active=False)])
    for path in (METHODS, PAYMENTS):
        assert call(quiet_api, f"Bearer {token(PATIENT)}", path).json["code"] == "not_authenticated"
    assert quiet_api.pay_by_http().json["code"] == "not_authenticated"


@pytest.mark.catalogue(69)
def test_a_role_that_was_taken_away_is_gone_at_once(quiet_api: Api) -> None:
    assert quiet_api.get(PAYMENTS, as_user=MANAGER).status_code == 200
    quiet_api.push_users([quiet_api.user(MANAGER, "psychologist")])
    assert quiet_api.get(PAYMENTS, as_user=MANAGER).json["code"] == "permission_denied"


def test_service_tokens(quiet_api: Api) -> None:
    verifier = quiet_api.app.app.registry["verifier"]
    good = verifier.mint_service_token("django", timedelta(days=1))
    old = verifier.mint_service_token("django", timedelta(days=1), datetime.now(UTC) - timedelta(days=2))
    put = "/api/practice/users/"
    assert quiet_api.put(put, {"users": []}).status_code == 200
    assert quiet_api.log_lines("request")[-1]["actor"] == "service:django"
    for header, code in ((good, None), (old, "token_expired"), (token(PATIENT), "permission_denied")):
        headers = {"Authorization": f"Bearer {header}"}
        assert quiet_api.call("PUT", put, {"users": []}, as_user=None, headers=headers).json.get("code") == code
    assert call(quiet_api, f"Bearer {good}").json["code"] == "permission_denied"


def test_a_role_claim_where_it_is_configured(sqlite_database_url: str) -> None:
    api = Api(sqlite_database_url, "http://127.0.0.1:1", **{"tp_gateway.jwt.role_claim": "role"})
    api.open()
    api.appointment()
    try:
        for claims, code in (
            ({}, "token_invalid"),
            ({"role": "service"}, "token_invalid"),
            ({"role": ["admin"]}, "token_invalid"),
        ):
            assert call(api, f"Bearer {token(PATIENT, **claims)}").json["code"] == code
        assert call(api, f"Bearer {token(PATIENT, role='patient')}").status_code == 200
        # The directory's word counts, also where the claim says more, and also where the service checks it.
        refund = "/api/billing/payments/1/refund/"
        forged = {"Authorization": f"Bearer {token(PATIENT, role='admin')}"}
        assert api.post(refund, {}, as_user=None, headers=forged).json["code"] == "permission_denied"
        for user_id, code in ((MANAGER, "permission_denied"), (999, "not_authenticated")):
            claimed = {"Authorization": f"Bearer {token(user_id, role='patient')}"}
            assert api.pay_by_http(as_user=None, headers=claimed).json["code"] == code
        api.push_users([api.user(PATIENT, "patient", active=False)])
        claimed = {"Authorization": f"Bearer {token(PATIENT, role='patient')}"}
        assert api.pay_by_http(as_user=None, headers=claimed).json["code"] == "not_authenticated"
    finally:
        api.close()


def test_a_public_key_instead_of_a_shared_one(sqlite_database_url: str, tmp_path: Path) -> None:
    private, public = _key_pair()
    (tmp_path / "jwt.pem").write_text(public)
    more = {"tp_gateway.jwt.algorithm": "RS256", "tp_gateway.jwt.public_key_file": str(tmp_path / "jwt.pem")}
    api = Api(sqlite_database_url, "http://127.0.0.1:1", **more)
    api.open()
    try:
        assert call(api, f"Bearer {token(PATIENT, key=private, algorithm='RS256')}").status_code == 200
        head, body = (
            base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
            for part in ({"alg": "HS256", "typ": "JWT"}, jwt.decode(token(PATIENT), JWT_KEY, ["HS256"]))
        )
        mac = hmac.new(public.encode(), f"{head}.{body}".encode(), hashlib.sha256).digest()
        confused = f"{head}.{body}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"
        for wrong in (confused, token(PATIENT), token(PATIENT, key=_key_pair()[0], algorithm="RS256")):
            assert call(api, f"Bearer {wrong}").json["code"] == "token_invalid"
    finally:
        api.close()
