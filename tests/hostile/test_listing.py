"""`tp-gateway providers`: what is installed, enabled, able to work, and if not why; every kind of plugin at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.clinic import settings
from tests.registry.plugins import PROVIDER, Install
from tp_gateway import cli
from tp_gateway.cli import providers

RULES = "from tp_gateway.contract import hookimpl\n@hookimpl\ndef tp_gateway_before_submit(order, method): pass\n"


@pytest.fixture
def listed(sqlite_database_url: str, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    def run(enabled: str) -> tuple[int, dict[str, str]]:
        ini = tmp_path / "clinic.ini"
        given = settings(sqlite_database_url, "http://127.0.0.1:1", **{"tp_gateway.providers": enabled})
        lines = [f"{name} = {value}" for name, value in given.items()]
        ini.write_text("\n".join(["[app:main]", "use = egg:tp-gateway", *lines, ""]))
        monkeypatch.setattr(providers, "_CHECK_SECONDS", 0.3)
        code = cli.main(["-c", str(ini), "providers"])
        told = capsys.readouterr().out.strip().split("\n")
        return code, {line.split(":")[0]: line.partition(": ")[2] for line in told}

    return run


@pytest.mark.catalogue(101)
def test_each_plugin_is_told_with_its_state_and_its_reason(install: Install, listed: Any) -> None:
    install("acme", PROVIDER)
    install("asleep", "raise RuntimeError('is not imported')", distribution="asleep-pay")
    install("rules", RULES)
    install("broken", "import there_is_no_such_module", distribution="broken-pay")
    install("gone", PROVIDER + "Acme.manifest = manifest(slug='gone', method='gone', contract_version=9)")
    install("leaver", "raise SystemExit(0)")
    install("twin", PROVIDER, distribution="twin-pay")
    install("twin", PROVIDER, module="plugin_twin2", distribution="evil-twin")
    install("thief", PROVIDER + "Acme.manifest = manifest(slug='acme', method='thief')")
    ill = "\nAcme.check = lambda self, deadline: Health(False, 'key sk_live_1234567890\\n\\x1b[2Jrevoked')\n"
    install("ill", PROVIDER + ill + "Acme.manifest = manifest(slug='ill', method='ill')")
    evil = "\nimport tests.hostile.things as things\nAcme.check = lambda self, deadline: Health(things.Evil())\n"
    install("evil", PROVIDER + evil + "Acme.manifest = manifest(slug='evil', method='evil')")
    unbuilt = "\n@classmethod\ndef build(cls, settings, environment): raise ConfigurationError('of another country')\n"
    install("unbuilt", PROVIDER + f"{unbuilt}Acme.build = build\nAcme.manifest = manifest(slug='no', method='no')")
    poor = "\nclass Poor(Settings):\n    account = colander.SchemaNode(fields.Text())\n"
    install("poor", PROVIDER + poor + "Acme.manifest = manifest(slug='poor', method='poor', settings_schema=Poor())")
    raises = "\ndef check(self, deadline): raise OSError('no route to sk_live_1234567890')\nAcme.check = check\n"
    install("lost", PROVIDER + raises + "Acme.manifest = manifest(slug='lost', method='lost')")
    code, told = listed("acme rules broken gone leaver twin thief ill evil nowhere unbuilt poor lost")
    assert code == 1
    assert told["acme"] == "enabled, takes acme_pay (Acme), works"
    assert told["rules"] == "enabled, brings no provider (a policy or a listener)"
    assert told["asleep"] == "installed (asleep-pay 1.0), not enabled"
    assert told["broken"].startswith(
        "enabled, refused: plugin broken (broken-pay 1.0) cannot be loaded: ModuleNotFound"
    )
    assert "wants contract version 9, this is 1" in told["gone"]
    assert "cannot be loaded: SystemExit" in told["leaver"]
    assert "twin-pay 1.0 and evil-twin 1.0" in told["twin"] or "evil-twin 1.0 and twin-pay 1.0" in told["twin"]
    assert "plugins acme and thief both bring the provider acme" in told["thief"]
    assert told["ill"] == "enabled, takes ill (Acme), does not work: key [hidden] ?[2Jrevoked"
    assert "does not work: `check` answered" in told["evil"]
    assert "no installed plugin is named nowhere" in told["nowhere"]
    assert told["unbuilt"] == "enabled, refused: plugin unbuilt (plugin_unbuilt 1.0): of another country"
    assert told["poor"] == "enabled, refused: plugin poor (plugin_poor 1.0): tp_gateway.poor.account: ['Required']"
    assert told["lost"] == "enabled, takes lost (Acme), does not work: `check` raised OSError"
    assert told["stripe"].endswith("not enabled")


def test_all_well_is_exit_code_nought(install: Install, listed: Any) -> None:
    install("acme", PROVIDER)
    code, told = listed("acme")
    assert code == 0 and told["acme"].endswith("works")
