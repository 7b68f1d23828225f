"""What an operator may set (`tp_gateway.medicare.*`): how claims get to Medicare, who bills, and which rules refuse or
only warn. No message contains a value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import colander

from tp_gateway.contract import ConfigurationError, Environment, fields
from tp_gateway.providers.medicare.identifiers import InvalidIdentifier, provider_number
from tp_gateway.providers.medicare.limits import FindingCode, Policy, Severity
from tp_gateway.providers.medicare.transports import (
    Aggregator,
    AggregatorSettings,
    ProdaSettings,
    ServicesAustralia,
    ServicesAustraliaSettings,
    Transport,
)
from tp_gateway.providers.medicare.transports.proda import new_private_key
from tp_gateway.providers.medicare.transports.protocol import MINOR_ID

BY_HAND = "manual"
_TRANSPORTS = (BY_HAND, "services_australia", "aggregator")
_SEVERITIES = [str(severity) for severity in Severity]
_WHO = re.compile(r"([1-9][0-9]{0,18})(?:/([a-z0-9_-]{1,32}))?", re.ASCII)
_SESSIONS = (
    FindingCode.INDIVIDUAL_SESSIONS_USED,
    FindingCode.GROUP_SESSIONS_USED,
    FindingCode.FAMILY_CARER_SESSIONS_USED,
    FindingCode.COURSE_USED,
)
_LOCAL = ("localhost", "127.0.0.1", "::1")


class Number(colander.SchemaType):
    """A whole number of an ini."""

    def deserialize(self, node: colander.SchemaNode, cstruct: Any) -> Any:
        if cstruct is colander.null:
            return colander.null
        if not re.fullmatch(r"[0-9]{1,4}", str(cstruct), re.ASCII):
            raise colander.Invalid(node, "Not a whole number")
        return int(cstruct)


def _text(missing: str = "", **more: Any) -> colander.SchemaNode:
    return colander.SchemaNode(fields.Text(), missing=missing, **more)


def _choice(*choices: str) -> colander.SchemaNode:
    """The first is the default."""
    return colander.SchemaNode(fields.Text(), missing=choices[0], validator=colander.OneOf(choices))


class Settings(fields.Schema):
    transport = _choice(*_TRANSPORTS)
    base_url = _text()
    minor_id = _text("MANUAL00", validator=colander.Regex(MINOR_ID.pattern + r"\Z", "Not 8 capital letters and digits"))
    api_key = _text(secret=True)
    api_key_header = _text()
    read_timeout = colander.SchemaNode(Number(), missing=30, validator=colander.Range(1, 120))
    proda_url = _text("https://proda.humanservices.gov.au")
    org_id = _text()
    device = _text()
    client_id = _text()
    token_audience = _text()
    product_id = _text("TP Gateway 0.1")
    private_key_file = _text()
    provider_numbers = _text()
    payee_number = _text()
    items_file = _text()
    session_limits = _choice(*_SEVERITIES)
    late_lodgement = _choice(*reversed(_SEVERITIES))
    consent_days = colander.SchemaNode(Number(), missing=30, validator=colander.Range(1, 365))


def transport(settings: Mapping[str, Any], environment: Environment) -> Transport | None:
    """None: staff lodge by hand. ConfigurationError names the setting that is missing or wrong."""
    kind, base = settings["transport"], settings["base_url"].rstrip("/")
    if kind == BY_HAND:
        return None
    if environment.production and urlsplit(base).hostname in _LOCAL:
        raise _wrong("base_url", "a stand-in is refused in production")
    common: dict[str, Any] = {"base_url": base, "minor_id": settings["minor_id"], "api_key": settings["api_key"]}
    common["read_timeout"] = float(settings["read_timeout"])
    if settings["api_key_header"]:
        common["api_key_header"] = settings["api_key_header"]
    if kind == "aggregator":
        return Aggregator(AggregatorSettings(**common))
    names = ("org_id", "device", "client_id", "token_audience", "product_id")
    key = private_key(settings)
    proda = ProdaSettings(url=settings["proda_url"], private_key=key, **{name: settings[name] for name in names})
    return ServicesAustralia(ServicesAustraliaSettings(proda=proda, **common))


def private_key(settings: Mapping[str, Any]) -> str:
    """The device's key (PEM). ConfigurationError."""
    try:
        return Path(settings["private_key_file"]).read_text("ascii")
    except (OSError, ValueError):
        raise _wrong("private_key_file", "cannot be read; it holds the key of the PRODA device (PEM)") from None


def make_key_file(path: Path) -> None:
    """A new key for a device, readable by its owner only. FileExistsError rather than losing one that is in use."""
    path.touch(mode=0o600, exist_ok=False)
    path.write_text(new_private_key(), "ascii")


def policy(settings: Mapping[str, Any], zone: ZoneInfo) -> Policy:
    severities = dict.fromkeys(_SESSIONS, Severity(settings["session_limits"]))
    severities[FindingCode.TOO_LATE] = Severity(settings["late_lodgement"])
    return Policy(zone, severities=severities)


def numbers(settings: Mapping[str, Any]) -> dict[tuple[int, str], str]:
    """(practitioner, location) -> provider number; the location is "" where the setting names none.
    ConfigurationError."""
    found: dict[tuple[int, str], str] = {}
    for word in settings["provider_numbers"].split():
        who, _, number = word.partition(":")
        named = _WHO.fullmatch(who)
        try:
            if named is None or (int(named[1]), named[2] or "") in found:
                raise InvalidIdentifier
            found[int(named[1]), named[2] or ""] = provider_number(number)
        except InvalidIdentifier:
            text = (
                "words such as 7:2447781L or 7/city:2426591T, each practitioner and location once, right check digits"
            )
            raise _wrong("provider_numbers", text) from None
    return found


def payee(settings: Mapping[str, Any]) -> str | None:
    """ConfigurationError."""
    try:
        return provider_number(settings["payee_number"]) if settings["payee_number"] else None
    except InvalidIdentifier as error:
        raise _wrong("payee_number", str(error)) from None


def _wrong(name: str, problem: str) -> ConfigurationError:
    return ConfigurationError(f"tp_gateway.medicare.{name}: {problem}")
