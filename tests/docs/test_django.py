"""The code on docs/django.md: a Django site made of it, in a process of its own, tells a real gateway over a socket."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest

from tests.api.conftest import Api
from tests.docs.pages import ROOT, blocks
from tp_gateway.contract import Event
from tp_gateway.services.outbox import Endpoint, NotTold, Webhook

PAGE = ROOT / "docs/django.md"
FILES = ["settings.py", "models.py", "gateway.py", "apps.py", "webhooks.py", "urls.py"]
FILES += ["management/commands/push_to_gateway.py"]
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SETTINGS = """
import os
SECRET_KEY = "of the site"
USE_TZ = True
ROOT_URLCONF = "clinic.urls"
ALLOWED_HOSTS = ["127.0.0.1"]
AUTH_USER_MODEL = "clinic.User"
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "clinic"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "site.sqlite"}}
"""
BEGIN = """
import json, os
from datetime import date, datetime, timedelta, timezone
import django
os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
django.setup()
from django.db import transaction
from clinic.models import Appointment, ProgressNote, User, WorkingDay
NINE = datetime(2025, 2, 3, 9, tzinfo=timezone(timedelta(hours=11)))
def booked(**more):
    people = {"patient_id": 1001, "psychologist_id": 1002}
    return Appointment(service="assessment", starts_at=NINE, minutes=50, fee=180, **people | more)
"""


SERVE = """
from wsgiref.simple_server import make_server
from django.core.wsgi import get_wsgi_application
server = make_server("127.0.0.1", 0, get_wsgi_application())
print(server.server_port, flush=True)
server.serve_forever()
"""


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None: ...


@dataclass
class Site:
    """A Django project in `folder`, and the gateway that it tells."""

    folder: Path
    api: Api
    address: str

    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        token = self.api.app.app.registry["verifier"].mint_service_token("django", timedelta(days=1))
        known = {"GATEWAY_WEBHOOK_SECRET": SECRET}
        known |= {"GATEWAY_URL": self.address, "GATEWAY_TOKEN": token, "DJANGO_SETTINGS_MODULE": "settings"}
        return subprocess.run(
            [sys.executable, *command],
            cwd=self.folder,
            env={**os.environ, **known, **environment},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def does(self, code: str, **environment: str) -> str:
        done = self.run("-c", BEGIN + code, **environment)
        assert done.returncode == 0, done.stderr
        return done.stderr

    def nightly(self, **environment: str) -> subprocess.CompletedProcess[str]:
        return self.run("-m", "django", "push_to_gateway", "--pythonpath", ".", **environment)


@pytest.fixture
def site(sqlite_database_url: str, tmp_path: Path) -> Iterator[Site]:
    api = Api(sqlite_database_url, "http://127.0.0.1:1")
    server: WSGIServer = make_server("127.0.0.1", 0, api.app.app, handler_class=_Quiet)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    texts = {block.split("\n", 1)[0].removeprefix("# "): block for block in blocks(PAGE, "python")}
    for name in FILES:
        path = tmp_path / "clinic" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(texts[name])
    (tmp_path / "settings.py").write_text(SETTINGS + texts["settings.py"])
    made = Site(tmp_path, api, f"http://127.0.0.1:{server.server_port}")
    done = made.run("-m", "django", "migrate", "--run-syncdb", "--pythonpath", ".", "-v", "0")
    assert done.returncode == 0, done.stderr
    yield made
    server.shutdown()
    thread.join()
    server.server_close()
    api.close()


def test_every_block_of_python_is_a_file_that_this_test_knows() -> None:
    assert [block.split("\n", 1)[0].removeprefix("# ") for block in blocks(PAGE, "python")] == FILES


def test_a_site_tells_the_gateway(site: Site) -> None:
    site.does("""
with transaction.atomic():
    User(id=1001, username="z", first_name="Zoë", last_name="Müller").save()
    User(id=1002, username="p", role="psychologist", provider_number="2447781L").save()
    visit = booked(id=1)
    visit.save()
    visit.fee = 190
    visit.save()
    WorkingDay(psychologist_id=1002, day=date(2025, 2, 3), minutes=420).save()
    ProgressNote(id=5, appointment=visit, patient_id=1001, author_id=1002, text="secret words").save()
try:
    with transaction.atomic():
        booked(id=2).save()
        raise KeyError
except KeyError:
    pass
