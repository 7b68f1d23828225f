"""The view option `limited`: what starts a payment, or tries a card, is counted against `tp_gateway.rate_limits`.

A refusal comes before anything is written and spends no `Idempotency-Key`. The stored answer of an earlier request is
no new attempt: it is given beyond the limit too, and does not count.
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

from pyramid.config import Configurator

from tp_gateway.errors import GatewayError
from tp_gateway.services.facts import Answer
from tp_gateway.views.errors import STATUSES

View = Callable[[Any, Any], Any]
_DECLINES = ("card_declined", "payment_failed")
_DECLINED = {STATUSES[code] for code in _DECLINES}
"""An `Answer` with one of these is a payment that was declined; what was wrong with a request is an exception."""


def limiting(view: View, info: Any) -> View:
    """The deriver. It runs after the body was found valid, closest to the view."""
    if not info.options.get("limited"):
        return view

    def limited_view(context: Any, request: Any) -> Any:
        if _only_writes_down(request):
            return view(context, request)
        limits, actor = request.registry["rate_limits"], request.identity.actor
        address = client_address(request.environ, request.registry["trusted_proxies"])
        try:
            limits.admit(actor, address)
        except GatewayError:
            stored = request.gateway.payments.stored(getattr(request, "idempotency_key", None))
            if stored is None:
                raise
            return stored
        try:
            answer = view(context, request)
        except GatewayError as error:
            if error.code in _DECLINES:
                limits.declined(actor, address)
            raise
        if isinstance(answer, Answer):
            if answer.replayed:
                limits.give_back(actor)
            elif answer.status in _DECLINED:
                limits.declined(actor, address)
        return answer

    return limited_view


def _only_writes_down(request: Any) -> bool:
    """Staff record what happened at the desk, or what a patient promised: nobody is called, and no card is tried."""
    method = request.validated.get("payment_method")
    if method is None or not request.identity.is_staff:
        return False
    provider = request.gateway.registry.for_method(method)
    return bool(provider.manifest.capabilities.local)


limiting.options = ("limited",)  # type: ignore[attr-defined]


def client_address(environ: dict[str, Any], trusted: tuple[IPv4Network | IPv6Network, ...]) -> str | None:
    """Who called, for counting: an IPv4 address, or an IPv6 network of 64 bits, which one customer has whole.

    `X-Forwarded-For` is believed from trusted proxies only, from its end to the first address that is none of theirs:
    what stands before that, the caller may have written himself. None where nothing is known, so that nobody pays for
    others: a proxy on this machine that was not named would look like one busy client.
    """
    peer = _address(environ.get("REMOTE_ADDR", ""))
    for hop in reversed(environ.get("HTTP_X_FORWARDED_FOR", "").split(",")):
        if peer is None or not _is_among(peer, trusted):
            break
        peer = _address(hop.strip())
    if peer is None or peer.is_loopback or _is_among(peer, trusted):
        return None
    return str(peer) if peer.version == 4 else str(ip_network(f"{peer}/64", strict=False))


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(text)
    except ValueError:
        return None
    return found.ipv4_mapped or found if isinstance(found, IPv6Address) else found


def _is_among(address: IPv4Address | IPv6Address, networks: tuple[IPv4Network | IPv6Network, ...]) -> bool:
    return any(address in network for network in networks)


def includeme(config: Configurator) -> None:
    config.add_view_deriver(limiting, name="limiting", under="rendered_view", over="mapped_view")
