"""PRODA's B2B login of a device: a signed assertion for an access token, kept in memory and renewed early; activating a
device, and putting a new key in the place of the old. It logs nothing and stores nothing.

Public sources: servicesaustralia.gov.au, "Managing B2B devices in PRODA"; several public clients agree on the calls.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tp_gateway.providers.medicare.transports import fields
from tp_gateway.providers.medicare.transports.exchange import Exchange, Reply
from tp_gateway.providers.medicare.transports.fields import Json, Nonsense
from tp_gateway.providers.medicare.transports.results import Message, NotSent, Refused, Unclear
from tp_gateway.providers.medicare.transports.settings import ProdaSettings, rsa_key

T = TypeVar("T")
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ASSERTION_SECONDS = 600
RENEW_BEFORE = 600
"""Seconds before its end that a token is renewed; tokens live an hour."""


@dataclass(frozen=True, slots=True)
class Token:
    """`ends` is on the wall clock, in seconds. `key_expiry` and `device_expiry` are PRODA's own words."""

    value: str = field(repr=False)
    ends: float
    key_expiry: str | None
    device_expiry: str | None


@dataclass(frozen=True, slots=True)
class KeyTaken:
    """PRODA has the key; `expires` is its own word for until when."""

    expires: str | None


class DeviceLogin:
    """One for each device and process; safe for threads. `now` is the wall clock, in seconds."""

    def __init__(self, settings: ProdaSettings, now: Callable[[], float] = time.time) -> None:
        self._settings, self._now = settings, now
        self._key = rsa_key(settings.private_key)
        self._exchange = Exchange(settings.url, settings.connect_timeout, settings.read_timeout)
        self._lock = threading.Lock()
        self._token: Token | None = None

    def __repr__(self) -> str:
        return f"<DeviceLogin {self._settings.device}>"

    def token(self, deadline: float) -> Token | Refused | NotSent | Unclear:
        """The token in use, or a new one when it ends soon. One that still works is good enough when PRODA does not
        give another."""
        if not self._lock.acquire(timeout=max(0.0, min(deadline - time.monotonic(), threading.TIMEOUT_MAX))):
            return NotSent("another thread waits for the token")
        try:
            left = self._token.ends - self._now() if self._token else 0.0
            if self._token and left > RENEW_BEFORE:
                return self._token
            found = self._new_token(deadline)
            if isinstance(found, Token):
                self._token = found
            elif self._token and left > 0:
                return self._token
            return found
        finally:
            self._lock.release()

    def forget(self, token: Token) -> None:
        """It was refused: the next call gets another. Without the lock, which a renewal may hold for long; at worst a
        token that came at this moment is asked for again."""
        if self._token is token:
            self._token = None

    def activate(self, code: str, deadline: float) -> KeyTaken | Refused | NotSent | Unclear:
        """Give a new device its key, with the one-time activation code (good for a day)."""
        body = {"orgId": self._settings.org_id, "otac": code, "key": self._jwk(self._key)}
        return self._put(f"/piaweb/api/b2b/v1/devices/{self._name()}/jwk", body, {}, deadline)

    def refresh_key(self, private_key: str, deadline: float) -> KeyTaken | Refused | NotSent | Unclear:
        """Put the key `private_key` (PEM, see `new_private_key`) in the place of the present one, which lives six
        months. Store it before the call: after an unclear answer either may be the device's, and the one for which
        PRODA gives a token is."""
        new, token = rsa_key(private_key), self.token(deadline)
        if not isinstance(token, Token):
            return token if isinstance(token, Refused) else NotSent("no token")
        path = f"/piaweb/api/b2b/v1/orgs/{quote(self._settings.org_id, safe='')}/devices/{self._name()}/jwk"
        answer = self._put(path, self._jwk(new), {"Authorization": f"Bearer {token.value}"}, deadline)
        if isinstance(answer, KeyTaken):
            with self._lock:
                self._key, self._token = new, None
        return answer

    def _new_token(self, deadline: float) -> Token | Refused | NotSent | Unclear:
        given, now = self._settings, int(self._now())
        claims = {
            "iss": given.org_id,
            "sub": given.device,
            "aud": given.audience,
            "token.aud": given.token_audience,
            "iat": now,
            "exp": now + ASSERTION_SECONDS,
        }
        assertion = jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": given.device})
        form = urlencode({"grant_type": GRANT, "client_id": given.client_id, "assertion": assertion}).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        reply = self._exchange.send("POST", "/mga/sps/oauth/oauth20/token", headers, form, deadline)
        return _read(reply, lambda answer: _token(answer, now))

    def _put(
        self, path: str, body: Json, more: Mapping[str, str], deadline: float
    ) -> KeyTaken | Refused | NotSent | Unclear:
        prefix, given = self._settings.header_prefix, self._settings
        headers = {
            "Content-Type": "application/json",
            f"{prefix}auditId": given.org_id,
            f"{prefix}subjectId": given.device,
            f"{prefix}productId": given.product_id,
            f"{prefix}messageId": f"urn:uuid:{uuid.uuid4()}",
            f"{prefix}correlationId": f"urn:uuid:{uuid.uuid4()}",
            **more,
        }
        reply = self._exchange.send("PUT", path, headers, json.dumps(body).encode(), deadline)
        return _read(reply, lambda answer: KeyTaken(fields.optional(fields.text, answer, "keyExpiry")))

    def _name(self) -> str:
        return quote(self._settings.device, safe="")

    def _jwk(self, key: RSAPrivateKey) -> dict[str, Any]:
        public = jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
        return {
            "kty": "RSA",
            "n": public["n"],
            "e": public["e"],
            "use": "sig",
            "alg": "RS256",
            "kid": self._settings.device,
        }


def new_private_key() -> str:
    """An RSA key for a device, PEM. Secret."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _token(answer: Json, now: int) -> Token:
    seconds = answer.get("expires_in")
    kind = fields.text(answer, "token_type")
    if type(seconds) is not int or not 0 < seconds <= 24 * 3600 or kind.lower() != "bearer":
        raise Nonsense("expires_in or token_type")
    value = fields.text(answer, "access_token", 8192)
    if not value.isascii() or not value.isprintable():
        raise Nonsense("access_token")
    expiry = (fields.optional(fields.text, answer, name) for name in ("key_expiry", "device_expiry"))
    return Token(value, now + seconds, *expiry)


def _read(reply: Reply | NotSent | Unclear, meaning: Callable[[Json], T]) -> T | Refused | NotSent | Unclear:
    """PRODA refuses with `error` (tokens) or with `errors`, each with a `code` (devices); the latter's form is taken
    from one public client."""
    if not isinstance(reply, Reply):
        return reply
    try:
        answer = fields.document(reply.body)
        if reply.status == 200:
            return meaning(answer)
        if reply.status not in (400, 401, 403):
            return Unclear("status", reply.status)
        if "error" in answer:
            return Refused((Message(fields.code(answer, "error"), ""),))
        return Refused(tuple(Message(_dotted(one), "") for one in fields.several(answer, "errors")))
    except Nonsense as error:
        return Unclear(f"nonsense: {error}", reply.status)


def _dotted(holder: Json) -> str:
    """`DE.2` and the like."""
    found = fields.text(holder, "code", 20)
    if not all(fields.is_code(part) for part in found.split(".")):
        raise Nonsense("code")
    return found
