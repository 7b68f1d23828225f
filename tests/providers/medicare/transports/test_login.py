"""PRODA's login: what is signed, when a token is renewed, and what becomes of a claim when there is none."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.providers.medicare.transports.claims import PERSON, QUERY, bulk_bill, key, services_australia
from tests.providers.medicare.transports.conftest import Control
from tp_gateway.contract import ConfigurationError
from tp_gateway.providers.medicare.transports import (
    Accepted,
    KeyTaken,
    NotSent,
    Refused,
    ServicesAustralia,
    Token,
    Unclear,
    Verified,
    new_private_key,
)
from tp_gateway.providers.medicare.transports.proda import RENEW_BEFORE
from tp_gateway.providers.medicare.transports.values import Verification

NewId = Callable[[], str]


def test_one_token_for_many_calls(direct: ServicesAustralia, sandbox: Control, soon: float, new_id: NewId) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(lambda _: direct.verify_patient(Verification(PERSON), new_id(), soon), range(16)),
        )
    assert all(isinstance(answer, Verified) for answer in answers)
    assert sandbox.tokens() == 1


def test_a_token_is_renewed_before_it_ends(sandbox: Control, soon: float, monkeypatch: pytest.MonkeyPatch) -> None:
    moved = [0.0]
    login = ServicesAustralia(services_australia(sandbox.url), lambda: time.time() + moved[0]).login
    first = login.token(soon)
    moved[0] = 49 * 60
    assert login.token(soon) is first and sandbox.tokens() == 1
    moved[0] = 51 * 60
    # It asks; PRODA finds the assertion of this clock to be of the future, and the old token is still good.
    assert login.token(soon) is first and sandbox.tokens() == 1
    moved[0] = 61 * 60
    assert isinstance(login.token(soon), Refused)

    monkeypatch.setattr("sandbox.medicare.proda.TOKEN_SECONDS", RENEW_BEFORE - 60)
    login = ServicesAustralia(services_australia(sandbox.url)).login
    early = login.token(soon)
    later = login.token(soon)
    assert isinstance(early, Token) and isinstance(later, Token) and later.value != early.value and later.key_expiry
    sandbox.rule("status", "token", status=503)
    assert login.token(soon) is later
    login.forget(early)  # somebody else's news of the token before
    sandbox.rule("status", "token", status=503)
    assert login.token(soon) is later
    login.forget(later)
    sandbox.rule("status", "token", status=503)
    assert login.token(soon) == Unclear("status", 503)


def test_an_expired_token_is_renewed_and_the_claim_sent_once(
    direct: ServicesAustralia, sandbox: Control, soon: float, new_id: NewId
) -> None:
    assert isinstance(direct.verify_patient(Verification(PERSON), new_id(), soon), Verified)
    sandbox.advance(minutes=61)
    assert isinstance(direct.submit_bulk_bill(bulk_bill(), new_id(), soon), Accepted)
    assert (sandbox.tokens(), len(sandbox.claims())) == (2, 1)


def test_a_call_that_was_sent_once_is_never_called_not_sent(
    direct: ServicesAustralia, sandbox: Control, soon: float, new_id: NewId
) -> None:
    assert isinstance(direct.verify_patient(Verification(PERSON), new_id(), soon), Verified)
    sandbox.advance(minutes=61)
    sandbox.rule("status", "token", status=503)
    assert direct.submit_bulk_bill(bulk_bill(), new_id(), soon) == Unclear("401, and not sent again", 401)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"private_key": "other"}, "mapping_error"),
        ({"audience": "https://elsewhere.example"}, "mapping_error"),
        ({"token_audience": "https://elsewhere.example"}, "mapping_error"),
        ({"client_id": "somebody"}, "invalid_client"),
    ],
)
def test_what_proda_refuses_sends_no_claim(
    sandbox: Control, soon: float, new_id: NewId, changes: dict[str, str], error: str
) -> None:
    if "private_key" in changes:
        changes = {"private_key": key(1)}
    transport = ServicesAustralia(services_australia(sandbox.url, **changes))
    assert transport.submit_bulk_bill(bulk_bill(), new_id(), soon) == NotSent(f"PRODA: {error}")
    assert sandbox.claims() == [] and sandbox.tokens() == 0


@pytest.mark.parametrize("fault", ["lost", "garbage", "status"])
def test_an_unclear_token_is_a_claim_not_sent(
    direct: ServicesAustralia, sandbox: Control, soon: float, new_id: NewId, fault: str
) -> None:
    sandbox.rule(fault, "token")
    assert isinstance(direct.submit_bulk_bill(bulk_bill(), new_id(), soon), NotSent)
    assert sandbox.claims() == []


def test_a_wrong_api_key_is_unclear(sandbox: Control, soon: float, new_id: NewId) -> None:
    transport = ServicesAustralia(services_australia(sandbox.url, api_key="wrong"))
    assert transport.processing_report(QUERY, new_id(), soon) == Unclear("status", 401)


def test_the_device_key_is_refreshed(sandbox: Control, soon: float) -> None:
    login = ServicesAustralia(services_australia(sandbox.url)).login
    new = new_private_key()
    assert isinstance(login.refresh_key(new, soon), KeyTaken)
    assert isinstance(login.token(soon), Token)
    old = ServicesAustralia(services_australia(sandbox.url)).login
    assert isinstance(old.token(soon), Refused)
    assert isinstance(login.refresh_key(new, soon), Refused)  # the same key again
    sandbox.activate()


def test_after_an_unclear_refresh_the_key_that_gets_a_token_is_the_one(sandbox: Control, soon: float) -> None:
    login, new = ServicesAustralia(services_australia(sandbox.url)).login, key(2)
    sandbox.rule("lost", "device")
    assert isinstance(login.refresh_key(new, soon), Unclear)
    assert isinstance(ServicesAustralia(services_australia(sandbox.url, new)).login.token(soon), Token)
    assert isinstance(ServicesAustralia(services_australia(sandbox.url)).login.token(soon), Refused)
    sandbox.activate()


def test_activation_codes(sandbox: Control, soon: float) -> None:
    login = ServicesAustralia(services_australia(sandbox.url)).login
    code = sandbox.ask("devices", {"org": "1234567890", "device": "clinic-1"})["code"]
    wrong = login.activate("guess", soon)
    assert isinstance(wrong, Refused) and wrong.codes == ("DE.7",)
    without_key = login.token(soon)
    assert isinstance(without_key, Refused) and without_key.codes == ("device_error",)
    assert isinstance(login.activate(code, soon), KeyTaken)
    again = login.activate(code, soon)
    assert isinstance(again, Refused) and again.codes == ("DE.5",)


@pytest.mark.parametrize("pem", ["", "-----BEGIN PRIVATE KEY-----\nCANARYKEY\n-----END PRIVATE KEY-----"])
def test_a_key_that_is_none_is_refused_without_a_word_of_it(pem: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        services_australia("https://proda.example", pem or "nonsense")
    assert "CANARY" not in str(caught.value) and caught.value.__cause__ is None


@pytest.mark.parametrize("changes", [{"api_key": ""}, {"api_key": "a\r\nb"}, {"minor_id": "x"}])
def test_settings_that_cannot_work(changes: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError):
        services_australia("https://medicare.example", **changes)
    with pytest.raises(ConfigurationError, match="https"):
        services_australia("http://medicare.example")
