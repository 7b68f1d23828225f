"""PRODA's part: devices with activation codes and keys, and tokens for assertions that were signed by them. Assertions
are judged by real time, because a caller cannot know the sandbox's moved clock; tokens and keys end by the latter.

Public sources: servicesaustralia.gov.au, "Managing B2B devices in PRODA", and public clients that agree on the calls.
"""

import json
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import jwt

from sandbox.medicare.books import Books
from sandbox.medicare.clock import DAY, Clock
from sandbox.medicare.wire import Answer, Request

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
AUDIENCE = "https://proda.humanservices.gov.au"
TOKEN_SECONDS = 3600
LONGEST_ASSERTION = 3600
CODE_LIVES, KEY_LIVES = DAY, 182 * DAY
TOKEN_PATH = "/mga/sps/oauth/oauth20/token"
HEADERS = ("dhs-auditid", "dhs-subjectid", "dhs-productid", "dhs-messageid", "dhs-correlationid")
DEVICES = "/piaweb/api/b2b/v1/"


class ProdaError(Exception):
    """One of `errors` of the device calls."""


@dataclass
class Device:
    org: str
    name: str
    code: str | None
    code_ends: float
    jwk: dict[str, Any] | None = None
    key_ends: float = 0.0


class Proda:
    def __init__(self, books: Books, clock: Clock, client_id: str, token_audience: str) -> None:
        self.books, self.clock = books, clock
        self.client_id, self.token_audience = client_id, token_audience
        self.devices: dict[str, Device] = {}
        self.tokens: dict[str, tuple[str, float]] = {}  # token -> device, end

    def register(self, org: str, device: str, code: str | None = None) -> Device:
        """A device as an organisation's administrator adds it in PRODA."""
        found = Device(org, device, code or secrets.token_hex(5), self.clock.now() + CODE_LIVES)
        self.devices[device] = found
        return found

    def is_valid(self, authorization: str) -> bool:
        kind, _, token = authorization.partition(" ")
        return kind == "Bearer" and self.tokens.get(token, ("", 0.0))[1] > self.clock.now()

    def token(self, request: Request) -> Answer:
        form = dict(parse_qsl(request.body.decode("utf-8", "replace")))
        if form.get("grant_type") != GRANT:
            return _no("unsupported_grant_type")
        if form.get("client_id") != self.client_id:
            return _no("invalid_client")
        try:
            device = self._signed_by(form.get("assertion", ""))
        except jwt.PyJWTError:
            return _no("mapping_error")
        if device is None or device.key_ends <= self.clock.now():
            return _no("device_error")
        token = secrets.token_urlsafe(32)
        self.tokens[token] = (device.name, self.clock.now() + TOKEN_SECONDS)
        self.books.tokens_given += 1
        ends = _day(device.key_ends)
        return Answer(
            200,
            {
                "access_token": token,
                "token_type": "bearer",
                "expires_in": TOKEN_SECONDS,
                "key_expiry": ends,
                "device_expiry": ends,
                "scope": "",
            },
        )

    def _signed_by(self, assertion: str) -> Device | None:
        """The device, None when there is none with a key. Raises `jwt.PyJWTError` for everything else that is wrong."""
        device = self.devices.get(str(jwt.get_unverified_header(assertion).get("kid")))
        if device is None or device.jwk is None:
            return None
        claims = jwt.decode(
            assertion,
            jwt.PyJWK(device.jwk).key,
            algorithms=["RS256"],
            audience=AUDIENCE,
            issuer=device.org,
            options={"require": ["iss", "sub", "aud", "iat", "exp"]},
        )
        if claims["sub"] != device.name or claims.get("token.aud") != self.token_audience:
            raise jwt.InvalidTokenError("sub or token.aud")
        if claims["exp"] - claims["iat"] > LONGEST_ASSERTION:
            raise jwt.InvalidTokenError("lives too long")
        return device

    def device_call(self, request: Request) -> Answer:
        """`devices/{device}/jwk` activates, `orgs/{org}/devices/{device}/jwk` refreshes."""
        parts = request.path.removeprefix(DEVICES).split("/")
        try:
            if not all(request.headers.get(name) for name in HEADERS):
                raise ProdaError("111")
            match parts:
                case ["devices", name, "jwk"]:
                    return self._activate(name, request.json())
                case ["orgs", org, "devices", name, "jwk"]:
                    return self._refresh(org, name, request)
        except (ProdaError, ValueError) as error:
            code = str(error) if isinstance(error, ProdaError) else "111"
            return Answer(400, {"errors": [{"code": code, "message": "refused"}]})
        return Answer(404, {"errors": [{"code": "111", "message": "no such path"}]})

    def _activate(self, name: str, body: dict[str, Any]) -> Answer:
        device = self._known(body.get("orgId"), name)
        if device.code is None:
            raise ProdaError("DE.5")
        if body.get("otac") != device.code or device.code_ends <= self.clock.now():
            raise ProdaError("DE.7")
        answer = self._take(device, body.get("key"))
        device.code = None
        return answer

    def _refresh(self, org: str, name: str, request: Request) -> Answer:
        authorization = request.headers.get("authorization", "")
        if not self.is_valid(authorization) or self.tokens[authorization.partition(" ")[2]][0] != name:
            return Answer(401, {"error": "invalid_token"})
        return self._take(self._known(org, name), request.json())

    def _known(self, org: object, name: str) -> Device:
        if all(device.org != org for device in self.devices.values()):
            raise ProdaError("DE.2")
        device = self.devices.get(name)
        if device is None or device.org != org:
            raise ProdaError("DE.4")
        return device

    def _take(self, device: Device, jwk: Any) -> Answer:
        if not isinstance(jwk, dict) or "d" in jwk:
            raise ProdaError("JWK.1")
        if (jwk.get("kty"), jwk.get("use"), jwk.get("alg"), jwk.get("kid")) != ("RSA", "sig", "RS256", device.name):
            raise ProdaError("JWK.2")
        if device.jwk and device.jwk.get("n") == jwk.get("n"):
            raise ProdaError("JWK.8")
        try:
            jwt.PyJWK(jwk)
        except jwt.PyJWTError:
            raise ProdaError("JWK.9") from None
        device.jwk, device.key_ends = json.loads(json.dumps(jwk)), self.clock.now() + KEY_LIVES
        answer = {"orgId": device.org, "deviceName": device.name, "deviceStatus": "ACTIVE", "keyStatus": "ACTIVE"}
        return Answer(200, answer | {"keyExpiry": _day(device.key_ends), "deviceExpiry": _day(device.key_ends)})


def _no(error: str) -> Answer:
    return Answer(400, {"error": error, "error_description": "refused"})


def _day(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).date().isoformat()
