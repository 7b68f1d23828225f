"""Finds the installed plugins, switches on those the ini names, and refuses to start with anything that could
surprise later."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from importlib import metadata
from typing import Any

import colander
import pluggy

from tp_gateway import money, observability
from tp_gateway.contract import CONTRACT_VERSION, PROJECT, Environment, Manifest, Provider, Veto, hooks
from tp_gateway.contract.orders import Order
from tp_gateway.contract.outcomes import Event
from tp_gateway.errors import TITLES, ConfigurationError, GatewayError, ValidationError
from tp_gateway.fields import validate
from tp_gateway.registry.breaker import Breaker
from tp_gateway.registry.guarded import GuardedProvider

log = observability.logger(__name__)
_SLUG = re.compile(r"[a-z][a-z0-9_]{0,31}")
CORE_FIELDS = frozenset(
    {
        "appointment_id",
        "invoice_id",
        "amount",
        "currency",
        "payment_method",
        "payment_method_id",
        "description",
        "metadata",
        "save_payment_method",
        "capture",
        "parameters",
    }
)
"""Names of a payment request that belong to the core; a provider's parameters may not use them."""

Section = Callable[[str, Iterable[str]], dict[str, str]]


class Registry:
    """The enabled providers by method, and the hooks of every enabled plugin. `without_provider` names the plugins that
    are here for their policy or their ears only."""

    def __init__(
        self, manager: pluggy.PluginManager, providers: Iterable[GuardedProvider], without_provider: Iterable[str] = ()
    ) -> None:
        self._hooks = manager.hook
        self.somebody_hears = bool(manager.hook.tp_gateway_after_commit.get_hookimpls())
        self.without_provider = tuple(without_provider)
        self._by_slug = {provider.slug: provider for provider in providers}
        self._by_method = {provider.manifest.method: provider for provider in self._by_slug.values()}

    def __iter__(self) -> Any:
        return iter(self._by_slug.values())

    def by_slug(self, slug: str) -> GuardedProvider:
        """KeyError for a provider that is not enabled."""
        return self._by_slug[slug]

    def find(self, slug: str) -> GuardedProvider | None:
        return self._by_slug.get(slug)

    def for_method(self, method: str) -> GuardedProvider:
        """The one provider that takes `method`. ValidationError names the methods there are."""
        try:
            return self._by_method[method]
        except KeyError:
            known = ", ".join(sorted(self._by_method))
            raise ValidationError({"payment_method": [f"Not available here. Choose one of: {known}"]}) from None

    def for_statements(self, slug: str | None = None) -> GuardedProvider:
        """The one provider that reads bank statements, or the named one of several. ValidationError names them."""
        able = [one for one in self if one.manifest.capabilities.statements]
        chosen = [one for one in able if slug in (None, one.slug)]
        if len(chosen) != 1:
            names = ", ".join(sorted(one.slug for one in able)) or "none here reads statements"
            raise ValidationError({"provider": [f"Choose one of: {names}"]})
        return chosen[0]

    @property
    def methods(self) -> list[str]:
        """Every way to pay that is switched on (`card`, …), in the order of the settings."""
        return [provider.manifest.method for provider in self]

    @property
    def sole_payers(self) -> list[str]:
        """The slugs of those that must be the only one to pay for a service."""
        return [slug for slug, provider in self._by_slug.items() if provider.manifest.sole_payer]

    def close(self) -> None:
        """Give the providers' threads back."""
        for provider in self._by_slug.values():
            provider.shut_down()

    def has_policies(self) -> bool:
        """Does any enabled plugin want to see payments before they are submitted?"""
        return bool(self._hooks.tp_gateway_before_submit.get_hookimpls())

    def before_submit(self, order: Order, method: str) -> None:
        """Ask every policy. GatewayError for the first veto; a policy that fails refuses too, because it must not be
        skipped."""
        try:
            answers = self._hooks.tp_gateway_before_submit(order=order, method=method)
        except Exception as error:
            log.error("policy_failed", error=type(error).__name__, exc_info=error)
            raise GatewayError("service_unavailable", retry_after=30) from error
        for veto in answers:
            raise refusal(veto)

    def after_commit(self, event: Event) -> None:
        """Tell every plugin; raises what a plugin raises, so that the outbox tells it again."""
        self._hooks.tp_gateway_after_commit(event=event)


def refusal(veto: Any) -> GatewayError:
    """A policy's or provider's refusal, as the caller is told it."""
    message = str(getattr(veto, "message", ""))
    if isinstance(veto, Veto) and veto.field:
        return ValidationError({veto.field: [message]})
    code = veto.code if isinstance(veto, Veto) and veto.code in TITLES else "not_payable"
    return GatewayError(code, message or None)


def load(
    enabled: Iterable[str],
    section: Section,
    environment: Environment,
    *,
    lanes: int,
    waiting: int,
    breaker: Callable[[], Breaker],
    require_no_transaction: Callable[[], None],
) -> Registry:
    """Load the plugins named in the ini. ConfigurationError, with the plugin's name, for whatever the service must
    not start with."""
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(hooks)
    owners: dict[str, str] = {}
    providers: list[GuardedProvider] = []
    for name in enabled:
        for provider_class in _register(manager, name):
            manifest = _manifest(name, provider_class)
            for claim in (f"provider {manifest.slug}", f"payment method {manifest.method}"):
                if claim in owners:
                    raise ConfigurationError(f"plugins {owners[claim]} and {name} both bring the {claim}")
                owners[claim] = name
            settings = _settings(manifest, section)
            providers.append(
                GuardedProvider(
                    _build(name, provider_class, settings, environment),
                    lanes=lanes,
                    waiting=waiting,
                    breaker=breaker(),
                    require_no_transaction=require_no_transaction,
                    public_settings=_public(manifest, settings),
                )
            )
    if not providers:
        raise ConfigurationError("tp_gateway.providers: none of the enabled plugins brings a provider")
    without = [name for name, _ in manager.list_name_plugin() if name not in owners.values()]
    return Registry(manager, providers, without)


