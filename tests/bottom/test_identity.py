"""Which tokens are believed. Each defect of a token is refused on its own, with everything else about it right."""

import hashlib
import hmac
import json
import subprocess
import sys
import time
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from tp_gateway.errors import ConfigurationError, GatewayError
from tp_gateway.identity import PERMISSIONS, ROLES, SERVICE, SERVICE_AUDIENCE, Identity, TokenVerifier, permits

pytestmark = pytest.mark.catalogue(67)

KEY, SERVICE_KEY = (
    "the-clinics-signing-key-of-64-bytes-so-that-HS512-would-take-it-too",
    "the-services-own-key-of-64-bytes-so-that-HS512-would-take-it-too",
)
VERIFIER = TokenVerifier(algorithm="HS256", key=KEY, service_key=SERVICE_KEY)
RSA, EC, ED = (
    rsa.generate_private_key(65537, 2048),
    ec.generate_private_key(ec.SECP256R1()),
    ed25519.Ed25519PrivateKey.generate(),
)
PRIVATE = {"RS256": RSA, "ES256": EC, "EdDSA": ED}


def pem(key: Any) -> str:
    kind = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    text: bytes = key.public_key().public_bytes(*kind)
    return text.decode()


def claims(**more: Any) -> dict[str, Any]:
    """Claims in which nothing is wrong, with a few changed, or taken out (None)."""
    now = int(time.time())
    all_ = {"token_type": "access", "exp": now + 86400, "iat": now, "jti": "a1b2", "user_id": "45", **more}
    return {name: value for name, value in all_.items() if value is not None}


def token(key: Any = KEY, algorithm: str = "HS256", headers: dict[str, Any] | None = None, **more: Any) -> str:
    return jwt.encode(claims(**more), key, algorithm, headers=headers)


