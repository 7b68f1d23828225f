"""A worker that is killed when a webhook and an e-mail have arrived, and neither is ticked off: both come once more,
with the ids by which their receivers know them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from sandbox.stripe import StripeSandbox
from tests.clinic import PATIENT, Clinic, sandbox, settings
from tests.listening import Backend
from tests.mailing import Mails

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_both_come_once_more(database_url: str, stripe_sandbox: StripeSandbox, tmp_path: Path) -> None:
    backend, mails = Backend(), Mails()
    more = {
        "tp_gateway.notifications.webhook_url": backend.url,
        "tp_gateway.notifications.webhook_secret": SECRET,
        "tp_gateway.smtp.host": "127.0.0.1",
        "tp_gateway.smtp.port": str(mails.port),
        "tp_gateway.smtp.tls": "none",
        "tp_gateway.smtp.from": "accounts@clinic.example",
    }
    ini = tmp_path / "gateway.ini"
    lines = settings(database_url, stripe_sandbox.url, **more).items()
    ini.write_text("[app:main]\nuse = egg:tp-gateway\n" + "".join(f"{name} = {value}\n" for name, value in lines))
    sandbox(stripe_sandbox.url, "POST", "reset")
    clinic = Clinic(database_url, stripe_sandbox.url, **more).open()
    clinic.push_users([clinic.user(PATIENT, "patient") | {"email": "zoe@patient.example"}])
    clinic.appointment()
    clinic.pay()
    worker = subprocess.Popen(
        [sys.executable, "-m", "tp_gateway.cli", "-c", str(ini), "worker"], stderr=subprocess.DEVNULL
    )
    # Both have it, and the worker has heard from neither.
    both = threading.Barrier(2, lambda: os.kill(worker.pid, signal.SIGKILL))
    backend.before = mails.after = lambda: both.wait(60)
    try:
        assert worker.wait(60) == -signal.SIGKILL
        backend.before = mails.after = lambda: None
        assert clinic.rows("SELECT count(*) FROM outbox_deliveries WHERE next_attempt_at IS NULL") == [(0,)]
        assert clinic.gateway.outbox.relay() == 0, "they are the dead worker's until its lease is over"
        for _ in range(2):
            clinic.pass_time()
            clinic.gateway.outbox.relay()
        (first, body), (again, same_body) = backend.calls
        assert first["webhook-id"] == again["webhook-id"] and body == same_body
        (_, mail), (_, same_mail) = mails.taken
        assert mail["Message-ID"] == same_mail["Message-ID"]
        assert clinic.rows("SELECT count(*) FROM outbox_deliveries WHERE told_at IS NULL") == [(0,)]
    finally:
        worker.kill()
        worker.wait()
        clinic.close()
        mails.stop()
        backend.stop()