def installed() -> dict[str, metadata.EntryPoint]:
    """Every installed plugin by name, enabled or not."""
    found: dict[str, metadata.EntryPoint] = {}
    for point in metadata.entry_points(group=PROJECT):
        if point.name in found and found[point.name].value != point.value:
            raise ConfigurationError(f"two installed packages bring a plugin named {point.name}")
        found[point.name] = point
    return found


def _register(manager: pluggy.PluginManager, name: str) -> list[type[Provider]]:
    point = installed().get(name)
    if point is None:
        raise ConfigurationError(
            f"tp_gateway.providers: no installed plugin is named {name} (installed: {', '.join(sorted(installed()))})"
        )
    try:
        plugin = point.load()
        manager.register(plugin, name)
        manager.check_pending()
    except Exception as error:
        raise ConfigurationError(f"plugin {name} cannot be loaded: {type(error).__name__}: {error}") from error
    for caller in manager.get_hookcallers(plugin) or []:
        for implementation in caller.get_hookimpls():
            if implementation.wrapper or implementation.hookwrapper:
                raise ConfigurationError(
                    f"plugin {implementation.plugin_name} wraps {caller.name}: wrappers are refused"
                )
    others = [other for other in manager.get_plugins() if other is not plugin]
    try:
        return [
            found for group in manager.subset_hook_caller("tp_gateway_providers", others)() for found in group or ()
        ]
    except Exception as error:
        raise ConfigurationError(
            f"plugin {name} failed to name its providers: {type(error).__name__}: {error}"
        ) from error


def _manifest(name: str, provider_class: Any) -> Manifest:
    manifest = getattr(provider_class, "manifest", None)
    if not isinstance(manifest, Manifest):
        raise ConfigurationError(f"plugin {name}: {provider_class!r} has no manifest")
    problems = list(_problems(manifest, provider_class))
    if problems:
        raise ConfigurationError(f"plugin {name}, provider {manifest.slug}: {'; '.join(problems)}")
    return manifest


def _problems(manifest: Manifest, provider_class: Any) -> Iterable[str]:
    if manifest.contract_version != CONTRACT_VERSION:
        yield f"wants contract version {manifest.contract_version}, this is {CONTRACT_VERSION}"
        return
    if not _SLUG.fullmatch(manifest.slug) or not _SLUG.fullmatch(manifest.method):
        yield "slug and method must be lower-case letters, digits and underscores"
    if not manifest.currencies or not all(money.is_currency(code) for code in manifest.currencies):
        yield "currencies must be upper-case ISO 4217 codes"
    for member in ("build", "check", "execute", *manifest.capabilities.members()):
        if not callable(getattr(provider_class, member, None)):
            yield f"declares but does not have `{member}`"
    for schema in (manifest.settings_schema, manifest.parameters_schema):
        if not isinstance(schema, colander.SchemaNode):
            yield "settings_schema and parameters_schema must be colander schemas"
            return
    for flag, schema in (("evidence", manifest.evidence_schema), ("rebates", manifest.rebate_schema)):
        if getattr(manifest.capabilities, flag) and not isinstance(schema, colander.SchemaNode):
            yield f"declares {flag} without a schema for it"
    clash = CORE_FIELDS & {child.name for child in manifest.parameters_schema.children}
    if clash:
        yield f"parameters use names of the core: {', '.join(sorted(clash))}"


def _settings(manifest: Manifest, section: Section) -> dict[str, Any]:
    given = section(manifest.slug, [child.name for child in manifest.settings_schema.children])
    try:
        return validate(manifest.settings_schema, given)
    except ValidationError as error:
        prefix = f"tp_gateway.{manifest.slug}"
        wrong = [f"{prefix}.{name}: {_without(given, str(messages))}" for name, messages in dict(error.fields).items()]
        raise ConfigurationError("; ".join(wrong)) from None


def _without(given: Mapping[str, str], message: str) -> str:
    """colander's own validators repeat the value, and a mistyped secret is still a secret."""
    for value in sorted(given.values(), key=len, reverse=True):
        message = message.replace(value, observability.HIDDEN) if len(value) > 3 else message
    return message


def _public(manifest: Manifest, settings: Mapping[str, Any]) -> dict[str, Any]:
    """What a frontend may know: settings whose node says `public=True` (a publishable key)."""
    return {
        node.name: settings[node.name]
        for node in manifest.settings_schema.children
        if getattr(node, "public", False) and node.name in settings
    }


def _build(name: str, provider_class: Any, settings: Mapping[str, Any], environment: Environment) -> Provider:
    try:
        return provider_class.build(settings, environment)
    except ConfigurationError as error:
        raise ConfigurationError(f"plugin {name}: {error}") from None
    except Exception as error:
        raise ConfigurationError(f"plugin {name} cannot be built: {type(error).__name__}") from error
