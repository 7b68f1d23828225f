"""Webhooks: who sent them, when, and what they may decide (nothing)."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from tp_gateway import money
from tp_gateway.contract import InvalidSignature, Label, Observation, Subject
from tp_gateway.testing import rules
from tp_gateway.testing.attempt import Attempt
from tp_gateway.testing.bench import ENVIRONMENT, SECRETS, Bench
from tp_gateway.testing.checking import Broken, check, expect
from tp_gateway.testing.kept import can_be_kept
from tp_gateway.testing.watching import NETWORK, PROCESS, STORE, watched

_DAY = 86_400.0


def event(bench: Bench, **changes: Any) -> tuple[Attempt, bytes]:
    """A paid payment, and the body of the webhook that says so."""
    attempt = bench.paid(**changes)
    return attempt, bench.subject.event(attempt.waiting)


def signed(bench: Bench, body: bytes, secret: str = SECRETS[0], at: float | None = None) -> dict[str, str]:
    return dict(bench.subject.sign(body, secret, time.time() if at is None else at))


def parse(provider: Any, body: bytes, headers: Mapping[str, str]) -> list[Observation]:
    try:
        return list(provider.parse_webhook(body, headers))
    except InvalidSignature:
        raise
    except Exception as error:
        raise Broken(f"parse_webhook raised {type(error).__name__} instead of InvalidSignature") from error


def expect_refused(bench: Bench, body: bytes, headers: Mapping[str, str], what: str) -> None:
    try:
        found = parse(bench.provider, body, headers)
    except InvalidSignature:
        return
    raise Broken(f"{what}, and it was accepted: {[one.kind for one in found]}")


@check("webhooks", rule=rules.OBSERVATION, needs="webhooks")
def a_good_one_leads_to_its_payment(bench: Bench) -> None:
    """A webhook that is in order gives an observation that names the payment, by its reference or by our label, with an
    event id that is the same each time.

    By these the core finds the payment, and knows an event that comes twice.
    """
    attempt, body = event(bench)
    found = parse(bench.provider, body, signed(bench, body))
    again = parse(bench.provider, body, signed(bench, body))
    mine = [one for one in found if one.subject is Subject.PAYMENT and _names(one, attempt)]
    expect(mine, f"it gave {[(str(one.subject), one.reference) for one in found]}, the payment is {attempt.reference}")
    expect(all(map(can_be_kept, found)), "it gave an observation whose texts cannot be kept")
    ids = [one.event_id for one in found]
    expect(ids == [one.event_id for one in again] and all(ids), f"the event's id changes: {ids}")


@check("webhooks", rule=rules.OBSERVATION, needs="webhooks")
def each_event_has_its_own_id(bench: Bench) -> None:
    """Webhooks about two payments have two event ids.

    The core hears each event once, and knows it by its id: the second would be taken for the first one again.
    """
    told = []
    for _ in range(2):
        _, body = event(bench)
        told.append({one.event_id for one in parse(bench.provider, body, signed(bench, body))})
    expect(not told[0] & told[1], f"both are {sorted(told[0] & told[1])}")


def _names(seen: Observation, attempt: Attempt) -> bool:
    return attempt.reference == seen.reference or seen.labels.get(Label.PAYMENT) == attempt.order.id


@check("webhooks", rule=rules.MEMBERS, needs="webhooks")
def a_tampered_one_is_refused(bench: Bench) -> None:
    """A body of which any byte was changed after it was signed is refused with InvalidSignature.

    The endpoint is open to the world: the signature is all that tells the service from anybody.
    """
    _, body = event(bench)
    headers = signed(bench, body)
    step = max(1, len(body) // 16)
    for place in range(0, len(body), step):
        changed = body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]
        expect_refused(bench, changed, headers, f"byte {place} was changed after signing")
    expect_refused(bench, body + b" ", headers, "a byte was added after signing")


@check("webhooks", rule=rules.MEMBERS, needs="webhooks")
def an_unsigned_one_is_refused(bench: Bench) -> None:
    """Without a signature, with one that is no signature, or by another secret: InvalidSignature, and nothing else
    raised.

    Anything else that it raises is a server error at an address that anybody can call.
    """
    _, body = event(bench)
    told, good = list[Observation](), signed(bench, body)
    expect_refused(bench, body, {}, "there was no header at all")
    for name in good:
        expect_refused(bench, body, {**good, name: ""}, f"{name} was empty")
        expect_refused(bench, body, {**good, name: "é=,t=NaN,v1"}, f"{name} was nonsense")
        last = good[name][:-1] + ("0" if good[name][-1:] != "0" else "1")
        expect_refused(bench, body, {**good, name: last}, f"the last character of {name} was another one")
    expect_refused(bench, body, signed(bench, body, SECRETS[1]), "it was signed with another secret")
    expect_refused(bench, body, signed(bench, body, "x"), "it was signed with a secret of one letter")
    with suppress(Exception):  # some schemes cannot sign with nothing
        good = signed(bench, body, "")
        told = parse(bench.provider, body, good)
    expect(not told, "it was signed with an empty secret, and it was accepted")


@check("webhooks", rule=rules.MEMBERS, needs="webhooks")
def an_old_one_is_refused(bench: Bench) -> None:
    """What was signed a day ago is refused.

    Whoever has recorded one cannot send it again for ever.
    """
    _, body = event(bench)
    expect_refused(bench, body, signed(bench, body, at=time.time() - _DAY), "it was signed a day ago")


@check("webhooks", rule=rules.MEMBERS, needs="webhooks")
def one_from_the_future_is_refused(bench: Bench) -> None:
    """What says that it was signed a day ahead is refused.

    It would be good for a day and more, and nobody's clock is that wrong.
    """
    _, body = event(bench)
    expect_refused(bench, body, signed(bench, body, at=time.time() + _DAY), "it was signed a day ahead")


@check("webhooks", rule=rules.MEMBERS, needs="webhooks")
def both_secrets_are_good_while_one_is_replaced(bench: Bench) -> None:
    """With two secrets in the settings both are accepted, and with the new one alone the old one is refused.

    A secret cannot be replaced on two sides at the same moment; one that has leaked must be of no more use.
    """
    _, body = event(bench)
    for given, secret, good in (
        (SECRETS, SECRETS[0], True),
        (SECRETS, SECRETS[1], True),
        (SECRETS[1:], SECRETS[0], False),
    ):
        bench.subject.webhook_secrets = given
        provider, number = bench.build(), SECRETS.index(secret) + 1
        try:
            parse(provider, body, signed(bench, body, secret))
        except InvalidSignature:
            expect(not good, f"two secrets are set, and what secret {number} signed is refused")
        else:
            expect(good, "the old secret was taken out, and what it signed is accepted")


@check("webhooks", rule=rules.MEMBERS, needs="webhooks")
def nonsense_that_is_signed_raises_nothing_else(bench: Bench) -> None:
    """A body that is rightly signed and is no event gives InvalidSignature, or nothing of interest.

    The service's own mistakes, and tests that somebody clicks in its pages, end there as well.
    """
    for body in (b"", b"null", b"[]", b"{}", b'"x"', b"{", b"\xff\xfe", b'{"id": 1, "data": null}', b"[" * 2000):
        try:
            found = parse(bench.provider, body, signed(bench, body))
        except InvalidSignature:
            continue
        wrong = [one for one in found if not isinstance(one, Observation) or one.subject is not Subject.NOTHING]
        expect(not wrong, f"the body {body[:20]!r} gave an observation that is about something")


@check("webhooks", rule=rules.ENVIRONMENT, needs="webhooks")
def one_of_another_installation_is_ignored(bench: Bench) -> None:
    """An event about a payment of another installation (another `Environment.id`) is about nothing here.

    A staging system often shares an account with another one; each hears the events of both.
    """
    elsewhere = bench.build(environment="elsewhere")
    attempt = bench.attempt(provider=elsewhere)
    attempt.order = replace(attempt.order, labels={**attempt.order.labels, Label.ENVIRONMENT: "elsewhere"})
    attempt.paid()
    body = bench.subject.event(attempt.waiting)
    found = parse(bench.provider, body, signed(bench, body))
    ours = [one for one in found if one.subject is not Subject.NOTHING and _claims(one)]
    expect(not ours, "an event of another installation was taken for one of ours")


def _claims(seen: Observation) -> bool:
    """A hint without labels can only be matched by its reference, which is nobody's here."""
    return seen.labels.get(Label.ENVIRONMENT, "" if not seen.labels else ENVIRONMENT) == ENVIRONMENT


