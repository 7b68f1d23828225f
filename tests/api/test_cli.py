"""The operator's commands: what they print, and that a problem is one line without a traceback."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.fernet import Fernet

from sandbox.stripe import StripeSandbox
from tests.banking import cba
from tests.clinic import settings
from tp_gateway import config, make_verifier
from tp_gateway.cli import main
from tp_gateway.identity import Identity

ROOT = Path(__file__).parents[2]
INI = str(ROOT / "development.ini")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/cli.sqlite")
    monkeypatch.delenv("TP_GATEWAY_CONFIG", raising=False)


def run(capsys: Any, *arguments: str) -> tuple[int, str, str]:
    code = main(["-c", INI, *arguments])
    printed = capsys.readouterr()
    return code, printed.out.strip(), printed.err.strip()


def test_version_and_keys(capsys: Any) -> None:
    code, version, _ = run(capsys, "version")
    assert (code, bool(re.fullmatch(r"\d+\.\d+\.\d+", version))) == (0, True)
    Fernet(run(capsys, "new-key")[1])
    assert len(run(capsys, "new-key", "--secret")[1]) >= 48
    assert run(capsys, "new-key")[1] != run(capsys, "new-key")[1]


def test_a_webhook_secret_is_one_that_the_ini_takes(capsys: Any) -> None:
    secret = run(capsys, "new-key", "--webhook")[1]
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=", secret) and run(capsys, "new-key", "--webhook")[1] != secret
    told = {"tp_gateway.notifications.webhook_url": "https://backend.example/"}
    read = config.load(settings("sqlite:///x", "") | told | {"tp_gateway.notifications.webhook_secret": secret}, {})
    assert len(read.notifications.webhook_secrets[0]) == 32


def test_a_checkouts_other_ini_is_named_when_none_was(
    capsys: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DATABASE_URL")
    (tmp_path / "production.ini").write_text("[app:main]\nuse = egg:tp-gateway\n")
    hint = "the other one is: -c development.ini"
    assert main(["providers"]) == 1 and hint not in capsys.readouterr().err
    (tmp_path / "development.ini").write_text((ROOT / "development.ini").read_text("utf-8"))
    assert main(["providers"]) == 1 and hint in capsys.readouterr().err
    assert main(["-c", "production.ini", "providers"]) == 1 and hint not in capsys.readouterr().err


def test_analytics_says_what_it_wants(capsys: Any) -> None:
    with pytest.raises(SystemExit):
        main(["analytics"])
    assert "required: rebuild" in capsys.readouterr().err


def test_migrate_twice(capsys: Any) -> None:
    for _ in range(2):
        assert run(capsys, "migrate")[0] == 0


def verifier() -> Any:
    import plaster

    return make_verifier(config.load(plaster.get_loader(INI, protocols=["wsgi"]).get_wsgi_app_settings("main")))


def test_service_tokens(capsys: Any) -> None:
    code, text, _ = run(capsys, "token", "django", "--days", "2")
    assert code == 0
    assert verifier().verify(text) == Identity(None, "service", "django")
    claims = jwt.decode(text, options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == 2 * 86_400


def test_user_tokens_in_development(capsys: Any) -> None:
    code, text, _ = run(capsys, "token", "--user", "45", "--role", "patient")
    assert code == 0
    assert verifier().verify(text) == Identity(45, None)
    assert jwt.decode(text, options={"verify_signature": False})["role"] == "patient"


def test_user_tokens_never_in_production(capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TP_GATEWAY_JWT_KEY", "TP_GATEWAY_SERVICE_KEY"):
        monkeypatch.setenv(name, f"{name}-of-a-real-installation-somewhere")
    monkeypatch.setenv("TP_GATEWAY_ENCRYPTION_KEYS", Fernet.generate_key().decode())
    monkeypatch.setenv("TP_GATEWAY_MODE", "production")
    code, out, err = run(capsys, "token", "--user", "45")
    assert (code, out) == (1, "")
    assert "development" in err
    assert run(capsys, "token", "django")[0] == 0


@pytest.mark.parametrize("arguments", [["token"], ["token", "x", "--user", "4"]])
def test_wrong_use_of_token(capsys: Any, arguments: list[str]) -> None:
    code, _, err = run(capsys, *arguments)
    assert (code, len(err.splitlines())) == (1, 1)


def test_problems_are_one_line(capsys: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "broken.ini"
    broken.write_text("not an ini file")
    for path in (str(tmp_path / "none.ini"), str(broken)):
        assert main(["-c", path, "migrate"]) == 1
        err = capsys.readouterr().err
        assert err.startswith("tp-gateway: ")
        assert "Traceback" not in err
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody:hunter2hunter2@127.0.0.1:1/none")
    code, _, err = run(capsys, "migrate")
    assert (code, len(err.splitlines())) == (1, 1)
    assert "hunter2" not in err
    with pytest.raises(SystemExit) as usage:
        main(["nonsense"])
    assert usage.value.code == 2


def test_providers(capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRIPE_API_BASE", "http://127.0.0.1:1")
    code, out, _ = run(capsys, "providers")
    assert code == 1
    assert "stripe: enabled" in out
    assert "does not work" in out
    assert "sk_test" not in out


@pytest.mark.parametrize("days", ["0", "-1", "99999999", "x", "9" * 5000])
def test_days_are_some_days(capsys: Any, days: str) -> None:
    for command in (["token", "x"], ["reverse-sweep"]):
        with pytest.raises(SystemExit):
            run(capsys, *command, f"--days={days}")
        assert "Traceback" not in capsys.readouterr().err


def test_the_reverse_sweep_by_hand(capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRIPE_API_BASE", "http://127.0.0.1:1")
    code, out, err = run(capsys, "reverse-sweep", "--days", "30")
    assert (code, out) == (1, "") and "did not answer" in err, "silence is not told as agreement"
    with StripeSandbox(port=0) as there:
        monkeypatch.setenv("STRIPE_API_BASE", there.url)
        code, out, _ = run(capsys, "reverse-sweep", "--days", "30")
    assert (code, out) == (0, "0 differences were found and worked on.")


def test_a_secret_with_percent_signs(tmp_path: Path, capsys: Any) -> None:
    ini = tmp_path / "percent.ini"
    text = Path(INI).read_text()
    ini.write_text(
        re.sub(
            r"(?m)^tp_gateway.service.key = .*$",
            "tp_gateway.service.key = 100%%-(secret)s-of-more-than-32-bytes-%%d",
            text,
        )
    )
    assert main(["-c", str(ini), "token", "django"]) == 0
    service = jwt.decode(
        capsys.readouterr().out.strip(),
        "100%-(secret)s-of-more-than-32-bytes-%d",
        ["HS256"],
        audience="tp-gateway-service",
    )
    assert service["sub"] == "django"


def test_the_worker_stops_when_told(tmp_path: Path) -> None:
    environ = {**os.environ, "STRIPE_API_BASE": "http://127.0.0.1:1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "tp_gateway.cli", "-c", INI, "worker"], env=environ, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stderr is not None
        deadline = time.monotonic() + 20
        while "worker_started" not in process.stderr.readline():
            assert time.monotonic() < deadline
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
    finally:
        process.kill()


# --- bank statements --------------------------------------------------------------------------------------------------


def test_statements_are_imported_and_listed(capsys: Any, tmp_path: Path) -> None:
    march, april = tmp_path / "March.csv", tmp_path / "April.csv"
    march.write_bytes(cba([(100, "Deposit"), (-50, "Rent")]))
    april.write_bytes(cba([(100, "Deposit"), (-50, "Rent"), (7, "Interest")]))
    code, out, err = run(capsys, "statements", "import", str(march), str(april))
    assert code == 0 and "April.csv: importing" not in out and "\r" not in err
    assert out.splitlines() == [
        "March.csv: CBA CSV, 2 lines: 2 new, 0 duplicate; 1 unmatched, 1 ignored",
        "April.csv: CBA CSV, 3 lines: 1 new, 2 duplicate; 1 unmatched",
    ]
    code, out, _ = run(capsys, "statements", "list")
    newest, oldest = out.splitlines()
    assert code == 0 and "cli" in newest and "April.csv" in newest and "March.csv" in oldest


@pytest.mark.catalogue(95)
def test_a_statement_that_is_refused_names_file_and_line(capsys: Any, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    good.write_bytes(cba([(100, "Deposit")]))
    bad.write_bytes(cba([(100, "Deposit")]) + b"05/03/2026,abc,x,1.00\n")
    code, out, err = run(capsys, "statements", "import", str(bad), str(good), str(tmp_path / "none.csv"))
    assert code == 1 and out.startswith("good.csv: CBA CSV, 1 lines: 1 new")
    told = [line for line in err.splitlines() if line.startswith("tp-gateway: ")]
    assert told[0] == f"tp-gateway: {bad}:2: an amount is not a number"
    assert told[1].startswith(f"tp-gateway: {tmp_path}/none.csv: ") and len(told) == 2


@pytest.mark.parametrize("arguments", [["import"], ["list", "x.csv"]])
def test_wrong_use_of_statements(capsys: Any, arguments: list[str]) -> None:
    code, _, err = run(capsys, "statements", *arguments)
    assert (code, len(err.splitlines())) == (1, 1)


def test_a_bar_moves_on_a_terminal(tmp_path: Path) -> None:
    """As `script` gives it one; the bar is gone when the file is in."""
    file = tmp_path / "March.csv"
    file.write_bytes(cba([(number + 1, "Deposit") for number in range(5000)]))
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "tp_gateway.cli", "-c", INI, "statements", "import", str(file)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs, cwd=ROOT, text=True)
    os.close(theirs)
    written = b""
    with suppress(OSError):  # how the end of a terminal reads
        while part := os.read(ours, 4096):
            written += part
    assert process.stdout is not None and process.stdout.read().startswith("March.csv: CBA CSV, 5000 lines: 5000 new")
    assert process.wait() == 0
    os.close(ours)
    assert b"importing [##" in written and b"checking" in written and written.endswith(b"\r\x1b[K")