def raw(header: Any, payload: Any, key: bytes = KEY.encode()) -> str:
    """Signed right, whatever is in it."""
    parts = [part if isinstance(part, bytes) else json.dumps(part).encode() for part in (header, payload)]
    text = ".".join(urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
    signature = hmac.new(key, text.encode(), hashlib.sha256).digest()
    return f"{text}.{urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def refused(verifier: TokenVerifier, text: str) -> str:
    with pytest.raises(GatewayError) as refusal:
        verifier.verify(text)
    assert refusal.value.__cause__ is None and "45" not in str(refusal.value.details)
    return refusal.value.code


# --- believed ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("user_id", ["45", 45])
def test_a_users_token_names_the_user_and_no_role(user_id: Any) -> None:
    assert VERIFIER.verify(token(user_id=user_id)) == Identity(45, None)


@pytest.mark.parametrize(
    "more", [{"nbf": 1}, {"iss": "x"}, {"aud": "x"}, {"aud": ["x"]}, {"exp": int(time.time()) + 86400.5}]
)
def test_claims_that_are_not_configured_are_not_looked_at(more: dict[str, Any]) -> None:
    assert VERIFIER.verify(token(**more)).user_id == 45


def test_the_leeway_is_kept_in_both_directions() -> None:
    now = int(time.time())
    strict = TokenVerifier(algorithm="HS256", key=KEY, service_key=SERVICE_KEY, leeway=0)
    assert VERIFIER.verify(token(exp=now - 2)).user_id == 45 and VERIFIER.verify(token(iat=now + 3)).user_id == 45
    assert refused(strict, token(exp=now - 1)) == "token_expired"
    assert refused(strict, token(iat=now + 60)) == "token_invalid"
    assert refused(VERIFIER, token(exp=now - 30)) == "token_expired"


SIMPLEJWT = """
from django.conf import settings
settings.configure(SECRET_KEY=%r, INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth"])
import django
django.setup()
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken
for kind in (AccessToken, RefreshToken):
    issued = kind()
    issued["user_id"] = "45"
    print(issued)
"""


def test_a_token_of_simplejwt_is_believed_as_it_is_issued() -> None:
    """In a process of its own, because Django can be configured once only."""
    done = subprocess.run(
        [sys.executable, "-c", SIMPLEJWT % KEY], capture_output=True, text=True, timeout=30, check=True
    )
    access, refresh = done.stdout.split()
    assert VERIFIER.verify(access) == Identity(45, None)
    assert refused(VERIFIER, refresh) == "token_invalid"


# --- refused ----------------------------------------------------------------------------------------------------------

NOW = int(time.time())
CLAIMS: dict[str, dict[str, Any]] = {
    "no exp": {"exp": None},
    "no iat": {"iat": None},
    "no jti": {"jti": None},
    "jti of another type": {"jti": 5},
    "exp as text": {"exp": str(NOW + 86400)},
    "exp as true": {"exp": True},
    "exp as list": {"exp": [NOW + 86400]},
    "endless exp": {"exp": float("inf")},
    "exp that is no number": {"exp": float("nan")},
    "iat in the future": {"iat": NOW + 86400},
    "iat as text": {"iat": str(NOW)},
    "iat as object": {"iat": {}},
    "nbf in the future": {"nbf": NOW + 86400},
    "nbf as list": {"nbf": [1]},
    "a refresh token": {"token_type": "refresh"},
    "no token type": {"token_type": None},
    "a list of token types": {"token_type": ["access"]},
    "no user": {"user_id": None},
    "user true": {"user_id": True},
    "user as list": {"user_id": [45]},
    "no user in a list": {"user_id": []},
    "user as object": {"user_id": {"id": 45}},
    "a negative user": {"user_id": -1},
    "a negative user as text": {"user_id": "-1"},
    "user zero": {"user_id": 0},
    "injection": {"user_id": "45 OR 1=1"},
    "user with space": {"user_id": " 45"},
    "user with line break": {"user_id": "45\n"},
    "user with leading zero": {"user_id": "045"},
    "user with a sign": {"user_id": "+45"},
    "user as float": {"user_id": 45.0},
    "user in Arabic digits": {"user_id": "٤٥"},
    "a user of 64 bits and one": {"user_id": 2**63},
    "a user of many digits": {"user_id": "9" * 19},
    "an empty user": {"user_id": ""},
    "sub of another type": {"sub": 5},
}


@pytest.mark.parametrize("defect", CLAIMS)
def test_a_token_with_a_wrong_claim_is_refused(defect: str) -> None:
    text = raw({"alg": "HS256", "typ": "JWT"}, claims(**CLAIMS[defect]))
    assert refused(VERIFIER, text) == ("token_expired" if defect == "exp as true" else "token_invalid")  # true is 1


HEADERS: dict[str, Any] = {
    "alg none": {"alg": "none"},
    "alg None": {"alg": "None"},
    "alg HS512": {"alg": "HS512"},
    "alg RS256": {"alg": "RS256"},
    "no alg": {"typ": "JWT"},
    "a list of algs": {"alg": ["HS256"]},
    "alg null": {"alg": None},
    "a critical extension": {"alg": "HS256", "crit": ["x"], "x": 1},
    "a detached payload": {"alg": "HS256", "crit": ["b64"], "b64": False},
    "a kid that is no text": {"alg": "HS256", "kid": {"$ne": 1}},
    "a header that is a list": [1],
    "a header of brackets": b"[" * 5000,
    "an empty header": b"",
    "bad UTF-8": b"\xff",
}


@pytest.mark.parametrize("defect", HEADERS)
def test_a_token_with_a_wrong_header_is_refused(defect: str) -> None:
    assert refused(VERIFIER, raw(HEADERS[defect], claims())) == "token_invalid"


@pytest.mark.parametrize(
    "payload", [[], "text", 5, None, b"", b"{", b"\xff", b"[" * 5000, b'{"a":' * 1200 + b"1" + b"}" * 1200]
)
def test_a_token_with_a_payload_that_is_no_object_is_refused(payload: Any) -> None:
    assert refused(VERIFIER, raw({"alg": "HS256"}, payload)) == "token_invalid"


def test_a_changed_signature_payload_or_key_is_refused() -> None:
    right = token()
    header, payload, signature = right.split(".")
    other_payload = token(user_id="46").split(".")[1]
    for text in (
        f"{header}.{other_payload}.{signature}",
        f"{header}.{payload}.",
        f"{header}.{payload}",
        f"{header}.{payload}.{signature[:-2]}",
        f"{right}.{signature}",
        token(key="another-key-of-the-clinic-with-32-bytes"),
        jwt.encode(claims(), None, "none"),
        jwt.encode(claims(), KEY, "HS512"),
        jwt.encode(claims(), RSA, "RS256"),
        "",
        ".",
        "..",
        "Bearer",
        f"Bearer {right}",
        f" {right}",
        right + "é",
        "\0",
    ):
        assert refused(VERIFIER, text) == "token_invalid", text


def test_a_token_of_more_than_eight_kibibytes_is_refused() -> None:
    assert refused(VERIFIER, token(pad="x" * 8192)) == "token_invalid"
    assert len(token(pad="x" * 5000)) < 8192 and VERIFIER.verify(token(pad="x" * 5000)).user_id == 45


@pytest.mark.parametrize(
    "headers",
    [
        {"kid": "../../dev/null"},
        {"kid": "' OR 1=1"},
        {"jku": "http://127.0.0.1:9/jwks"},
        {"x5u": "http://127.0.0.1:9/"},
        {"jwk": {"kty": "oct", "k": "AAAA"}},
    ],
)
def test_what_a_header_injects_chooses_no_key(headers: dict[str, Any]) -> None:
    assert VERIFIER.verify(token(headers=headers)).user_id == 45
    assert refused(VERIFIER, token(key="\0" * 32, headers=headers)) == "token_invalid"


# --- issuer, audience, role -------------------------------------------------------------------------------------------


def test_issuer_and_audience_are_required_where_they_are_configured() -> None:
    verifier = TokenVerifier(algorithm="HS256", key=KEY, service_key=SERVICE_KEY, issuer="clinic", audience="gateway")
    assert verifier.verify(token(iss="clinic", aud="gateway")).user_id == 45
    assert verifier.verify(token(iss="clinic", aud=["other", "gateway"])).user_id == 45
    for more in (
        {},
        {"iss": "clinic"},
        {"aud": "gateway"},
        {"iss": "x", "aud": "gateway"},
        {"iss": "clinic", "aud": "x"},
    ):
        assert refused(verifier, token(**more)) == "token_invalid", more
    assert refused(verifier, raw({"alg": "HS256"}, claims(iss=["clinic"], aud="gateway"))) == "token_invalid"


@pytest.mark.parametrize("role", [None, "", "root", "ADMIN", "service", True, ["admin"], {"admin": 1}, 5])
def test_a_role_claim_names_a_role_of_people(role: Any) -> None:
    verifier = TokenVerifier(algorithm="HS256", key=KEY, service_key=SERVICE_KEY, role_claim="role")
    assert refused(verifier, token(role=role)) == "token_invalid"


def test_a_role_is_read_only_from_the_configured_claim() -> None:
    verifier = TokenVerifier(algorithm="HS256", key=KEY, service_key=SERVICE_KEY, role_claim="clinic_role")
    assert verifier.verify(token(clinic_role="admin", role="patient")).role == "admin"
    assert VERIFIER.verify(token(role="admin", clinic_role="admin")).role is None


# --- asymmetric keys --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", PRIVATE)
def test_a_public_key_verifies_its_own_algorithm_and_nothing_else(algorithm: str) -> None:
    public = pem(PRIVATE[algorithm])
    verifier = TokenVerifier(algorithm=algorithm, key=public, service_key=SERVICE_KEY)
    assert verifier.verify(token(PRIVATE[algorithm], algorithm)).user_id == 45
    for other, key in PRIVATE.items():
        if other != algorithm:
            assert refused(verifier, token(key, other)) == "token_invalid"
    assert refused(verifier, token()) == "token_invalid"
    # The public key as the secret of an HMAC: the oldest trick there is.
    assert refused(verifier, raw({"alg": "HS256"}, claims(), public.encode())) == "token_invalid"
    assert refused(verifier, raw({"alg": algorithm}, claims(), public.encode())) == "token_invalid"
    assert refused(verifier, jwt.encode(claims(), None, "none")) == "token_invalid"


def jwks(**keys: Any) -> str:
    classes = {
        "RS256": jwt.algorithms.RSAAlgorithm,
        "ES256": jwt.algorithms.ECAlgorithm,
        "EdDSA": jwt.algorithms.OKPAlgorithm,
    }
    found = [
        json.loads(classes[name].to_jwk(key.public_key())) | {"kid": name, "use": "sig"} for name, key in keys.items()
    ]
    return json.dumps({"keys": found})


@pytest.mark.parametrize("algorithm", PRIVATE)
def test_in_a_key_set_the_kid_chooses_and_the_algorithm_stays_ours(algorithm: str) -> None:
    verifier = TokenVerifier(algorithm=algorithm, key="", service_key=SERVICE_KEY, jwks=jwks(**PRIVATE))
    key = PRIVATE[algorithm]
    assert verifier.verify(token(key, algorithm, {"kid": algorithm})).user_id == 45
    for text in (
        token(key, algorithm),
        token(key, algorithm, {"kid": "unknown"}),
        token(key, algorithm, {"kid": "unknown", "jku": "http://127.0.0.1:9/"}),
        *(token(key, algorithm, {"kid": other}) for other in PRIVATE if other != algorithm),
        *(token(one, other, {"kid": other}) for other, one in PRIVATE.items() if other != algorithm),
        raw({"alg": "HS256", "kid": algorithm}, claims(), pem(key).encode()),
    ):
        assert refused(verifier, text) == "token_invalid", text


@pytest.mark.parametrize("text", ["{}", "x", '{"keys": []}', '{"keys": 5}', '{"keys": [{"kty": "x"}]}'])
def test_what_is_no_key_set_refuses_to_start(text: str) -> None:
    with pytest.raises(ConfigurationError, match="jwks_file"):
        TokenVerifier(algorithm="RS256", key="", service_key=SERVICE_KEY, jwks=text)


# --- services ---------------------------------------------------------------------------------------------------------


def test_a_service_has_a_token_and_a_role_of_its_own() -> None:
    found = VERIFIER.verify(VERIFIER.mint_service_token("django", timedelta(minutes=5)))
    assert found == Identity(None, SERVICE, "django")
    assert (found.actor, found.is_staff, Identity(45, "admin").actor) == ("service:django", False, "user:45")
    late = datetime.now(UTC) - timedelta(hours=1)
    assert refused(VERIFIER, VERIFIER.mint_service_token("django", timedelta(minutes=5), late)) == "token_expired"


def test_a_service_token_with_another_key_algorithm_is_the_same() -> None:
    verifier = TokenVerifier(algorithm="RS256", key=pem(RSA), service_key=SERVICE_KEY)
    assert verifier.verify(verifier.mint_service_token("django", timedelta(minutes=5))).role == SERVICE


SERVICE_CLAIMS = {"aud": SERVICE_AUDIENCE, "sub": "django"}


@pytest.mark.parametrize(
    "text",
    [
        token(KEY, **SERVICE_CLAIMS),  # a user's key cannot make a service
        token(KEY, **SERVICE_CLAIMS, user_id=None),
        token(KEY, **SERVICE_CLAIMS, role="service"),
        token(SERVICE_KEY),  # nor a service's key a user
        token(SERVICE_KEY, aud="other", sub="django"),
        token(SERVICE_KEY, aud=[SERVICE_AUDIENCE], sub="django"),
        token(SERVICE_KEY, aud=SERVICE_AUDIENCE),
        token(SERVICE_KEY, aud=SERVICE_AUDIENCE, sub=""),
        token(SERVICE_KEY, **SERVICE_CLAIMS, token_type="refresh"),
        token(SERVICE_KEY, **SERVICE_CLAIMS, exp=None),
        token(SERVICE_KEY, "HS512", **SERVICE_CLAIMS),
        jwt.encode(claims(**SERVICE_CLAIMS), None, "none"),
    ],
)
def test_neither_kind_of_token_passes_for_the_other(text: str) -> None:
    assert refused(VERIFIER, text) == "token_invalid"


def test_a_service_token_never_names_a_user() -> None:
    assert VERIFIER.verify(token(SERVICE_KEY, **SERVICE_CLAIMS, user_id="45", role="admin")) == Identity(
        None, SERVICE, "django"
    )


# --- permissions ------------------------------------------------------------------------------------------------------


@pytest.mark.catalogue(68)
def test_nobody_without_a_role_may_do_anything() -> None:
    for permission, roles in PERMISSIONS.items():
        assert set(roles) <= set(ROLES)
        assert not permits(None, permission) and not permits("", permission) and not permits("root", permission)
        assert permits(SERVICE, permission) == (permission == "push_practice")
    with pytest.raises(KeyError):
        permits("admin", "made_up")
