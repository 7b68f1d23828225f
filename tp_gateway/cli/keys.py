"""Tokens and keys: made, and what they encrypt renewed."""

from __future__ import annotations

import argparse
import base64
import secrets
import time
from datetime import timedelta
from uuid import uuid4

import jwt
from cryptography.fernet import Fernet

import tp_gateway
from tp_gateway import config
from tp_gateway.cli.commands import Add, days, settings_of
from tp_gateway.crypto import Vault
from tp_gateway.errors import ConfigurationError
from tp_gateway.identity import ROLES, SERVICE
from tp_gateway.services import rotation


def add(command: Add) -> None:
    token = command("token", _token, "make an access token for another service")
    token.add_argument("name", nargs="?", help="the service's name, as the history will show it")
    token.add_argument("--days", type=days, default=90, help="how long it is valid (default 90)")
    token.add_argument("--user", type=int, metavar="ID", help="instead: a user's token, in development only")
    token.add_argument(
        "--role", choices=[role for role in ROLES if role != SERVICE], help="role claim of the user's token"
    )
    key = command("new-key", _new_key, "make a key for tp_gateway.encryption_keys")
    key.add_argument("--webhook", action="store_true", help="instead: a secret for webhooks to the clinic's backend")
    key.add_argument("--secret", action="store_true", help="instead: a random secret, as for tp_gateway.service.key")
    keys = command("keys", _rotate_keys, "keys rotate: encrypt what is stored anew, with the first encryption key")
    keys.add_argument(
        "what", choices=["rotate"], help="encrypt everything with the first of tp_gateway.encryption_keys"
    )


def _token(given: argparse.Namespace) -> int:
    if (given.name is None) == (given.user is None) or (given.role and given.user is None):
        raise ConfigurationError(
            "token: give the service's NAME, or --user ID with an optional --role, and a number of --days"
        )
    settings = settings_of(given)
    if given.name is not None:
        print(tp_gateway.make_verifier(settings).mint_service_token(given.name, timedelta(days=given.days)))
        return 0
    if settings.production or settings.tokens.algorithm != "HS256":
        raise ConfigurationError(
            "token --user works in development mode with HS256 only: users' tokens come from their login"
        )
    print(_user_token(settings.tokens, given.user, given.role, given.days))
    return 0


def _user_token(tokens: config.TokenSettings, user_id: int, role: str | None, days: int) -> str:
    """As djangorestframework-simplejwt issues them."""
    now = int(time.time())
    claims = {
        "token_type": "access",
        "exp": now + days * 86_400,
        "iat": now,
        "jti": uuid4().hex,
        "user_id": str(user_id),
    }
    claims |= {name: value for name, value in (("iss", tokens.issuer), ("aud", tokens.audience)) if value}
    if role is not None or tokens.role_claim:
        claims[tokens.role_claim or "role"] = role or "patient"
    return jwt.encode(claims, tokens.key, "HS256")


def _new_key(given: argparse.Namespace) -> int:
    if given.webhook:
        print(f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode('ascii')}")
        return 0
    print(secrets.token_urlsafe(48) if given.secret else Fernet.generate_key().decode("ascii"))
    return 0


def _rotate_keys(given: argparse.Namespace) -> int:
    settings = settings_of(given)
    found = tp_gateway.make_database(settings)
    try:
        renewed = rotation.renew(found, Vault(settings.encryption_keys))
    finally:
        found.dispose()
    print(f"{renewed} values were encrypted anew. The keys behind the first one are no longer needed.")
    return 0
