"""Who is calling: a verified token becomes an `Identity`, and one table says which role may do what. Knows no web
framework."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import jwt
from jwt.utils import base64url_decode

from tp_gateway.errors import ConfigurationError, GatewayError

PATIENT, PSYCHOLOGIST, MANAGER, ADMIN, SERVICE = "patient", "psychologist", "practice_manager", "admin", "service"
ROLES = (PATIENT, PSYCHOLOGIST, MANAGER, ADMIN, SERVICE)
STAFF = (MANAGER, ADMIN)

PERMISSIONS: dict[str, tuple[str, ...]] = {
    "pay": (PATIENT,),
    "pay_invoice": (PATIENT, *STAFF),
    "see_invoices": (PATIENT, *STAFF),
    "make_invoices": STAFF,
    "change_invoices": STAFF,
    "confirm_payment": (PATIENT,),
    "own_methods": (PATIENT,),
    "see_payments": (PATIENT, *STAFF),
    "cancel_payment": (PATIENT, *STAFF),
    "refund": STAFF,
    "capture": STAFF,
    "give_evidence": STAFF,
    "claim_rebate": (PATIENT, *STAFF),
    "see_disputes": STAFF,
    "reopen_dispute": STAFF,
    "see_takings": STAFF,
    "see_remittances": STAFF,
    "see_statements": STAFF,
    "import_statement": STAFF,
    "match_statement": STAFF,
    "see_providers": (PATIENT, PSYCHOLOGIST, *STAFF),
    "see_settings": (ADMIN,),
    "change_settings": (ADMIN,),
    "push_practice": (SERVICE,),
    "see_analytics": (ADMIN,),
}
"""Permission -> roles. The routes name permissions; nothing else decides about roles."""

SERVICE_AUDIENCE = "tp-gateway-service"
_USER_ID = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)
_LONGEST_TOKEN = 8192


@dataclass(frozen=True, slots=True)
class Identity:
    """`role` is None until the practice directory was asked: SimpleJWT tokens name no role. `user_id` is None for a
    service."""

    user_id: int | None
    role: str | None
    name: str = ""

    @property
    def actor(self) -> str:
        """How the history names this caller."""
        return f"user:{self.user_id}" if self.user_id is not None else f"service:{self.name}"

    @property
    def is_staff(self) -> bool:
        return self.role in STAFF


def permits(role: str | None, permission: str) -> bool:
    return role in PERMISSIONS[permission]


class TokenVerifier:
    """Access tokens of the clinic's backend (SimpleJWT as issued), and the gateway's own service tokens.

    `key` is the shared secret or public key; with `jwks` (a JSON Web Key Set) the token's `kid` chooses.
    """

    def __init__(
        self,
        *,
        algorithm: str,
        key: str,
        service_key: str,
        jwks: str = "",
        issuer: str | None = None,
        audience: str | None = None,
        role_claim: str | None = None,
        leeway: int = 5,
    ) -> None:
        self._algorithm, self._key, self._service_key = algorithm, key, service_key
        self._keys = _key_set(jwks) if jwks else None
        if self._keys is None and algorithm != "HS256":
            _require_public_key(algorithm, key)
        self._issuer, self._audience, self._role_claim, self._leeway = issuer, audience, role_claim, leeway

    def verify(self, token: str) -> Identity:
        """GatewayError `token_expired` or `token_invalid`."""
        try:
            if not token.isascii() or len(token) > _LONGEST_TOKEN:
                raise jwt.InvalidTokenError("size or characters")
            if self._is_for_services(token):
                return self._service(token)
            claims = self._decode(token, self._signing_key(token), self._algorithm, self._issuer, self._audience)
            return self._user(claims)
        except jwt.ExpiredSignatureError:
            raise GatewayError("token_expired", "Log in again") from None
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError, LookupError, RecursionError):
            raise GatewayError("token_invalid", "The access token is not valid") from None

    def mint_service_token(self, name: str, valid_for: timedelta, now: datetime | None = None) -> str:
        """A token with role `service` for a machine called `name`."""
        now = now or datetime.now(UTC)
        claims = {
            "token_type": "access",
            "aud": SERVICE_AUDIENCE,
            "sub": name,
            "jti": uuid4().hex,
            "iat": int(now.timestamp()),
            "exp": int((now + valid_for).timestamp()),
        }
        return jwt.encode(claims, self._service_key, "HS256")

    def _is_for_services(self, token: str) -> bool:
        # Only chooses the key to verify with; nothing of it is believed before the signature is.
        claims = json.loads(base64url_decode(token.split(".")[1]))
        return isinstance(claims, dict) and claims.get("aud") == SERVICE_AUDIENCE

    def _signing_key(self, token: str) -> Any:
        if self._keys is None:
            return self._key
        kid = jwt.get_unverified_header(token).get("kid")
        for key in self._keys.keys:
            if key.key_id == kid:
                return key.key
        raise jwt.InvalidTokenError("unknown kid")

    def _decode(self, token: str, key: Any, algorithm: str, issuer: str | None, audience: str | None) -> dict[str, Any]:
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            issuer=issuer,
            audience=audience,
            leeway=self._leeway,
            options={"require": ["exp", "iat", "jti"], "verify_aud": audience is not None},
        )
        if claims.get("token_type") != "access":
            raise jwt.InvalidTokenError("not an access token")
        if type(claims["exp"]) not in (int, float) or type(claims["iat"]) not in (int, float):
            raise jwt.InvalidTokenError("exp and iat must be numbers")
        return claims

    def _service(self, token: str) -> Identity:
        claims = self._decode(token, self._service_key, "HS256", None, SERVICE_AUDIENCE)
        name = claims.get("sub")
        if not isinstance(name, str) or not name:
            raise jwt.InvalidTokenError("no name")
        return Identity(user_id=None, role=SERVICE, name=name)

    def _user(self, claims: dict[str, Any]) -> Identity:
        user_id = claims.get("user_id")
        if type(user_id) is int:
            user_id = str(user_id)
        if not isinstance(user_id, str) or not _USER_ID.fullmatch(user_id) or int(user_id) >= 2**63:
            raise jwt.InvalidTokenError("user_id")
        role = claims.get(self._role_claim) if self._role_claim else None
        if self._role_claim and (role not in ROLES or role == SERVICE):
            raise jwt.InvalidTokenError("role")
        return Identity(user_id=int(user_id), role=role)


def _require_public_key(algorithm: str, key: str) -> None:
    """A key that cannot be read would answer 401 to everybody; better not to start."""
    try:
        jwt.get_algorithm_by_name(algorithm).prepare_key(key)
    except (ValueError, TypeError, jwt.PyJWTError):
        raise ConfigurationError(f"tp_gateway.jwt.public_key_file holds no {algorithm} public key") from None


def _key_set(jwks: str) -> jwt.PyJWKSet:
    try:
        return jwt.PyJWKSet.from_dict(json.loads(jwks))
    except (ValueError, TypeError, AttributeError, jwt.PyJWTError):
        raise ConfigurationError("tp_gateway.jwt.jwks_file is not a JSON Web Key Set") from None
