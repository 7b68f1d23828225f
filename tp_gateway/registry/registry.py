"""The enabled providers, by method and by slug, and the hooks of the enabled plugins."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from tp_gateway.contract import Order, TextMessage, Veto
from tp_gateway.errors import VETOES, GatewayError, ValidationError
from tp_gateway.registry.guarded import GuardedProvider
from tp_gateway.registry.hooks import Hooks

_LONGEST_MESSAGE = 500
_LONGEST_FIELD = 64


class Registry:
    """`without_provider` names the plugins that are here for their policy or their ears only."""

    def __init__(
        self, hooks: Hooks, providers: Iterable[GuardedProvider], without_provider: Iterable[str] = ()
    ) -> None:
        self._hooks = hooks
        self.listeners = hooks.listeners
        self.sends_texts = hooks.sends_texts
        self.without_provider = tuple(without_provider)
        self._by_slug = {provider.slug: provider for provider in providers}
        self._by_method = {provider.manifest.method: provider for provider in self._by_slug.values()}

    def __iter__(self) -> Iterator[GuardedProvider]:
        return iter(self._by_slug.values())

    def by_slug(self, slug: str) -> GuardedProvider:
        """KeyError for a provider that is not enabled."""
        return self._by_slug[slug]

    def find(self, slug: str) -> GuardedProvider | None:
        return self._by_slug.get(slug)

    def for_method(self, method: str) -> GuardedProvider:
        """The one provider that takes `method`. ValidationError names those that patients can choose."""
        try:
            return self._by_method[method]
        except KeyError:
            offered = (name for name, one in self._by_method.items() if not one.manifest.staff_only)
            known = ", ".join(sorted(offered))
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
        """Give the plugins' threads back."""
        self._hooks.shut_down()
        for provider in self._by_slug.values():
            provider.shut_down()

    def has_policies(self) -> bool:
        """Does any enabled plugin want to see payments before they are submitted?"""
        return bool(self._hooks.policies)

    def before_submit(self, order: Order, method: str) -> None:
        """Ask every policy. GatewayError for the first veto; a policy that fails refuses too, because it must not be
        skipped."""
        for veto in self._hooks.before_submit(order, method):
            raise refusal(veto)

    def send_text(self, message: TextMessage) -> bool:
        """Was there a plugin that sent it? Raises what a plugin raises."""
        return self._hooks.send_text(message)


def refusal(veto: Any) -> GatewayError:
    """A policy's or provider's refusal, as the caller is told it."""
    if type(veto) is not Veto:
        return GatewayError("not_payable")
    message = veto.message[:_LONGEST_MESSAGE]
    if veto.field:
        return ValidationError({veto.field[:_LONGEST_FIELD]: [message]})
    return GatewayError(veto.code if veto.code in VETOES else "not_payable", message or None)
