"""`tp-gateway`: what an operator does by hand. A problem is one line on standard error and exit code 1."""

from __future__ import annotations

import argparse
import base64
import os
import secrets
import signal
import sys
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from importlib import metadata
from pathlib import Path
from uuid import uuid4

import jwt
import plaster
from cryptography.fernet import Fernet
from sqlalchemy.exc import SQLAlchemyError

import tp_gateway
from tp_gateway import (
    cli_analytics,
    cli_import,
    cli_journal,
    cli_outbox,
    cli_statements,
    cli_verify,
    config,
    database,
    observability,
    schema,
)
from tp_gateway.crypto import Vault
from tp_gateway.errors import ConfigurationError, GatewayError
from tp_gateway.identity import ROLES, SERVICE
from tp_gateway.registry import ProviderFailed, installed, package
from tp_gateway.scaffold import new_provider
from tp_gateway.services import rotation
from tp_gateway.services.accounting import make_chart
from tp_gateway.services.practice_settings import clinic_zone
from tp_gateway.worker import Worker

_CHECK_SECONDS = 10.0
_STOP_SECONDS = 25
_PRODUCTION, _DEVELOPMENT = "production.ini", "development.ini"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = _parser()
    given = parser.parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = given.command
    try:
        return command(given)
    except (ConfigurationError, GatewayError) as error:
        print(f"tp-gateway: {_text(error)}", file=sys.stderr)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()
    return 1


def _text(error: Exception) -> str:
    return f"{error.title}: {error.details}" if isinstance(error, GatewayError) else str(error)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tp-gateway", description="Operate a TP Gateway.")
    parser.add_argument(
        "-c", "--config", metavar="INI", help="default: TP_GATEWAY_CONFIG, else production.ini, else development.ini"
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def command(name: str, function: Callable[[argparse.Namespace], int], help: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=help, description=help)
        sub.set_defaults(command=function)
        return sub

    command("migrate", _migrate, "bring the database's schema up to this version")
    command("worker", _worker, "run the background work until SIGTERM (with tp_gateway.worker = separate)")
    sweep = command("reverse-sweep", _reverse_sweep, "compare with what the providers have, as after a restored backup")
    sweep.add_argument("--days", type=_days, default=30, help="how far back (default 30)")
    token = command("token", _token, "make an access token for another service")
    token.add_argument("name", nargs="?", help="the service's name, as the history will show it")
    token.add_argument("--days", type=_days, default=90, help="how long it is valid (default 90)")
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
    command("providers", _providers, "list the installed plugins: enabled, able to work, and if not why")
    new = command("new-provider", _new_provider, "write a provider's package that passes the conformance kit as it is")
    new.add_argument("name", help="lower-case letters, digits, underscores: the package, its slug and its method")
    new.add_argument(
        "--redirect", action="store_true", help="the customer pays on the service's page, and a webhook tells so"
    )
    new.add_argument("--into", type=Path, default=Path(), metavar="FOLDER", help="default: here")
    cli_outbox.arguments(command("outbox", _outbox, "list what was told to whom, show it, tell it again"))
    cli_import.arguments(command("import", _import, "take in the practice's users, appointments and so on from a file"))
    cli_statements.arguments(command("statements", _statements, "import bank statements, or list what was imported"))
    cli_verify.arguments(command("verify", _verify, "prove that the whole store adds up, or say where it does not"))
    cli_analytics.arguments(command("analytics", _analytics, "count the sums of analytics anew, or check them"))
    export = command("export-journal", _export_journal, "write what moved in a period for Xero or MYOB to import")
    cli_journal.arguments(export)
    command("version", _version, "show the version")
    return parser


def _days(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text[:6]) <= 3650 or len(text) > 4:
        raise argparse.ArgumentTypeError("a number of days from 1 to 3650")
    return int(text)


def _settings(given: argparse.Namespace) -> config.Settings:
    named = given.config or os.environ.get("TP_GATEWAY_CONFIG")
    path = named or _default_ini()
    if not Path(path).is_file():
        raise ConfigurationError(f"there is no file {path}")
    try:
        ini = plaster.get_loader(path, protocols=["wsgi"]).get_wsgi_app_settings("main")
    except Exception as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from None
    try:
        return config.load(ini)
    except ConfigurationError as error:
        guessed = not named and path == _PRODUCTION and Path(_DEVELOPMENT).exists()
        hint = f". It is read because none was named; the other one is: -c {_DEVELOPMENT}" if guessed else ""
        raise ConfigurationError(f"{path}: {error}{hint}") from None


def _default_ini() -> str:
    return _DEVELOPMENT if not Path(_PRODUCTION).exists() and Path(_DEVELOPMENT).exists() else _PRODUCTION


def _migrate(given: argparse.Namespace) -> int:
    settings = _settings(given)
    try:
        schema.upgrade(settings.database_url)
    except ConfigurationError:
        raise
    except Exception as error:
        raise ConfigurationError(f"the database was not migrated: {_first_line(error)}") from None
    print("The database's schema is up to date.")
    return 0


def _worker(given: argparse.Namespace) -> int:
    settings = _settings(given)
    observability.configure_logging(settings.log_level)
    worker = Worker(tp_gateway.make_gateway(settings))
    # Waited for, not handled: a handler that sets an Event can meet the main thread inside the Event's own lock, and
    # then waits for ever.
    told_to_stop = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, told_to_stop)
    worker.start()
    signal.sigwait(told_to_stop)
    worker.stop(_STOP_SECONDS)
    return 0


