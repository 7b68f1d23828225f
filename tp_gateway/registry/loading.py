"""Switches on the plugins that the ini names, and refuses to start with anything that could surprise later.

All of a plugin's code that runs here (its import, its manifest and schemas, `build`) runs on a thread of its own and
within a time: one that hangs is refused as well, and one that wants to end the process is only refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, MutableMapping
from dataclasses import replace
from itertools import islice
from typing import Any, TypeVar

import pluggy

from tp_gateway import observability
from tp_gateway.contract import PROJECT, Environment, Manifest, Provider, hooks
from tp_gateway.errors import ConfigurationError
from tp_gateway.registry import discovery, manifests, sections
from tp_gateway.registry.breaker import Breaker
from tp_gateway.registry.guarded import GuardedProvider
from tp_gateway.registry.hooks import Hooks
from tp_gateway.registry.registry import Registry
from tp_gateway.registry.threads import Overrun, within

T = TypeVar("T")
SECONDS = 60.0
"""For each step of loading one plugin. Importing a large library on a busy machine takes some of them."""
_MOST_PROVIDERS = 32
_LONGEST_REASON = 500


def load(
    enabled: Iterable[str],
    section: sections.Section,
    environment: Environment,
    *,
    lanes: int,
    waiting: int,
    breaker: Callable[[], Breaker],
    require_no_transaction: Callable[[], None],
    refused: MutableMapping[str, str] | None = None,
) -> Registry:
    """Load the plugins named in the ini. ConfigurationError, with the plugin's name and package, for whatever the
    service must not start with; or, with `refused`, the reasons in it by the plugin's name, and a registry of the rest
    that may be empty."""
    loading = _Loading(section, environment)
    providers: list[GuardedProvider] = []
    for name in enabled:
        try:
            made = loading.add(name)
        except ConfigurationError as error:
            if refused is None:
                raise
            refused[name] = str(error)
            continue
        providers += [
            GuardedProvider(
                provider,
                manifest=manifest,
                lanes=lanes,
                waiting=waiting,
                breaker=breaker(),
                require_no_transaction=require_no_transaction,
                public_settings=public,
            )
            for provider, manifest, public in made
        ]
    if not providers and refused is None:
        raise ConfigurationError("tp_gateway.providers: none of the enabled plugins brings a provider")
    without = [name for name, _ in loading.manager.list_name_plugin() if name not in loading.bringers]
    return Registry(Hooks(loading.manager, lanes), providers, without)


class _Refused(ConfigurationError):
    """Whose text begins with the plugin's name and package."""


