"""ini and environment become one frozen `Settings`, or the service does not start and says which setting is wrong."""

import base64
from configparser import ConfigParser
from dataclasses import FrozenInstanceError, fields
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import plaster
import pytest
from plaster_pastedeploy import Loader

from tp_gateway import config, make_registry
from tp_gateway.config import DEVELOPMENT_MARK, load
from tp_gateway.errors import ConfigurationError
from tp_gateway.timing import Timing

ROOT = Path(__file__).parents[2]
SECRET = "hunter2-swordfish-0123456789-abcdefgh"
KEY = base64.urlsafe_b64encode(b"hunter2hunter2hunter2hunter2hunt").decode()
INI = {
    "tp_gateway.mode": "production",
    "tp_gateway.environment": "clinic",
    "tp_gateway.database_url": "postgresql://clinic:hunter2@db/clinic",
    "tp_gateway.encryption_keys": KEY,
    "tp_gateway.jwt.key": f"{SECRET}-jwt",
    "tp_gateway.service.key": f"{SECRET}-service",
    "tp_gateway.providers": "stripe",
    "tp_gateway.stripe.api_key": "sk_live_hunter2",
}


def ini(**more: str | None) -> dict[str, str]:
    """`INI` with a few settings changed (`jwt__key`), or taken out (None)."""
    changed = {f"tp_gateway.{name.replace('__', '.')}": value for name, value in more.items()}
    return {name: value for name, value in {**INI, **changed}.items() if value is not None}


def refusal(settings: dict[str, str], environ: dict[str, str] | None = None) -> str:
    with pytest.raises(ConfigurationError) as refused:
        load(settings, environ or {})
    assert "hunter2" not in str(refused.value) and refused.value.__cause__ is None
    return str(refused.value)


def test_a_complete_ini_is_read() -> None:
    settings = load(ini(cors_origins="https://a.example, https://b.example"), {})
    assert settings.production and settings.providers == ("stripe",) and settings.currency == "AUD"
    assert settings.cors_origins == ("https://a.example", "https://b.example")
    assert settings.time_zone == ZoneInfo("Australia/Melbourne") and settings.timing == Timing()
    assert settings.tokens.algorithm == "HS256" and settings.tokens.leeway == 5


def test_production_is_the_default() -> None:
    assert load(ini(mode=None), {}).production


SECRETS = ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_bmV3ZXIgc2VjcmV0IG9mIHRoZSBiYWNrZW5k")
HOOK: dict[str, str | None] = {
    "notifications__webhook_url": "https://backend.example/webhooks/",
    "notifications__webhook_secret": " ".join(SECRETS),
}
MAIL: dict[str, str | None] = {"smtp__host": "mail.example", "smtp__from": "accounts@clinic.example"}


def test_who_is_told_is_read() -> None:
    nobody = load(ini(), {})
    assert nobody.mail is None and nobody.notifications.webhook_url is None
    assert nobody.notifications.webhook_topics == ("payment.*", "invoice.*", "refund.*", "claim.*")
    more = {"notifications__overdue_days": "7 21", "smtp__user": "u", "notifications__webhook_topics": "payment.*"}
    found = load(ini(**HOOK, **MAIL, **more), {"TP_GATEWAY_SMTP_PASSWORD": "hunter2"})
    assert [len(secret) for secret in found.notifications.webhook_secrets] == [24, 27]
    assert (found.notifications.overdue_days, found.notifications.webhook_topics) == ((7, 21), ("payment.*",))
    mail = found.mail
    assert mail and (mail.port, mail.tls, mail.password) == (587, "starttls", "hunter2")
    for frozen in (found, found.notifications, mail):
        assert "hunter2" not in repr(frozen) and "of the backend" not in repr(frozen)
    here = ini(**{**HOOK, "notifications__webhook_url": "http://127.0.0.1:8000/"}, **MAIL | {"smtp__tls": "tls"})
    mail = load(here, {}).mail
    assert mail and mail.port == 465