def _reverse_sweep(given: argparse.Namespace) -> int:
    settings = _settings(given)
    observability.configure_logging(settings.log_level)
    gateway = tp_gateway.make_gateway(settings)
    try:
        found = gateway.reverse_sweep.run(since=gateway.clock() - timedelta(days=given.days))
    except ProviderFailed as error:
        raise ConfigurationError(f"reverse-sweep: the provider did not answer ({error})") from None
    finally:
        gateway.close()
    print(f"{found} differences were found and worked on.")
    return 0


def _token(given: argparse.Namespace) -> int:
    if (given.name is None) == (given.user is None) or (given.role and given.user is None):
        raise ConfigurationError(
            "token: give the service's NAME, or --user ID with an optional --role, and a number of --days"
        )
    settings = _settings(given)
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
    settings = _settings(given)
    found = tp_gateway.make_database(settings)
    try:
        renewed = rotation.renew(found, Vault(settings.encryption_keys))
    finally:
        found.dispose()
    print(f"{renewed} values were encrypted anew. The keys behind the first one are no longer needed.")
    return 0


def _providers(given: argparse.Namespace) -> int:
    """Exit code 1 when an enabled plugin is refused, or its provider cannot work: the service would not start, or
    start without it being of use."""
    settings = _settings(given)
    observability.configure_logging("error")
    there = installed()
    for name in sorted(set(there) - set(settings.providers)):
        print(f"{name}: installed ({' and '.join(map(package, there[name]))}), not enabled")
    refused = dict[str, str]()
    registry = tp_gateway.make_registry(settings, refused=refused)
    for name, reason in refused.items():
        print(f"{name}: enabled, refused: {reason}")
    for name in sorted(registry.without_provider):
        print(f"{name}: enabled, brings no provider (a policy or a listener)")
    well = not refused
    for provider in registry:
        try:
            health = provider.check(_CHECK_SECONDS)
            ok, message = health.ok, _line(health.message)
        except ProviderFailed as failed:
            ok, message = False, _line(failed.why)
        well = well and ok
        state = "works" if ok else f"does not work: {message}"
        print(f"{provider.slug}: enabled, takes {provider.manifest.method} ({provider.manifest.display_name}), {state}")
    return 0 if well else 1


def _line(text: str) -> str:
    """What a provider says, without secrets, and as one line of a terminal."""
    said = observability.scrub_text(" ".join(text.split())[:300])
    return "".join(one if one.isprintable() else "?" for one in said)


def _new_provider(given: argparse.Namespace) -> int:
    for path in new_provider(given.name, given.into, redirect=given.redirect):
        print(path)
    folder = given.into / given.name
    print(f'\nIt passes as it is: cd {folder} && pip install -e ".[test]" && pytest')
    return 0


def _import(given: argparse.Namespace) -> int:
    """Exit code 1 when a row was refused."""
    settings = _settings(given)
    observability.configure_logging("warning")
    gateway = tp_gateway.make_gateway(settings)
    try:
        return cli_import.run(gateway, given)
    finally:
        gateway.close()


def _statements(given: argparse.Namespace) -> int:
    """Exit code 1 when a file was refused."""
    settings = _settings(given)
    observability.configure_logging("warning")
    gateway = tp_gateway.make_gateway(settings)
    try:
        return cli_statements.run(gateway, given)
    finally:
        gateway.close()


def _outbox(given: argparse.Namespace) -> int:
    settings = _settings(given)
    observability.configure_logging("warning")
    gateway = tp_gateway.make_gateway(settings)
    try:
        return cli_outbox.run(gateway, given)
    finally:
        gateway.close()


def _verify(given: argparse.Namespace) -> int:
    """Exit code 1 for a contradiction. Opened without the checks of a start: what they refuse is to be found here."""
    settings = _settings(given)
    sole_payers = tp_gateway.make_registry(settings).sole_payers
    if given.list:
        return cli_verify.list_checks(sole_payers)
    opened = database.Database(settings.database_url, busy_seconds=settings.database_busy_seconds)
    try:
        return cli_verify.run(opened, sole_payers, given.limit)
    except SQLAlchemyError as error:  # a table that is gone, say
        raise ConfigurationError(f"the store cannot be read as it should be: {_first_line(error)}") from None
    finally:
        opened.dispose()


def _analytics(given: argparse.Namespace) -> int:
    settings = _settings(given)
    observability.configure_logging("warning")
    gateway = tp_gateway.make_gateway(settings)
    try:
        return cli_analytics.run(gateway, given)
    finally:
        gateway.close()


def _export_journal(given: argparse.Namespace) -> int:
    settings = _settings(given)
    ours, software = settings.accounting, given.format or settings.accounting.software
    own = (ours.accounts, ours.income_tax_code, ours.other_tax_code) if software == ours.software else ((), None, None)
    chart = make_chart(software, *own)
    opened = tp_gateway.make_database(settings)
    try:
        zone = clinic_zone(opened, settings.time_zone)
        return cli_journal.run(opened, zone, chart, given.currency or settings.currency, given)
    finally:
        opened.dispose()


def _version(_given: argparse.Namespace) -> int:
    print(metadata.version("tp-gateway"))
    return 0


def _first_line(error: Exception) -> str:
    return observability.scrub_text(str(getattr(error, "orig", None) or error).strip().split("\n")[0])


if __name__ == "__main__":
    sys.exit(main())
