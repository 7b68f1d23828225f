"""The hooks of the enabled plugins, each called by itself: what one plugin does to what it was given, or how long it
takes, is no matter of the next one's."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pluggy

from tp_gateway import observability
from tp_gateway.contract import Order, TextMessage, Veto
from tp_gateway.contract.outcomes import Event
from tp_gateway.errors import GatewayError
from tp_gateway.registry.calls import Calls, taking
from tp_gateway.registry.exact import Nonsense, apart, exactly

POLICY_SECONDS = 5.0
LISTENER_SECONDS = 10.0
SENDER_SECONDS = 10.0
_PATIENCE = 0.1
log = observability.logger(__name__)


class Hook:
    """One plugin's function, on lanes of its own."""

    def __init__(self, implementation: pluggy.HookImpl, lanes: int) -> None:
        self.plugin = str(implementation.plugin_name)
        self._function, self._names = implementation.function, implementation.argnames
        self._calls = Calls(f"plugin-{self.plugin}", lanes=lanes, waiting=lanes)

    def __call__(self, seconds: float, take: Callable[[Any], Any], **given: Any) -> Any:
        """Raises what the plugin raises, NotSent, Overrun."""
        call = taking(self._function, tuple(apart(given[name]) for name in self._names), take)
        with self._calls.alone(_PATIENCE) as lane:
            return self._calls.carry_out(call, lane, time.monotonic() + seconds, here=False)

    def shut_down(self) -> None:
        self._calls.shut_down()


class Listener:
    """A plugin's ears: raises what the plugin raises, so that the outbox tells it again."""

    def __init__(self, hook: Hook) -> None:
        self.plugin, self._hook = hook.plugin, hook

    def hear(self, event: Event) -> None:
        self._hook(LISTENER_SECONDS, lambda _: None, event=event)


class Hooks:
    """`lanes` calls of one policy run at once, and one of a listener or a sender of texts."""

    def __init__(self, manager: pluggy.PluginManager, lanes: int) -> None:
        hook = manager.hook
        self.policies = [Hook(one, lanes) for one in reversed(hook.tp_gateway_before_submit.get_hookimpls())]
        self._listeners = [Hook(one, 1) for one in reversed(hook.tp_gateway_after_commit.get_hookimpls())]
        self._senders = [Hook(one, 1) for one in reversed(hook.tp_gateway_send_text.get_hookimpls())]
        self.listeners = tuple(map(Listener, self._listeners))
        self.sends_texts = bool(self._senders)

    def before_submit(self, order: Order, method: str) -> Iterator[Any]:
        """The refusals, one after the other. GatewayError `service_unavailable` for a policy that fails."""
        for policy in self.policies:
            try:
                answer = policy(POLICY_SECONDS, _verdict, order=order, method=method)
            except Exception as error:
                log.error("policy_failed", plugin=policy.plugin, error=observability.class_name(error), exc_info=error)
                raise GatewayError("service_unavailable", retry_after=30) from error
            if answer is not None:
                yield answer

    def send_text(self, message: TextMessage) -> bool:
        """By the first plugin that says so. Raises what a plugin raises."""
        return any(sender(SENDER_SECONDS, _sent, message=message) for sender in self._senders)

    def shut_down(self) -> None:
        for hook in (*self.policies, *self._listeners, *self._senders):
            hook.shut_down()


def _sent(answer: Any) -> bool:
    """What is neither a bool nor None is no word that it was sent."""
    return bool(exactly(answer, (bool, type(None))))


def _verdict(answer: Any) -> Veto | None:
    """What is neither None nor a Veto refuses as well, without a word."""
    try:
        found: Veto | None = exactly(answer, (Veto, type(None)))
    except Nonsense:
        return Veto("", "")
    return found