@check("webhooks", rule=rules.HINT, needs="webhooks fetch")
def one_is_only_a_hint(bench: Bench) -> None:
    """An observation carries no `evidence` where the provider can be asked: also not when the body says another amount.

    A body can be old, replayed or wrong. What the service says when it is asked is the truth.
    """
    attempt, body = event(bench)
    amount, currency = attempt.order.amount, attempt.order.currency
    more = amount * 10 + 7
    changed = body.replace(str(amount).encode(), str(more).encode())
    changed = changed.replace(
        money.to_decimal_text(amount, currency).encode(), money.to_decimal_text(more, currency).encode()
    )
    for one in (body, changed):
        told = [seen.evidence for seen in parse(bench.provider, one, signed(bench, one)) if seen.evidence is not None]
        expect(not told, f"an event said {told[:1]}, and `fetch` is declared")


@check("webhooks", rule=rules.MEMBERS, needs="webhooks")
def reading_one_calls_nobody(bench: Bench) -> None:
    """`parse_webhook` opens no connection, no database and no process.

    It is called before the sender was told that it came, on a thread of the server.
    """
    _, body = event(bench)
    headers, provider = signed(bench, body), bench.provider
    with watched(*NETWORK, *STORE, *PROCESS) as seen:
        parse(provider, body, headers)
    expect(not seen, f"parse_webhook did {', '.join(seen)}")