REFUSED: dict[str, tuple[dict[str, str | None], str]] = {
    "no environment": ({"environment": None}, "tp_gateway.environment is not set"),
    "blank environment": ({"environment": "  "}, "tp_gateway.environment is not set"),
    "no database": ({"database_url": None}, "tp_gateway.database_url is not set"),
    "no encryption key": ({"encryption_keys": ""}, "tp_gateway.encryption_keys is not set"),
    "no provider": ({"providers": " , "}, "tp_gateway.providers is empty"),
    "another mode": ({"mode": "hunter2"}, "tp_gateway.mode must be one of: development, production"),
    "upper-case mode": ({"mode": "Development"}, "tp_gateway.mode must be one of"),
    "another worker": ({"worker": "none"}, "tp_gateway.worker must be one of"),
    "another log level": ({"log_level": "verbose"}, "tp_gateway.log_level must be one of"),
    "no pool": ({"database_pool": "0"}, "tp_gateway.database_pool must be a whole number of at least 1"),
    "half a pool": ({"database_pool": "1.5"}, "tp_gateway.database_pool"),
    "a negative pool": ({"database_pool": "-1"}, "tp_gateway.database_pool"),
    "no lanes": ({"provider_lanes": "0"}, "tp_gateway.provider_lanes"),
    "no failures": ({"breaker_failures": "0"}, "tp_gateway.breaker_failures"),
    "no patience": ({"breaker_seconds": "0"}, "tp_gateway.breaker_seconds must be a number greater than zero"),
    "NaN": ({"database_busy_seconds": "nan"}, "tp_gateway.database_busy_seconds"),
    "infinity": ({"database_busy_seconds": "inf"}, "tp_gateway.database_busy_seconds"),
    "negative time": ({"timing__execute": "-1"}, "tp_gateway.timing.execute"),
    "a word for a time": ({"timing__sweep_interval": "hunter2"}, "tp_gateway.timing.sweep_interval"),
    "a lease as short as the work": ({"timing__lease": "20"}, "tp_gateway.timing.lease must be longer"),
    "longer work than the lease": ({"timing__execute": "21"}, "tp_gateway.timing.lease must be longer"),
    "a webhook to nowhere": ({**HOOK, "notifications__webhook_url": "hunter2"}, "webhook_url must be an address"),
    "a webhook with a login": (
        {**HOOK, "notifications__webhook_url": "https://a:hunter2@b.example/"},
        "webhook_url must be an address",
    ),
    "a webhook in clear": ({**HOOK, "notifications__webhook_url": "http://b.example/"}, "must begin with https://"),
    "a webhook by another way": ({**HOOK, "notifications__webhook_url": "ftp://b.example/"}, "must be an address"),
    "no webhook secret": ({**HOOK, "notifications__webhook_secret": None}, "webhook_secret is not set"),
    "a bare webhook secret": ({**HOOK, "notifications__webhook_secret": "hunter2"}, "webhook_secret must be whsec_"),
    "a short webhook secret": ({**HOOK, "notifications__webhook_secret": "whsec_aHVudGVyMg=="}, "24 to 64 bytes"),
    "a webhook secret that is none": ({**HOOK, "notifications__webhook_secret": "whsec_%%hunter2"}, "in base64"),
    "a topic of nobody": ({"notifications__webhook_topics": "payment hunter2"}, "webhook_topics must be topics"),
    "a reminder before it is due": ({"notifications__overdue_days": "0 7"}, "overdue_days must be whole numbers"),
    "mail from nobody": ({"smtp__host": "mail.example"}, "tp_gateway.smtp.from must be an e-mail address"),
    "mail from two": ({**MAIL, "smtp__from": "a@b.example, c@d.example"}, "tp_gateway.smtp.from must be"),
    "mail without its password": ({**MAIL, "smtp__user": "hunter2"}, "smtp.user and tp_gateway.smtp.password"),
    "mail in clear": ({**MAIL, "smtp__tls": "none"}, "tp_gateway.smtp.tls = none"),
    "mail another way": ({**MAIL, "smtp__tls": "ssl"}, "tp_gateway.smtp.tls must be one of: starttls, tls, none"),
    "an unknown zone": ({"time_zone": "Australia/Wagga"}, "tp_gateway.time_zone"),
    "a zone outside its folder": ({"time_zone": "../../etc/passwd"}, "tp_gateway.time_zone"),
    "an unknown currency": ({"currency": "XXQ"}, "tp_gateway.currency"),
    "a lower-case currency": ({"currency": "aud"}, "tp_gateway.currency"),
    "another algorithm": ({"jwt__algorithm": "none"}, "tp_gateway.jwt.algorithm must be one of"),
    "HS512": ({"jwt__algorithm": "HS512"}, "tp_gateway.jwt.algorithm must be one of"),
    "no token key": ({"jwt__key": None}, "tp_gateway.jwt.key is not set"),
    "a short token key": ({"jwt__key": "hunter2-hunter2-hunter2-hunter2"}, "tp_gateway.jwt.key must have"),
    "no service key": ({"service__key": None}, "tp_gateway.service.key is not set"),
    "a short service key": ({"service__key": "hunter2"}, "tp_gateway.service.key must have"),
    "one key for both": ({"service__key": f"{SECRET}-jwt"}, "tp_gateway.service.key must differ"),
    "no public key": ({"jwt__algorithm": "RS256"}, "needs jwt.public_key_file or jwt.jwks_file"),
    "a file that is not there": (
        {"jwt__algorithm": "RS256", "jwt__public_key_file": "/nowhere/jwt.pem"},
        "/nowhere/jwt.pem cannot be read",
    ),
    "a leeway of a word": ({"jwt__leeway": "hunter2"}, "tp_gateway.jwt.leeway"),
}


