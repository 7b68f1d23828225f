"""What each channel must be told: addresses, identities, secrets. Checked when made, with `ConfigurationError`; a
message names a setting and never its value, and no `repr` shows a secret."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tp_gateway.contract import ConfigurationError
from tp_gateway.providers.medicare.transports.protocol import MINOR_ID

PRODA_AUDIENCE = "https://proda.humanservices.gov.au"
SMALLEST_KEY = 2048
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
_DEVICE = re.compile(r"[A-Za-z0-9_.-]{1,50}", re.ASCII)
_HEADER = re.compile(r"[A-Za-z0-9-]{1,60}", re.ASCII)
_WORD = re.compile(r"[!-~](?:[ -~]{0,498}[!-~])?", re.ASCII)


@dataclass(frozen=True, slots=True)
class ProdaSettings:
    """A B2B device of PRODA (servicesaustralia.gov.au, "Managing B2B devices in PRODA"). `org_id` is the
    organisation's RA number, `token_audience` names the service that the token is for; Medicare's value of it and
    `client_id` are told by Services Australia and are not public. `private_key` is the device's RSA key, PEM."""

    url: str
    org_id: str
    device: str
    client_id: str
    token_audience: str
    product_id: str
    private_key: str = field(repr=False)
    audience: str = PRODA_AUDIENCE
    header_prefix: str = "dhs-"
    connect_timeout: float = 3.0
    read_timeout: float = 20.0

    def __post_init__(self) -> None:
        address("proda_url", self.url)
        if not _DEVICE.fullmatch(self.device):
            raise ConfigurationError("device: letters, digits, underscore, hyphen and dot only")
        names = ("org_id", "client_id", "token_audience", "product_id", "audience")
        words({name: getattr(self, name) for name in names})
        header("header_prefix", self.header_prefix)
        seconds(self.connect_timeout, self.read_timeout)
        rsa_key(self.private_key)


@dataclass(frozen=True, slots=True)
class ServicesAustraliaSettings:
    """`product_id` of `proda` is the product's name and version as on the Notice of Integration. Hosts of production
    are not public; the public test host of the claiming functions ends in `/claiming/ext-vnd`. `prefix` stands before
    each function's path."""

    base_url: str
    minor_id: str
    proda: ProdaSettings
    api_key: str = field(repr=False)
    api_key_header: str = "X-IBM-Client-Id"
    header_prefix: str = "dhs-"
    location_type: str = "Location Id"
    prefix: str = "/mcp"
    connect_timeout: float = 3.0
    read_timeout: float = 30.0

    def __post_init__(self) -> None:
        address("base_url", self.base_url)
        location(self.minor_id)
        words({"api_key": self.api_key, "location_type": self.location_type})
        seconds(self.connect_timeout, self.read_timeout)
        header("api_key_header", self.api_key_header)
        header("header_prefix", self.header_prefix)


@dataclass(frozen=True, slots=True)
class AggregatorSettings:
    """`base_url` with the path that stands before each function's: `https://api.rebateright.com.au/Medicare`."""

    base_url: str
    minor_id: str
    api_key: str = field(repr=False)
    api_key_header: str = "x-api-key"
    minor_id_header: str = "x-minor-id"
    connect_timeout: float = 3.0
    read_timeout: float = 30.0

    def __post_init__(self) -> None:
        address("base_url", self.base_url)
        location(self.minor_id)
        words({"api_key": self.api_key})
        seconds(self.connect_timeout, self.read_timeout)
        header("api_key_header", self.api_key_header)
        header("minor_id_header", self.minor_id_header)


def rsa_key(pem: str) -> RSAPrivateKey:
    """Raises `ConfigurationError`, without any part of the text."""
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError):
        raise ConfigurationError("private_key: not an unencrypted private key in PEM") from None
    if not isinstance(key, RSAPrivateKey) or key.key_size < SMALLEST_KEY:
        raise ConfigurationError(f"private_key: not an RSA key of {SMALLEST_KEY} bits or more")
    return key


def address(name: str, value: str) -> None:
    """https, or http to this machine only."""
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ConfigurationError(f"{name}: not an address") from None
    plain = value.isascii() and value.isprintable() and not set(value) & set(" \\@?#")
    local = parts.scheme == "http" and host in _LOCAL
    if not plain or not host or not (parts.scheme == "https" or local):
        raise ConfigurationError(f"{name}: not an https address (http only for this machine)")


def seconds(connect_timeout: float, read_timeout: float) -> None:
    if not (0 < connect_timeout <= 60 and 0 < read_timeout <= 120):
        raise ConfigurationError("connect_timeout, read_timeout: more than 0, at most 60 and 120 seconds")


def location(minor_id: str) -> None:
    if not MINOR_ID.fullmatch(minor_id):
        raise ConfigurationError("minor_id: 8 capital letters and digits")


def header(name: str, value: str) -> None:
    if not _HEADER.fullmatch(value):
        raise ConfigurationError(f"{name}: not a header's name")


def words(named: dict[str, str]) -> None:
    """What goes into a header or a claim: visible ASCII on one line."""
    for name, value in named.items():
        if not _WORD.fullmatch(value):
            raise ConfigurationError(f"{name}: missing, or not one line of visible characters")
