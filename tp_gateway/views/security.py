"""Pyramid's security policy on top of `identity`: a Bearer token becomes an `Identity`, the practice directory confirms
it, and the view's permission is looked up in one table. `request.identity` is the caller, once that was granted."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from pyramid.config import Configurator
from pyramid.interfaces import ISecurityPolicy
from pyramid.security import Allowed
from zope.interface import implementer

from tp_gateway.errors import GatewayError
from tp_gateway.identity import Identity, TokenVerifier, permits

NOBODY = "nobody"
"""The default permission: a view that forgets to name one is closed, not open."""

_BEARER = re.compile(r"Bearer ([A-Za-z0-9._~+/=-]+)")
_CHECKED_BY_SERVICE = frozenset({"pay", "pay_invoice"})
"""The charge path checks the directory within its own first statement; a look-up here would be a second one."""


@implementer(ISecurityPolicy)
class TokenSecurityPolicy:
    def __init__(self, verifier: TokenVerifier) -> None:
        self._verifier = verifier

    def permits(self, request: Any, _context: Any, permission: str) -> Allowed:
        """Raises the refusal itself, which says more than a denial: 401 for who, 403 for what."""
        who = self._verifier.verify(_token(request))
        request.environ["tp_gateway.actor"] = who.actor
        if who.user_id is not None and not (who.role is not None and permission in _CHECKED_BY_SERVICE):
            who = _confirmed(request, who)
        if permission == NOBODY or not permits(who.role, permission):
            raise GatewayError("permission_denied")
        request.environ["tp_gateway.identity"] = who
        return Allowed("role %s", who.role)

    def identity(self, request: Any) -> Identity | None:
        who: Identity | None = request.environ.get("tp_gateway.identity")
        return who

    def authenticated_userid(self, request: Any) -> str | None:
        who = self.identity(request)
        return who.actor if who else None

    def remember(self, request: Any, userid: str, **kw: Any) -> list[tuple[str, str]]:
        return []

    def forget(self, request: Any, **kw: Any) -> list[tuple[str, str]]:
        return []


def _token(request: Any) -> str:
    header = request.environ.get("HTTP_AUTHORIZATION", "")
    if not header:
        raise GatewayError("not_authenticated")
    found = _BEARER.fullmatch(header)
    if not found:
        raise GatewayError("token_invalid", "Send exactly one token: Authorization: Bearer <token>")
    return found[1]


def _confirmed(request: Any, who: Identity) -> Identity:
    """The directory's word beats the token's at once: a role that was taken away, an account that was closed."""
    user = request.gateway.practice.find_user(who.user_id)
    if user is None or not user.active:
        raise GatewayError("not_authenticated", "This account is not known here, or not active")
    return replace(who, role=user.role)


def includeme(config: Configurator) -> None:
    config.set_security_policy(TokenSecurityPolicy(config.registry["verifier"]))
    config.set_default_permission(NOBODY)