class _Loading:
    def __init__(self, section: sections.Section, environment: Environment) -> None:
        self._section, self._environment = section, environment
        self._installed = discovery.installed()
        self.manager = pluggy.PluginManager(PROJECT)
        self.manager.add_hookspecs(hooks)
        self._owners: dict[str, str] = {}

    @property
    def bringers(self) -> set[str]:
        """The plugins that bring a provider."""
        return set(self._owners.values())

    def add(self, name: str) -> list[tuple[Provider, Manifest, dict[str, Any]]]:
        """The plugin's providers, built, with their manifests and public settings."""
        point = discovery.find(name, self._installed)
        plugin = f"plugin {name} ({discovery.package(point)})"
        if self.manager.has_plugin(name):
            raise _Refused(f"{plugin} is named twice in tp_gateway.providers")
        module = _step(plugin, "cannot be loaded", point.load)
        owned = dict(self._owners)
        try:
            _step(plugin, "cannot be loaded", lambda: self.manager.register(module, name))
            _step(plugin, "cannot be loaded", lambda: self._refuse_wrong_hooks(module))
            classes = _step(plugin, "failed to name its providers", lambda: self._classes(module))
            return [self._provider(name, plugin, one) for one in classes]
        except ConfigurationError as error:
            if self.manager.has_plugin(name):
                self.manager.unregister(name=name)
            self._owners = owned
            raise error if isinstance(error, _Refused) else _Refused(f"{plugin}: {error}") from None

    def _refuse_wrong_hooks(self, plugin: Any) -> None:
        for caller in self.manager.get_hookcallers(plugin) or []:
            if not caller.has_spec():  # also one that says `optionalhook`: a rule that is never asked is no rule
                raise ConfigurationError(f"unknown hook {caller.name!r}")
            for one in caller.get_hookimpls():
                if one.plugin is plugin:
                    self._refuse_wrong_hook(caller.name, one)
        for name in dir(plugin):
            # pluggy passes over what is not marked, and a rule that is never asked is no rule.
            unmarked = name.startswith(f"{PROJECT}_") and self.manager.parse_hookimpl_opts(plugin, name) is None
            if unmarked and callable(getattr(plugin, name)):
                raise ConfigurationError(f"`{name}` is not marked with @hookimpl of tp_gateway.contract")

    def _refuse_wrong_hook(self, name: str, one: pluggy.HookImpl) -> None:
        if one.wrapper or one.hookwrapper:
            raise ConfigurationError(f"wraps {name}: wrappers are refused")
        kind = manifests.deferred(one.function, may_yield=name == "tp_gateway_providers")
        if kind:
            raise ConfigurationError(f"`{name}` is {kind}: a call of it alone does nothing")

    def _classes(self, plugin: Any) -> list[Any]:
        others = [other for other in self.manager.get_plugins() if other is not plugin]
        groups = self.manager.subset_hook_caller("tp_gateway_providers", others)()
        found = [one for group in groups for one in islice(iter(group or ()), _MOST_PROVIDERS + 1)]
        if len(found) > _MOST_PROVIDERS:
            raise ConfigurationError(f"more than {_MOST_PROVIDERS} providers")
        return found

    def _provider(self, name: str, plugin: str, provider_class: Any) -> tuple[Provider, Manifest, dict[str, Any]]:
        manifest = _step(plugin, "has a manifest that fails", lambda: manifests.checked(provider_class))
        self._claim(name, manifest)
        settings = _step(plugin, "has settings that fail", lambda: sections.read(manifest, self._section))
        public = _step(plugin, "has settings that fail", lambda: sections.public(manifest, settings))
        environment = replace(self._environment)  # its own: no plugin changes where another one runs
        built: Provider = _step(plugin, "cannot be built", lambda: provider_class.build(settings, environment), "")
        problems = _step(plugin, "cannot be built", lambda: list(manifests.wrong_members(built, manifest)))
        if problems:
            raise ConfigurationError(f"provider {manifest.slug}: {'; '.join(problems)}")
        return built, manifest, public

    def _claim(self, name: str, manifest: Manifest) -> None:
        """Each slug, method and variable belongs to one plugin."""
        claims = [f"provider {manifest.slug}", f"payment method {manifest.method}"]
        claims += [f"setting {variable} of the environment" for variable in sections.variables(manifest)]
        for claim in claims:
            if claim in self._owners:
                raise ConfigurationError(f"plugins {self._owners[claim]} and {name} both bring the {claim}")
            self._owners[claim] = name
        if manifest.slug != name and manifest.slug in discovery.installed():
            raise ConfigurationError(f"provider {manifest.slug} has the name of another installed plugin")


def _step(plugin: str, problem: str, work: Callable[[], T], detail: str = ": {}") -> T:
    """One step in which the plugin's code runs. ConfigurationError for whatever it raises; what it says itself is told
    with `detail`, but for a step in which secrets are at hand."""
    try:
        return within(SECONDS, work, plugin)
    except Overrun:
        raise _Refused(f"{plugin} {problem}: not in {SECONDS:g} seconds") from None
    except ConfigurationError as error:
        raise _Refused(f"{plugin}: {_words(error)}") from None
    except BaseException as error:  # SystemExit at import, say: the process ends by our own word, with the name
        said = detail.format(_words(error))
        raise _Refused(f"{plugin} {problem}: {observability.class_name(error)}{said}") from error


def _words(error: BaseException) -> str:
    """What an exception says of itself, in one line, if it can."""
    try:
        text = " ".join(str(error).split())[:_LONGEST_REASON]
    except BaseException as broken:
        return f"(its text raises {observability.class_name(broken)})"
    return observability.scrub_text("".join(one if one.isprintable() else "?" for one in text))
