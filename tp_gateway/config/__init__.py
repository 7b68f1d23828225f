"""ini and environment -> one frozen `Settings`. A missing or unsafe value refuses to start, naming the setting and
never its value.

Any `tp_gateway.a.b` of the ini can be given as the environment variable `TP_GATEWAY_A_B`, a provider's
`tp_gateway.<slug>.<name>` as `<SLUG>_<NAME>`, and the database as `DATABASE_URL`. The environment wins.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tp_gateway import money
from tp_gateway.config.notifications import MailSettings, NotificationSettings, read_mail, read_notifications
from tp_gateway.config.reader import PREFIX, Reader
from tp_gateway.errors import ConfigurationError
from tp_gateway.timing import Timing

DEVELOPMENT_MARK = "development-only"
"""Stands in every secret of development.ini; production refuses a secret that contains it."""
_OFF = ("", "0", "false", "no", "off")
_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(?::[0-9]{1,5})?", re.ASCII)
_SYMMETRIC, _ASYMMETRIC = ("HS256",), ("RS256", "ES256", "EdDSA")


@dataclass(frozen=True)
class TokenSettings:
    """How access tokens are checked. `key` is the shared secret (HS256) or the public key's PEM; `jwks` is a key
    set's JSON."""

    algorithm: str
    key: str = field(repr=False)
    jwks: str = field(repr=False)
    issuer: str | None
    audience: str | None
    role_claim: str | None
    service_key: str = field(repr=False)
    leeway: int


@dataclass(frozen=True)
class RateLimitSettings:
    """Limits as the library `limits` writes them (`10/minute`), or `off`. `storage` can hold a password."""

    payments: str
    declines: str
    declines_per_address: str
    storage: str = field(repr=False)


@dataclass(frozen=True)
class AccountingSettings:
    """The clinic's accounting `software` (xero or myob); `accounts` are words such as `clearing:stripe=615`."""

    software: str
    accounts: tuple[str, ...]
    income_tax_code: str | None
    other_tax_code: str | None


@dataclass(frozen=True)
class Settings:
    environment: str
    production: bool
    database_url: str = field(repr=False)
    database_pool: int
    database_busy_seconds: float
    statement_bytes: int
    encryption_keys: tuple[str, ...] = field(repr=False)
    tokens: TokenSettings
    timing: Timing
    providers: tuple[str, ...]
    provider_lanes: int
    provider_waiting: int
    provider_calls_per_second: float
    breaker_failures: int
    breaker_seconds: float
    rate_limits: RateLimitSettings
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...]
    cors_origins: tuple[str, ...]
    time_zone: ZoneInfo
    currency: str
    accounting: AccountingSettings
    font_folders: tuple[Path, ...]
    strict_identifiers: bool
    notifications: NotificationSettings
    mail: MailSettings | None
    worker: str
    log_level: str
    _ini: Mapping[str, str] = field(repr=False, default_factory=dict)
    _environ: Mapping[str, str] = field(repr=False, default_factory=dict)

    def provider_section(self, slug: str, names: Iterable[str]) -> dict[str, str]:
        """`tp_gateway.<slug>.*` of the ini, with what the environment gives for the names in the provider's schema.
        Blank is not set, as everywhere."""
        prefix = f"{PREFIX}{slug}."
        section = {key.removeprefix(prefix): value for key, value in self._ini.items() if key.startswith(prefix)}
        for name in names:
            given = self._environ.get(f"{slug}_{name}".upper())
            if given is not None:
                section[name] = given
        return {name: value for name, value in section.items() if value.strip()}


def load(ini: Mapping[str, str], environ: Mapping[str, str] | None = None) -> Settings:
    """Read and check everything. ConfigurationError for the first thing that is wrong."""
    environ = os.environ if environ is None else environ
    read = Reader(ini, environ)
    production = read.choice("mode", ("development", "production"), "production") == "production"
    settings = Settings(
        environment=read.text("environment"),
        production=production,
        database_url=environ.get("DATABASE_URL") or read.text("database_url"),
        database_pool=read.integer("database_pool", 8, 1),
        database_busy_seconds=read.seconds("database_busy_seconds", 5),
        statement_bytes=read.integer("statement_megabytes", 100, 1) << 20,
        encryption_keys=tuple(read.words("encryption_keys")),
        tokens=_tokens(read),
        timing=_timing(read),
        providers=tuple(read.words("providers")),
        provider_lanes=read.integer("provider_lanes", 12, 1),
        provider_waiting=read.integer("provider_waiting", 2, 0),
        provider_calls_per_second=read.seconds("sweep_calls_per_second", 5),
        breaker_failures=read.integer("breaker_failures", 5, 1),
        breaker_seconds=read.seconds("breaker_seconds", 30),
        rate_limits=_rate_limits(read),
        trusted_proxies=_networks(read.words("trusted_proxies")),
        cors_origins=_origins(read.words("cors_origins")),
        time_zone=_zone(read.text("time_zone", "Australia/Melbourne")),
        currency=_currency(read.text("currency", "AUD")),
        accounting=AccountingSettings(
            software=read.choice("accounting.software", ("xero", "myob"), "xero"),
            accounts=tuple(read.words("accounting.accounts")),
            income_tax_code=read.find("accounting.income_tax_code"),
            other_tax_code=read.find("accounting.other_tax_code"),
        ),
        strict_identifiers=read.choice("identifier_checks", ("warn", "refuse"), "warn") == "refuse",
        notifications=read_notifications(read, production),
        mail=read_mail(read, production),
        font_folders=_folders(read.words("documents.fonts")),
        worker=read.choice("worker", ("embedded", "separate"), "embedded"),
        log_level=read.choice("log_level", ("debug", "info", "warning", "error"), "info"),
        _ini=dict(ini),
        _environ=dict(environ),
    )
    if not settings.encryption_keys:
        raise ConfigurationError("tp_gateway.encryption_keys is not set (tp-gateway new-key makes one)")
    if not settings.providers:
        raise ConfigurationError("tp_gateway.providers is empty: name at least one installed provider")
    if production:
        _refuse_unsafe(settings, ini, environ)
    return settings