booked(id=3).save()
Appointment.objects.get(id=3).delete()
""")
    rows = site.api.rows
    assert [tuple(row) for row in rows("SELECT id, name, role, provider_number FROM users ORDER BY id")] == [
        (1001, "Zoë Müller", "patient", None),
        (1002, "", "psychologist", "2447781L"),
    ]
    assert [tuple(row) for row in rows("SELECT id, fee, status FROM appointments")] == [
        (1, 19000, "pending"),
        (3, 18000, "cancelled"),
    ]
    assert [tuple(row) for row in rows("SELECT appointment_id, completed_at FROM progress_notes")] == [(1, None)]
    assert rows("SELECT minutes FROM availability") == [(420,)]


def test_the_night_heals_what_signals_missed(site: Site) -> None:
    away = {"GATEWAY_URL": "http://127.0.0.1:1"}
    people = 'User(id=1001, username="z").save(); User(id=1002, username="p", role="psychologist").save()\n'
    said = site.does(people + "booked(id=1).save()", **away)
    assert said.count("the gateway was not told of") == 3
    assert site.nightly(**away).returncode != 0
    code = "User.objects.bulk_create(User(id=2000 + n, username=str(n)) for n in range(25))\n"
    site.does(code + 'Appointment.objects.update(status="completed", rating=5)')
    page = site.folder / "clinic/gateway.py"
    page.write_text(page.read_text().replace("MOST_ROWS = 10_000", "MOST_ROWS = 10"))
    done = site.nightly()
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[:2] == [
        "users: {'created': 27, 'updated': 0, 'unchanged': 0}",
        "appointments: {'created': 1, 'updated': 0, 'unchanged': 0}",
    ]
    assert "'unchanged': 27}" in site.nightly().stdout
    assert site.api.rows("SELECT status, rating FROM appointments") == [("completed", 5)]


def test_a_refused_row_is_told(site: Site) -> None:
    said = site.does('User(id=1001, username="z", role="owner").save()')
    assert "the gateway refused users 1001: {'role': [" in said
    done = site.nightly()
    assert done.returncode != 0 and "1 rows were refused" in done.stderr
    assert site.api.rows("SELECT count(*) FROM users") == [(0,)]


def test_a_site_is_told_by_the_gateway(site: Site) -> None:
    site.does("""
User(id=1001, username="z").save()
User(id=1002, username="p", role="psychologist").save()
for number in (1, 2):
    booked(id=number).save()
""")
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "settings", "GATEWAY_WEBHOOK_SECRET": SECRET}
    environment |= {"GATEWAY_URL": site.address, "GATEWAY_TOKEN": "x"}
    process = subprocess.Popen(
        [sys.executable, "-c", BEGIN + SERVE],
        cwd=site.folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        url = f"http://127.0.0.1:{int(process.stdout.readline())}/webhooks/payments/"
        old, new = (base64.b64decode(one) for one in (SECRET.removeprefix("whsec_"), "b" * 32))

        def tell(fact: Event, *secrets: bytes, seconds: int = 0) -> None:
            endpoint = Endpoint(url, secrets, ("payment.*", "invoice.*"))
            Webhook(endpoint, lambda: datetime.now(UTC) + timedelta(seconds=seconds)).tell(fact)

        first, second = (
            Event(
                f"id-{number}", "payment.succeeded", datetime.now(UTC), {"appointment_id": number, "invoice_id": None}
            )
            for number in (1, 2)
        )
        part, whole = (
            Event(f"id-{name}", name, datetime.now(UTC), {"appointment_id": 2, "invoice_id": 7, "status": status})
            for name, status in (("payment.succeeded", "succeeded"), ("invoice.paid", "paid"))
        )
        tell(first, new, old)
        tell(first, old)
        for secrets, seconds in (((new,), 0), ((old,), -301), ((old,), 301), ((), 0)):
            with pytest.raises(NotTold, match="answered 400"):
                tell(second, *secrets, seconds=seconds)
        site.does("""
from clinic.models import GatewayEvent
assert list(Appointment.objects.order_by("pk").values_list("is_paid", flat=True)) == [True, False]
assert list(GatewayEvent.objects.values_list("id", "type")) == [("id-1", "payment.succeeded")]
""")
        tell(part, old)
        site.does("assert not Appointment.objects.get(pk=2).is_paid, 'a part of the invoice'")
        tell(whole, old)
        site.does("assert Appointment.objects.get(pk=2).is_paid")
    finally:
        process.kill()
        process.wait()
