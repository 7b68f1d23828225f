"""A sandbox with one activated device, spoken to by plain HTTP."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from typing import Any

import jwt
import pytest
import urllib3
from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.medicare import MedicareSandbox

LOCATION, ORG, DEVICE, CARD = "TST00001", "1234567890", "clinic-1", "4951525561"
SERVICE = "https://medicare.sandbox.invalid"
TODAY = datetime.now(UTC).date().isoformat()


@cache
def key(number: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def jwk(number: int = 0) -> dict[str, Any]:
    public = jwt.algorithms.RSAAlgorithm.to_jwk(key(number).public_key(), as_dict=True)
    return {name: public[name] for name in ("kty", "n", "e")} | {"use": "sig", "alg": "RS256", "kid": DEVICE}


def correlation_id(location: str = LOCATION) -> str:
    return f"urn:uuid:{location}{uuid.uuid4().hex[:16]}"


class Caller:
    def __init__(self, url: str) -> None:
        self.url, self.pool = url, urllib3.PoolManager(retries=False)
        self.bearer = ""

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self.pool.request(method, self.url + path, json=body, headers=sent)
        return answer.status, answer.json()

    def control(self, path: str, body: Any = None) -> Any:
        status, value = self.call("GET" if body is None else "POST", f"/_sandbox/{path}", body)
        assert status == 200, value
        return value

    def device(self, path: str, body: Any, **more: str) -> tuple[int, Any]:
        headers = dict.fromkeys(("auditId", "subjectId", "productId", "messageId", "correlationId"), "x")
        return self.call("PUT", path, body, **{f"dhs-{name}": value for name, value in headers.items()}, **more)

    def token(self, number: int = 0, header: dict[str, Any] | None = None, **changes: Any) -> tuple[int, Any]:
        now = int(datetime.now(UTC).timestamp())
        claims: dict[str, Any] = {
            "iss": ORG,
            "sub": DEVICE,
            "aud": "https://proda.humanservices.gov.au",
            "token.aud": SERVICE,
        }
        claims |= {"iat": now, "exp": now + 600, **changes}
        claims = {name: value for name, value in claims.items() if value is not None}
        return self.assertion(jwt.encode(claims, key(number), "RS256", headers={"kid": DEVICE, **(header or {})}))

    def assertion(self, assertion: str, **changes: str) -> tuple[int, Any]:
        form = {
            "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
            "client_id": "sandbox-client",
            "assertion": assertion,
            **changes,
        }
        path = f"{self.url}/mga/sps/oauth/oauth20/token"
        answer = self.pool.request_encode_body("POST", path, fields=form, encode_multipart=False)
        return answer.status, answer.json()

    def claim(self, function: str, body: Any, cid: str, **changes: str) -> tuple[int, Any]:
        headers = {
            "Authorization": f"Bearer {self.bearer}",
            "X-IBM-Client-Id": "sandbox-key",
            "dhs-auditIdType": "Location Id",
            "dhs-auditId": LOCATION,
            "dhs-subjectIdType": "N/A" if "report" in function else "Medicare Card",
            "dhs-subjectId": "N/A" if "report" in function else CARD,
            "dhs-productId": "test",
            "dhs-messageId": f"urn:uuid:{uuid.uuid4()}",
            "dhs-correlationId": cid,
            **{name.replace("_", "-"): value for name, value in changes.items()},
        }
        answer = self.pool.request("POST", f"{self.url}/claiming/ext-vnd/mcp/{function}/v1", json=body, headers=headers)
        return answer.status, answer.json()

    def aggregated(self, function: str, body: Any, minor_id: str = LOCATION, api_key: str = "sandbox-key") -> Any:
        return self.call("POST", f"/Medicare/{function}/v1", body, x_api_key=api_key, x_minor_id=minor_id)


def bulk_bill(item: str = "80110", charge: str = "10155", **more: Any) -> dict[str, Any]:
    identity = {"familyName": "SAMPLE", "givenName": "Onlyname", "dateOfBirth": "1980-02-03"}
    event = {
        "id": "01",
        "medicalEventDate": TODAY,
        "authorisationDate": TODAY,
        "createDateTime": f"{TODAY}T00:00:00+00:00",
        "patient": {"identity": identity, "medicare": {"memberNumber": CARD, "memberRefNumber": "1"}},
        "referral": {"provider": {"providerNumber": "2426591T"}, "issueDate": TODAY, "typeCode": "S"},
        "submissionAuthorityInd": "Y",
        "service": [{"id": "0001", "itemNumber": item, "chargeAmount": charge}],
        **more,
    }
    provider = {"providerNumber": "2447781L"}
    return {"claim": {"serviceTypeCode": "S", "serviceProvider": provider, "medicalEvent": [event]}}


@pytest.fixture(scope="module")
def running() -> Iterator[MedicareSandbox]:
    with MedicareSandbox() as sandbox:
        yield sandbox


@pytest.fixture
def caller(running: MedicareSandbox) -> Iterator[Caller]:
    made = Caller(running.url)
    code = made.control("devices", {"org": ORG, "device": DEVICE})["code"]
    status, _ = made.device(f"/piaweb/api/b2b/v1/devices/{DEVICE}/jwk", {"orgId": ORG, "otac": code, "key": jwk()})
    assert status == 200
    made.bearer = made.token()[1]["access_token"]
    yield made
    made.control("reset", {})
    made.pool.clear()