@pytest.mark.catalogue(87)
@pytest.mark.parametrize("wrong", REFUSED)
def test_what_must_not_be_started_with_is_refused_by_name(wrong: str) -> None:
    change, message = REFUSED[wrong]
    assert message in refusal(ini(**change))


def test_both_a_public_key_and_a_key_set_are_one_too_many(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    both = {
        "jwt__algorithm": "RS256",
        "jwt__public_key_file": str(tmp_path / "a"),
        "jwt__jwks_file": str(tmp_path / "a"),
    }
    assert "jwks_file" in refusal(ini(**both))


def test_the_leeway_of_clocks_is_bounded() -> None:
    assert load(ini(jwt__leeway="3600"), {}).tokens.leeway == 30


# --- production -------------------------------------------------------------------------------------------------------

DEVELOPMENT = f"{DEVELOPMENT_MARK}-hunter2-hunter2-hunter2-hunter2"
DEVELOPMENT_KEY = base64.urlsafe_b64encode(b"development-only-key-of-32-bytes").decode()
UNSAFE: dict[str, tuple[dict[str, str], str]] = {
    "token key": ({"tp_gateway.jwt.key": DEVELOPMENT}, "tp_gateway.jwt.key"),
    "service key": ({"tp_gateway.service.key": DEVELOPMENT}, "tp_gateway.service.key"),
    "encryption key": ({"tp_gateway.encryption_keys": DEVELOPMENT_KEY}, "tp_gateway.encryption_keys"),
    "first encryption key": ({"tp_gateway.encryption_keys": f"{DEVELOPMENT_KEY} {KEY}"}, "tp_gateway.encryption_keys"),
    "last encryption key": ({"tp_gateway.encryption_keys": f"{KEY},{DEVELOPMENT_KEY}"}, "tp_gateway.encryption_keys"),
    "debug_all": ({"pyramid.debug_all": "true"}, "pyramid.debug_all"),
    "debug_templates": ({"pyramid.debug_templates": "1"}, "pyramid.debug_templates"),
    "reload": ({"pyramid.reload_templates": "yes"}, "pyramid.reload_templates"),
    "debug": ({"debug": "on"}, "debug"),
    "toolbar": ({"pyramid.includes": "pyramid_debugtoolbar"}, "pyramid.includes"),
}


@pytest.mark.catalogue(87)
@pytest.mark.parametrize("wrong", UNSAFE)
def test_production_refuses_what_development_may_have(wrong: str) -> None:
    change, name = UNSAFE[wrong]
    assert name in refusal(INI | change)
    assert not load(INI | change | {"tp_gateway.mode": "development"}, {}).production


@pytest.mark.parametrize("value", ["", "false", "0", "no", "Off"])
def test_a_switch_that_is_off_is_no_danger(value: str) -> None:
    load(INI | {"pyramid.debug_all": value}, {})


@pytest.mark.catalogue(87)
def test_the_keys_of_the_development_ini_are_refused_in_production() -> None:
    development = dict(Loader(_uri("development.ini")).get_wsgi_app_settings())
    assert not load(development, {}).production
    for name in ("TP_GATEWAY_JWT_KEY", "TP_GATEWAY_SERVICE_KEY", "TP_GATEWAY_ENCRYPTION_KEYS"):
        own = {"TP_GATEWAY_JWT_KEY": SECRET, "TP_GATEWAY_SERVICE_KEY": SECRET[::-1], "TP_GATEWAY_ENCRYPTION_KEYS": KEY}
        load(development | {"tp_gateway.mode": "production"}, own)
        del own[name]
        assert "development key" in refusal(development | {"tp_gateway.mode": "production"}, own)


def _uri(name: str) -> Any:
    return plaster.parse_uri(str(ROOT / name))


# --- the environment --------------------------------------------------------------------------------------------------


@pytest.mark.catalogue(87)
def test_the_environment_wins() -> None:
    settings = load(
        INI,
        {
            "TP_GATEWAY_JWT_KEY": "another-key-that-has-32-bytes-or-more",
            "TP_GATEWAY_TIMING_EXECUTE": "5",
            "TP_GATEWAY_CORS_ORIGINS": "https://c.example",
            "DATABASE_URL": "postgresql://elsewhere/x",
            "STRIPE_API_KEY": "sk_live_environment",
        },
    )
    assert settings.tokens.key == "another-key-that-has-32-bytes-or-more" and settings.timing.execute == 5
    assert settings.cors_origins == ("https://c.example",) and settings.database_url == "postgresql://elsewhere/x"
    assert settings.provider_section("stripe", ["api_key", "api_base"]) == {"api_key": "sk_live_environment"}


def test_secrets_may_stand_in_the_environment_only() -> None:
    secrets = {"database_url": None, "encryption_keys": None, "jwt__key": None, "service__key": None}
    environ = {"DATABASE_URL": "postgresql://a/b", "TP_GATEWAY_ENCRYPTION_KEYS": KEY}
    environ |= {"TP_GATEWAY_JWT_KEY": SECRET, "TP_GATEWAY_SERVICE_KEY": SECRET[::-1]}
    assert load(ini(**secrets), environ).encryption_keys == (KEY,)


def test_a_section_has_what_its_ini_says_and_nothing_of_others() -> None:
    settings = load(
        INI | {"tp_gateway.stripe.typo": "x", "tp_gateway.stripey.a": "b"}, {"STRIPE_OTHER": "x", "API_KEY": "y"}
    )
    assert settings.provider_section("stripe", ["api_key"]) == {"api_key": "sk_live_hunter2", "typo": "x"}
    assert settings.provider_section("none", ["a"]) == {}


@pytest.mark.catalogue(87)
@pytest.mark.parametrize(
    "written", ["100%%25-secret-with-percent-signs-%%(here)s", "${not}-a-%%-reference-of-any-kind-at-all"]
)
def test_percent_signs_in_an_ini_survive(tmp_path: Path, written: str) -> None:
    text = (ROOT / "development.ini").read_text()
    lines = [
        f"tp_gateway.jwt.key = {written}" if line.startswith("tp_gateway.jwt.key") else line
        for line in text.splitlines()
    ]
    (tmp_path / "percent.ini").write_text("\n".join(lines))
    settings = load(Loader(plaster.parse_uri(str(tmp_path / "percent.ini"))).get_wsgi_app_settings(), {})
    assert settings.tokens.key == written.replace("%%", "%")


@pytest.mark.catalogue(87)
def test_percent_signs_in_the_environment_are_taken_as_they_are() -> None:
    key = "100%-%(here)s-%%-${x}-secret-with-32-bytes"
    assert load(INI, {"TP_GATEWAY_JWT_KEY": key}).tokens.key == key


def test_production_ini_names_its_settings_and_holds_no_secret() -> None:
    parser = ConfigParser(interpolation=None)
    parser.read(ROOT / "production.ini")
    given = dict(parser["app:main"])
    assert not {name for name in given if name.endswith(("jwt.key", "service.key", "encryption_keys", "api_key"))}
    environ = {"DATABASE_URL": "postgresql://a/b", "TP_GATEWAY_ENCRYPTION_KEYS": KEY}
    environ |= {"TP_GATEWAY_JWT_KEY": SECRET, "TP_GATEWAY_SERVICE_KEY": SECRET[::-1]}
    environ |= {"TP_GATEWAY_ENVIRONMENT": "clinic", "TP_GATEWAY_CORS_ORIGINS": "https://clinic.example"}
    assert load(given, environ).production


# --- what is shown ----------------------------------------------------------------------------------------------------


@pytest.mark.catalogue(82)
def test_no_secret_is_in_what_is_shown_of_the_settings(tmp_path: Path) -> None:
    (tmp_path / "jwks.json").write_text('{"keys": [{"kty": "oct", "k": "hunter2"}]}')
    settings = load(
        ini(jwt__jwks_file=str(tmp_path / "jwks.json")), {"STRIPE_API_KEY": "sk_live_hunter2", "OTHER": "hunter2"}
    )
    shown = repr(settings) + str(settings) + repr(settings.tokens) + f"{settings!r:.10000}"
    assert "hunter2" not in shown and KEY not in shown and "stripe" in shown


def test_settings_cannot_be_changed() -> None:
    settings = load(INI, {})
    for frozen in (settings, settings.tokens, settings.timing):
        for field in fields(frozen):
            with pytest.raises(FrozenInstanceError):
                setattr(frozen, field.name, None)


def test_what_is_changed_in_the_ini_later_changes_nothing() -> None:
    given, environ = dict(INI), {"STRIPE_API_KEY": "sk_live_1"}
    settings = load(given, environ)
    given.clear()
    environ.clear()
    assert settings.provider_section("stripe", ["api_key"]) == {"api_key": "sk_live_1"}


def test_every_setting_of_the_development_ini_is_one_that_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A misspelt name in the file that everyone copies would be believed to work."""
    read: set[str] = set()
    real = config.Reader.find

    def find(self: Any, name: str) -> Any:
        read.add(f"tp_gateway.{name}")
        return real(self, name)

    monkeypatch.setattr(config.Reader, "find", find)
    development = dict(Loader(_uri("development.ini")).get_wsgi_app_settings())
    registry = make_registry(load(development, {}))
    for provider in registry:
        own = provider.manifest.settings_schema.children
        read |= {f"tp_gateway.{provider.slug}.{node.name}" for node in own}
    assert {name for name in development if name.startswith("tp_gateway.")} <= read