def _tokens(read: Reader) -> TokenSettings:
    algorithm = read.choice("jwt.algorithm", _SYMMETRIC + _ASYMMETRIC, "HS256")
    key, jwks = read.find("jwt.key") or "", _file(read.find("jwt.jwks_file"))
    if algorithm in _ASYMMETRIC:
        key = _file(read.find("jwt.public_key_file"))
        if bool(key) == bool(jwks):
            raise ConfigurationError(
                f"tp_gateway.jwt.algorithm = {algorithm} needs jwt.public_key_file or jwt.jwks_file"
            )
    elif not key:
        raise ConfigurationError("tp_gateway.jwt.key is not set (nor TP_GATEWAY_JWT_KEY in the environment)")
    elif len(key.encode()) < 32 or len(set(key)) < 10:
        raise ConfigurationError(
            "tp_gateway.jwt.key must have at least 32 bytes (RFC 7518, section 3.2), not a few repeated"
        )
    service_key = read.text("service.key")
    if len(service_key.encode()) < 32:
        raise ConfigurationError("tp_gateway.service.key must have at least 32 bytes")
    if service_key == key:
        raise ConfigurationError("tp_gateway.service.key must differ from tp_gateway.jwt.key")
    return TokenSettings(
        algorithm=algorithm,
        key=key,
        jwks=jwks,
        issuer=read.find("jwt.issuer"),
        audience=read.find("jwt.audience"),
        role_claim=read.find("jwt.role_claim"),
        service_key=service_key,
        leeway=min(30, read.integer("jwt.leeway", 5, 0)),
    )


def _timing(read: Reader) -> Timing:
    timing = Timing(**{name: read.seconds(f"timing.{name}", default) for name, default in Timing.defaults().items()})
    if timing.lease <= timing.prepare + timing.execute + timing.fetch:
        raise ConfigurationError(
            "tp_gateway.timing.lease must be longer than timing.prepare + execute + fetch together"
        )
    return timing


def _rate_limits(read: Reader) -> RateLimitSettings:
    return RateLimitSettings(
        payments=read.text("rate_limits.payments", "10/minute"),
        declines=read.text("rate_limits.declines", "5/hour"),
        declines_per_address=read.text("rate_limits.declines_per_address", "20/hour"),
        storage=read.text("rate_limits.storage", "memory://"),
    )


def _networks(words: list[str]) -> tuple[IPv4Network | IPv6Network, ...]:
    try:
        return tuple(ip_network(word) for word in words)
    except ValueError:
        raise ConfigurationError(
            "tp_gateway.trusted_proxies must be addresses or networks such as 10.0.0.0/8"
        ) from None


def _file(path: str | None) -> str:
    if not path:
        return ""
    try:
        return Path(path).read_text("utf-8")
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path} is not a text file") from None


def _origins(words: list[str]) -> tuple[str, ...]:
    for origin in words:
        if not _ORIGIN.fullmatch(origin):
            raise ConfigurationError(
                f"tp_gateway.cors_origins: {origin} is not an origin such as https://clinic.example"
            )
    return tuple(words)


def _folders(words: list[str]) -> tuple[Path, ...]:
    for word in words:
        if not Path(word).is_dir():
            raise ConfigurationError(f"tp_gateway.documents.fonts: {word} is not a folder")
    return tuple(map(Path, words))


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise ConfigurationError(f"tp_gateway.time_zone: {name} is not a known time zone") from None


def _currency(code: str) -> str:
    if not money.is_currency(code):
        raise ConfigurationError(f"tp_gateway.currency: {code} is not an ISO 4217 code")
    return code


def _refuse_unsafe(settings: Settings, ini: Mapping[str, str], environ: Mapping[str, str]) -> None:
    secrets = [("jwt.key", settings.tokens.key), ("service.key", settings.tokens.service_key)]
    secrets += [("encryption_keys", _decoded(key)) for key in settings.encryption_keys]
    for name, value in secrets:
        if DEVELOPMENT_MARK in value:
            raise ConfigurationError(f"{PREFIX}{name} is the development key: production needs one of its own")
    if settings.tokens.key.startswith("django-insecure-"):
        raise ConfigurationError(f"{PREFIX}jwt.key is the key of a Django project that was never deployed")
    switches = [*ini.items(), *((name, value) for name, value in environ.items() if name.startswith("PYRAMID_"))]
    for name, value in switches:
        spelled = name.lower().replace("_", ".")
        debugging = spelled.startswith(("pyramid.debug", "pyramid.reload")) or spelled == "debug"
        if (debugging and value.strip().lower() not in _OFF) or "debugtoolbar" in value:
            raise ConfigurationError(f"{name} switches debugging on: remove it in production")


def _decoded(key: str) -> str:
    try:
        return base64.urlsafe_b64decode(key).decode("ascii", "ignore")
    except (binascii.Error, ValueError):
        return ""
