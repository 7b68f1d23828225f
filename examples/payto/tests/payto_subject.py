"""What the conformance kit has to know: how to start the stand-in, what is paid and what is declined, what the patient
does in his banking app, how webhooks are signed, and where the books are."""

from __future__ import annotations

from collections.abc import Mapping

from payto import PayToProvider
from payto_sandbox import PayToSandbox
from payto_sandbox.books import TOO_POOR
from payto_sandbox.deliveries import body_of, signed
from payto_sandbox.server import API_KEY
from tp_gateway.testing import Ask, Subject, Taken, Waiting


class PayToSubject(Subject):
    provider = PayToProvider

    def start(self) -> str:
        self.sandbox = PayToSandbox()
        return self.sandbox.start()

    def stop(self) -> None:
        self.sandbox.stop()

    def reset(self) -> None:
        with self.sandbox.lock:
            self.sandbox.books.reset()

    def settings(self) -> Mapping[str, str]:
        return {
            "base_url": self.url,
            "api_key": API_KEY,
            "webhook_secret": ",".join(self.webhook_secrets),
            "payee_name": "The Kit's Clinic",
        }

    def pays(self) -> Ask:
        return Ask({"payid": "pat@example.com"})

    def declines(self) -> Ask:
        return Ask({"payid": TOO_POOR})

    def finish(self, waiting: Waiting, *, pays: bool) -> None:
        with self.sandbox.lock:
            self.sandbox.books.answer(waiting.reference or "", "approve" if pays else "reject")

    def event(self, waiting: Waiting) -> bytes:
        about = [one for one in self.sandbox.books.events if one["agreement"]["id"] == waiting.reference]
        return body_of(next(one for one in about if one["type"] == "agreement.paid"))

    def sign(self, body: bytes, secret: str, at: float) -> Mapping[str, str]:
        return signed(body, secret, at)

    def books(self) -> list[Taken]:
        return [
            Taken(one["id"], one["amount"], one["currency"], sum(refund["amount"] for refund in one["refunds"]))
            for one in self.sandbox.books.agreements.values()
            if one["state"] == "paid"
        ]
