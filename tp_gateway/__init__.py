"""TP Gateway: assembly, as a flat list. `main` is what an ini file starts; it opens no port and starts no thread."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tp_gateway.config import Settings
    from tp_gateway.database import Database
    from tp_gateway.identity import TokenVerifier
    from tp_gateway.rate_limits import RateLimits
    from tp_gateway.registry import Registry
    from tp_gateway.services import Gateway


def main(global_config: dict[str, str], **ini: str) -> Any:
    """The WSGI application of an ini file (`use = egg:tp-gateway`). What is wrong with it is told in one line."""
    from tp_gateway.errors import ConfigurationError

    try:
        return make_app(ini)
    except ConfigurationError as error:
        sys.exit(f"tp-gateway: {error}")


def make_app(ini: dict[str, str]) -> Any:
    """ConfigurationError for settings that must not be started with."""
    from pyramid.config import Configurator

    from tp_gateway import config, observability

    settings = config.load(ini)
    observability.configure_logging(settings.log_level)
    configurator = Configurator(settings=ini)
    configurator.registry.update(make_parts(settings))
    configurator.include("tp_gateway.views")
    return configurator.make_wsgi_app()


def make_parts(settings: Settings) -> dict[str, Any]:
    """What the views find in the registry."""
    return {
        "settings": settings,
        "gateway": make_gateway(settings),
        "verifier": make_verifier(settings),
        "rate_limits": make_rate_limits(settings),
        "trusted_proxies": settings.trusted_proxies,
        "statement_bytes": settings.statement_bytes,
        "cors_origins": frozenset(settings.cors_origins),
    }


def make_gateway(settings: Settings) -> Gateway:
    """The services over a database that was checked, with the providers that the settings name."""
    from tp_gateway.crypto import Vault
    from tp_gateway.services import build_gateway
    from tp_gateway.services.notices import MailServer, Wording
    from tp_gateway.services.outbox import Endpoint
    from tp_gateway.services.rotation import require_readable

    database, vault = make_database(settings), Vault(settings.encryption_keys)
    require_readable(database, vault)
    database.dispose()  # no connection stays open: a server may fork after this
    told, mail = settings.notifications, settings.mail
    return build_gateway(
        database=database,
        registry=make_registry(settings, database.require_no_transaction),
        vault=vault,
        timing=settings.timing,
        environment=settings.environment,
        time_zone=settings.time_zone,
        currency=settings.currency,
        strict_identifiers=settings.strict_identifiers,
        endpoint=Endpoint(told.webhook_url, told.webhook_secrets, told.webhook_topics) if told.webhook_url else None,
        mail_server=MailServer(mail.host, mail.port, mail.tls, mail.user, mail.password, mail.sender) if mail else None,
        wording=Wording(told.templates),
        overdue_days=told.overdue_days,
        sweep_calls_per_second=settings.provider_calls_per_second,
        font_folders=settings.font_folders,
    )


def make_database(settings: Settings) -> Database:
    """Checked, with a connection open from that. Development migrates by itself."""
    from sqlalchemy.exc import SQLAlchemyError

    from tp_gateway import database, schema
    from tp_gateway.errors import ConfigurationError, GatewayError

    made = database.Database(
        settings.database_url, pool_size=settings.database_pool, busy_seconds=settings.database_busy_seconds
    )
    try:
        try:
            made.check()
        except ConfigurationError:
            if settings.production:
                raise
            schema.upgrade(settings.database_url)
            made.check()
    except (SQLAlchemyError, GatewayError):
        raise ConfigurationError("the database cannot be reached, or does not do what it should") from None
    return made


def make_registry(
    settings: Settings, require_no_transaction: Any = lambda: None, refused: dict[str, str] | None = None
) -> Registry:
    """The enabled plugins, each provider built from its section of the settings. `refused` collects why some cannot be
    started with; without it the first of those is a ConfigurationError."""
    from tp_gateway import registry
    from tp_gateway.contract import Environment

    return registry.load(
        settings.providers,
        settings.provider_section,
        Environment(settings.environment, settings.production),
        lanes=settings.provider_lanes,
        waiting=settings.provider_waiting,
        breaker=lambda: registry.Breaker(settings.breaker_failures, settings.breaker_seconds),
        require_no_transaction=require_no_transaction,
        refused=refused,
    )


def make_verifier(settings: Settings) -> TokenVerifier:
    from tp_gateway.identity import TokenVerifier

    tokens = settings.tokens
    return TokenVerifier(
        algorithm=tokens.algorithm,
        key=tokens.key,
        service_key=tokens.service_key,
        jwks=tokens.jwks,
        issuer=tokens.issuer,
        audience=tokens.audience,
        role_claim=tokens.role_claim,
        leeway=tokens.leeway,
    )


def make_rate_limits(settings: Settings) -> RateLimits:
    from tp_gateway.rate_limits import RateLimits

    limits = settings.rate_limits
    return RateLimits(
        payments=limits.payments,
        declines=limits.declines,
        declines_per_address=limits.declines_per_address,
        storage=limits.storage,
    )
