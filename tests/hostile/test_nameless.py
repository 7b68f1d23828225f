"""Exceptions whose class does not say its name: its metaclass raises, and wants to end the process. Whatever names them
in a log does so without running the plugin's code, and the worker's loops live on."""

from __future__ import annotations

import sys
import threading
import time
from typing import Any

import pytest

from tests.hostile.conftest import Hostile
from tests.registry.plugins import PROVIDER, Install
from tests.registry.test_loading import refusal
from tp_gateway.observability import class_name
from tp_gateway.services.one_by_one import one_by_one
from tp_gateway.worker import Worker

pytestmark = pytest.mark.catalogue(97)

NAMELESS = """
class Meta(type):
    @property
    def __name__(cls):
        raise SystemExit("hunter2")

class Nameless(Exception, metaclass=Meta):
    pass

class Exit(BaseException, metaclass=Meta):
    pass

class Text(fields.Text, metaclass=Meta):
    pass

WHAT = OSError

def execute(self, order, reference=None):
    raise WHAT()

Acme.execute = Acme.fetch = execute
Acme.parse_webhook = lambda self, body, headers: execute(self, body)
Acme.manifest = manifest(capabilities=Capabilities(fetch=True, webhooks=True))
"""
POLICY = """
@hookimpl
def tp_gateway_before_submit(order, method):
    if method == "acme_pay":
        raise Nameless()
"""
LISTENER = """
@hookimpl
def tp_gateway_after_commit(event):
    raise Nameless()
"""


def test_a_class_is_named_without_asking_its_metaclass() -> None:
    class Meta(type):
        __name__ = property(lambda cls: sys.exit(1))  # type: ignore[assignment]

    nameless: Any = Meta("Nameless", (), {})
    assert class_name(nameless()) == "Nameless"
    assert class_name(type("x" * 10**6, (), {})()) == "x" * 64


@pytest.mark.parametrize("what", ["Nameless", "Exit"])
def test_what_the_provider_raises_waits_to_be_looked_up_by_a_sweep_that_lives_on(
    hostile_on_sqlite: Hostile, what: str
) -> None:
    victim = hostile_on_sqlite(NAMELESS, **{"timing.sweep_interval": "0.1"})
    victim.plugin.WHAT = getattr(victim.plugin, what)  # type: ignore[attr-defined]
    assert victim.pay_acme(status=201).json["status"] == "pending"
    victim.post("/api/webhooks/acme/", {}, status=400)
    victim.pass_time()
    worker = Worker(victim.gateway)
    worker.start()
    time.sleep(1)
    alive = {thread.name: thread.is_alive() for thread in worker._threads}
    worker.stop()
    assert all(alive.values())
    assert "hunter2" not in victim.log.getvalue() and "item_failed" not in victim.log.getvalue()


def test_what_a_policy_raises_refuses(hostile_on_sqlite: Hostile) -> None:
    victim = hostile_on_sqlite(NAMELESS + POLICY)
    assert victim.pay_acme(status=503).json["code"] == "service_unavailable"


def test_what_a_listener_raises_is_told_to_it_again(hostile_on_sqlite: Hostile) -> None:
    victim = hostile_on_sqlite(NAMELESS + LISTENER)
    victim.pay_by_http(appointment_id=victim.owe(), status=201)
    victim.gateway.outbox.relay()
    assert {row[0] for row in victim.rows("SELECT note FROM outbox_deliveries")} == {"Nameless"}


def test_a_type_of_a_schema_is_shown(hostile_on_sqlite: Hostile) -> None:
    schema = "fields.Schema(colander.SchemaNode(Text(), name='note', missing=''))"
    victim = hostile_on_sqlite(NAMELESS + f"Acme.manifest = manifest(parameters_schema={schema})")
    shown = victim.get("/api/billing/providers/", status=200).json["providers"]
    assert [one["type"] for one in shown[1]["parameters"]] == ["text"]


@pytest.mark.parametrize("where", ["", "Acme.build = classmethod(lambda *_: raising())"])
def test_at_start_the_plugin_is_named(install: Install, load: Any, where: str) -> None:
    source = "\ndef raising():\n    raise Nameless('hunter2')\n" + (where or "raising()")
    install("acme", PROVIDER + NAMELESS + source)
    assert "plugin acme (plugin_acme 1.0) cannot be" in refusal(load, "acme")


# --- the loops beside the requests -----------------------------------------------------------------------------------


def raising(error: type[BaseException]) -> int:
    """The items that are worked on although each first one raises, in a loop on a thread of its own."""
    done = []

    def work(item: int) -> int:
        if not item:
            raise error
        return item

    thread = threading.Thread(target=lambda: done.append(one_by_one("sweep", [0, 1, 2], work)))
    thread.start()
    thread.join()
    return done[0].done if done else 0


@pytest.mark.parametrize("error", [ValueError, SystemExit, KeyboardInterrupt, GeneratorExit])
def test_an_item_that_wants_to_end_the_process_is_left_and_the_others_are_done(error: type[BaseException]) -> None:
    assert raising(error) == 3


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
def test_on_the_main_thread_the_process_can_be_ended(error: type[BaseException]) -> None:
    def interrupted(_item: int) -> int:
        raise error

    with pytest.raises(error):
        one_by_one("sweep", [1], interrupted)


def test_a_loop_outlives_a_round_that_wants_to_end_the_process(hostile_on_sqlite: Hostile) -> None:
    victim = hostile_on_sqlite(**{"timing.sweep_interval": "0.05"})
    rounds: list[int] = []

    def ended() -> int:
        rounds.append(1)
        raise SystemExit("hunter2")

    victim.gateway.recovery.sweep = ended  # type: ignore[method-assign]
    worker = Worker(victim.gateway)
    worker.start()
    time.sleep(0.5)
    worker.stop()
    assert len(rounds) > 1 and not any(thread.is_alive() for thread in worker._threads)
