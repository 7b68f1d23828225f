"""What the kit is told about the example."""

from __future__ import annotations

import json
from collections.abc import Mapping

from tests.conformance.example.provider import Tally, signature
from tests.conformance.example.service import API_KEY, TallyService
from tp_gateway.testing import Ask, Subject, Taken, Waiting


class TallySubject(Subject):
    provider = Tally

    def start(self) -> str:
        self.service = TallyService()
        return self.service.url

    def stop(self) -> None:
        self.service.stop()

    def reset(self) -> None:
        self.service.reset()

    def settings(self) -> Mapping[str, str]:
        return {"base_url": self.url, "api_key": API_KEY, "webhook_secret": ",".join(self.webhook_secrets)}

    def pays(self) -> Ask:
        return Ask({"token": "tok_good"})

    def declines(self) -> Ask:
        return Ask({"token": "tok_poor"})

    def books(self) -> list[Taken]:
        paid = [one for one in self.service.payments.values() if one["state"] == "paid"]
        back = {one["reference"]: sum(refund["amount"] for refund in one["refunds"]) for one in paid}
        return [Taken(one["reference"], one["amount"], one["currency"], back[one["reference"]]) for one in paid]

    def event(self, waiting: Waiting) -> bytes:
        payment = self.service.payments[waiting.reference or ""]
        return json.dumps({"id": f"evt_{waiting.reference}", "kind": "payment.paid", "payment": payment}).encode()

    def sign(self, body: bytes, secret: str, at: float) -> Mapping[str, str]:
        stamp = str(int(at))
        return {"tally-signature": f"{stamp}.{signature(body, secret, stamp).decode()}"}
