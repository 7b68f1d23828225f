"""Where a provider is tried: its subject's sandbox, the proxy before it, and providers built from the subject's
settings. One for all checks of a subject; each check begins with empty books and a provider of its own."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import uuid4

from tp_gateway import money
from tp_gateway.contract import Capabilities, Environment, Flow, Label, Order, fields
from tp_gateway.errors import ValidationError
from tp_gateway.testing.attempt import SECONDS, Attempt
from tp_gateway.testing.checking import Broken
from tp_gateway.testing.finding import plugin_of
from tp_gateway.testing.proxy import Proxy
from tp_gateway.testing.subject import Ask, Subject, Taken

ENVIRONMENT = "conformance-kit"
SECRETS = ("whsec_a1f3bd0c25e94b7c", "whsec_77e2c04d9ab86f15")
"""What webhooks are signed with, and what they are signed with while that is being replaced."""
_SHOWN = 300
"""Characters of an answer in a message."""
_NOWHERE = "http://127.0.0.1:9"


class Bench:
    """`folder` is for databases of the core."""

    def __init__(self, subject: Subject, folder: Path) -> None:
        self.subject, self.folder = subject, folder
        self.manifest = subject.manifest
        self._proxy: Proxy | None = None
        self._provider: Any = None
        self._requests: dict[str, int] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Bench:
        try:
            if self.subject.supplies("start"):
                self._stack.callback(self.subject.stop)
                self._proxy = self._stack.enter_context(Proxy(self.subject.start()))
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def reset(self) -> None:
        """Empty books, a new provider, one webhook secret. NotImplementedError for a subject that has no sandbox and
        needs one."""
        if self._proxy is None and not self.able.local:
            Subject.start(self.subject)
        self._provider = None
        self._requests.clear()
        self.subject.webhook_secrets = SECRETS[:1]
        self.subject.url = self._proxy.url if self._proxy else _NOWHERE
        self.subject.reset()
        if self._proxy:
            self._proxy.seen.clear()

    # --- what is tried ------------------------------------------------------------------------------------------------

    @property
    def able(self) -> Capabilities:
        return self.manifest.capabilities

    @property
    def proxy(self) -> Proxy:
        if self._proxy is None:
            raise Broken("a local provider has no line that could be bad")
        return self._proxy

    @property
    def provider(self) -> Any:
        if self._provider is None:
            self._provider = self.build()
        return self._provider

    @cached_property
    def plugin(self) -> str:
        """Under which name it is installed; "" if it is not."""
        return plugin_of(self.subject.provider)

    def build(self, url: str = "", environment: str = ENVIRONMENT) -> Any:
        """Another instance, as another process would have it; `url`: with nobody, or somebody else, there."""
        given = self.settings(url)
        return self.subject.provider.build(given, Environment(environment, production=False))

    def settings(self, url: str = "") -> dict[str, Any]:
        """Validated."""
        try:
            found: dict[str, Any] = fields.validate(self.manifest.settings_schema, self.texts(url))
        except ValidationError as error:
            raise Broken(f"the subject's settings are refused: {error.fields}") from None
        return found

    def texts(self, url: str = "") -> dict[str, str]:
        """As they stand in the ini."""
        with self._called_at(url):
            return dict(self.subject.settings())

    def secrets(self) -> list[str]:
        """The values of settings that are secret."""
        names = [node.name for node in self.manifest.settings_schema.children if getattr(node, "secret", False)]
        given = self.texts()
        return [word for name in names for word in given.get(name, "").split(",") if word]

    @property
    def currency(self) -> str:
        """The one that ordinary payments are in."""
        return "AUD" if "AUD" in self.manifest.currencies else min(self.manifest.currencies)

    @property
    def currencies(self) -> list[str]:
        """The ordinary one, and one of each number of decimal places that the manifest has."""
        by_places = {money.exponent(one): one for one in sorted(self.manifest.currencies, reverse=True)}
        return [self.currency, *sorted(set(by_places.values()) - {self.currency})]

    def books(self) -> dict[str, Taken]:
        return {one.reference: one for one in self.subject.books()}

    def taken(self, attempt: Attempt) -> int:
        """What the sandbox's books say was taken by it. Without a reference: by anything."""
        books = self.books()
        if attempt.reference is None:
            return sum(one.amount for one in books.values())
        return books[attempt.reference].amount if attempt.reference in books else 0

    @property
    def last_exchange(self) -> str:
        """The last request that the kit's proxy has seen, and what came back; "" if it has seen none."""
        if self._proxy is None or not self._proxy.seen:
            return ""
        last = self._proxy.seen[-1]
        if last.answer is None:
            return f"{last.method} {last.path}, and no answer"
        body = last.answer.body.decode("utf-8", "replace")
        return f"{last.method} {last.path}, answered {last.answer.status} {body[:_SHOWN]!r}"

    # --- orders -------------------------------------------------------------------------------------------------------

    def attempt(self, ask: Ask | None = None, *, provider: Any = None, **changes: Any) -> Attempt:
        """A new payment: one that is paid, unless another is asked for. Nothing was sent yet."""
        ask = ask or self.subject.pays()
        key, now = str(uuid4()), datetime.now(UTC)
        service = (ask.service or self.subject.appointment()) if self.able.screens else None
        order = Order(
            id=key,
            flow=Flow.DIRECT,
            amount=ask.amount or self.subject.amount,
            currency=self.currency,
            idempotency_key=key,
            deadline=time.monotonic() + SECONDS,
            parameters=fields.validate(self.manifest.parameters_schema, dict(ask.parameters)),
            method_reference=ask.method,
            labels={Label.ENVIRONMENT: ENVIRONMENT, Label.PAYMENT: key, Label.PAYABLE: str(uuid4())},
            number=int(key[:6], 16),
            made_on=now.date(),
            service=service,
        )
        return Attempt(self, replace(order, **changes), provider or self.provider)

    def paid(self, **changes: Any) -> Attempt:
        attempt = self.attempt(**changes)
        attempt.paid()
        return attempt

    def requests_of(self, member: str) -> int:
        """How many requests the member sends when all is well; its last one is the one that counts. Tried twice,
        because a first call may have to log in."""
        if member in self._requests:
            return self._requests[member]
        count = 0
        for _ in range(2):
            attempt = self.attempt()
            if member != "prepare":
                attempt.prepare()
            before = len(self.proxy.seen)
            getattr(attempt, member)()
            count = len(self.proxy.seen) - before
        self._requests[member] = count
        return count

    @contextmanager
    def _called_at(self, url: str) -> Iterator[None]:
        usual = self.subject.url
        self.subject.url = url or usual
        try:
            yield
        finally:
            self.subject.url = usual
