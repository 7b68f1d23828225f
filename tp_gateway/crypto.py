"""Encryption at rest for what must not lie in the store as plain text: client secrets, stored answers,
account numbers. Keys rotate: the first encrypts, all of them decrypt."""

from __future__ import annotations

import hmac
import json
from collections.abc import Sequence
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from tp_gateway.errors import ConfigurationError


class Vault:
    """Seals text and JSON with Fernet (AES-128-CBC with HMAC-SHA256). Keys are url-safe base64, 32 bytes, newest
    first."""

    def __init__(self, keys: Sequence[str]) -> None:
        if not keys:
            raise ConfigurationError("tp_gateway.encryption_keys: at least one key is needed")
        # Not the key itself: what it encrypts with and what it hashes with have nothing to do with each other.
        self._hash_keys = [hmac.digest(key.encode(), b"fingerprint", "sha256") for key in keys]
        try:
            self._fernet, self._newest = MultiFernet([Fernet(key) for key in keys]), Fernet(keys[0])
        except ValueError:
            raise ConfigurationError(
                "tp_gateway.encryption_keys: each must be 32 bytes in url-safe base64 (tp-gateway new-key makes one)"
            ) from None

    def seal(self, text: str) -> str:
        return self._fernet.encrypt(text.encode()).decode("ascii")

    def open(self, sealed: str) -> str:
        return self._fernet.decrypt(sealed.encode("ascii")).decode()

    def renewed(self, sealed: str) -> str | None:
        """The same under the newest key; None if it is that already. ConfigurationError if no key opens it."""
        try:
            self._newest.decrypt(sealed.encode("ascii"))
        except InvalidToken:
            self.require(sealed)
            return self._fernet.rotate(sealed.encode("ascii")).decode("ascii")
        return None

    def require(self, sealed: str) -> None:
        """ConfigurationError if no key opens it."""
        try:
            self.open(sealed)
        except InvalidToken:
            raise ConfigurationError(
                "tp_gateway.encryption_keys: what is in the database was encrypted with another key, which is missing"
            ) from None

    def fingerprint(self, text: str) -> str:
        """A keyed hash (HMAC-SHA256, hexadecimal) under the newest key, for finding what is sealed."""
        return self.fingerprints(text)[0]

    def fingerprints(self, text: str) -> list[str]:
        """The same under every key, the newest first: what is stored may still have an older one's."""
        return [hmac.digest(key, text.encode(), "sha256").hex() for key in self._hash_keys]

    def seal_json(self, value: Any) -> str | None:
        """None and empty containers are stored as NULL: nothing to hide, and no work on the charge path."""
        return self.seal(json.dumps(value, separators=(",", ":"))) if value else None

    def open_json(self, sealed: str | None) -> Any:
        return json.loads(self.open(sealed)) if sealed else {}
