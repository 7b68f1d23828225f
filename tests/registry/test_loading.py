"""Plugins come in by real entry points, only when the ini names them, never with what could surprise later."""

import sys
import textwrap
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.registry.plugins import PROVIDER, Install
from tp_gateway.contract import Event, Flow, Order
from tp_gateway.errors import ConfigurationError, GatewayError, ValidationError
from tp_gateway.registry import CORE_FIELDS, installed
from tp_gateway.views.evidence import EvidenceBody
from tp_gateway.views.rebates import RebateBody

pytestmark = pytest.mark.catalogue(101)


def order(**more: Any) -> Order:
    values: dict[str, Any] = {"id": "1", "flow": Flow.DIRECT, "amount": 18000, "currency": "AUD"}
    return Order(**values | {"idempotency_key": "k", "deadline": time.monotonic() + 5} | more)


def refusal(load: Any, *enabled: str, **more: Any) -> str:
    with pytest.raises(ConfigurationError) as refused:
        load(*enabled, **more)
    return str(refused.value)


def test_a_plugin_without_a_fault_is_loaded_and_charges(install: Install, load: Any) -> None:
    install("acme", PROVIDER)
    registry = load("acme")
    assert [provider.slug for provider in registry] == ["acme"]
    assert registry.for_method("acme_pay") is registry.by_slug("acme") is registry.find("acme")
    assert registry.by_slug("acme").execute(order(), None).settled == 18000
    assert registry.by_slug("acme").check(5).ok


def test_installed_but_not_enabled_neither_charges_nor_is_imported(install: Install, load: Any) -> None:
    install("acme", PROVIDER)
    install("other", "raise RuntimeError('was imported')")
    assert {"acme", "other", "stripe"} <= set(installed())
    registry = load("acme")
    assert registry.find("other") is None and registry.find("stripe") is None
    assert "plugin_other" not in sys.modules
    with pytest.raises(KeyError):
        registry.by_slug("stripe")
    with pytest.raises(ValidationError) as refused:
        registry.for_method("card")
    assert refused.value.details == {"payment_method": ["Not available here. Choose one of: acme_pay"]}


def test_a_plugin_may_be_an_object_and_bring_several_providers(install: Install, load: Any) -> None:
    source = """
    class Second(Acme):
        manifest = manifest(slug="second", method="second_pay")
    class Plugin:
        @hookimpl
        def tp_gateway_providers(self):
            return [Acme, Second]
    plugin = Plugin()
    """
    install("acme", PROVIDER + textwrap.dedent(source), attribute="plugin")
    assert [provider.slug for provider in load("acme")] == ["acme", "second"]


def test_what_the_contract_calls_an_iterable_may_be_a_generator(install: Install, load: Any) -> None:
    source = """
    def listed(self, moment, until, deadline):
        yield from ()
    Acme.list_since = Acme.list_remittances = listed
    def parse_webhook(self, body, headers):
        yield from ()
    Acme.parse_webhook = parse_webhook
    able = Capabilities(list_since=True, remittances=True, webhooks=True)
    Acme.manifest = manifest(capabilities=able)
    """
    install("acme", PROVIDER + textwrap.dedent(source))
    provider = load("acme").by_slug("acme")
    assert provider.list_since(datetime.now(UTC), datetime.now(UTC), time.monotonic() + 5) == []
    assert provider.parse_webhook(b"", {}) == []


def test_a_plugin_may_bring_only_rules(install: Install, load: Any) -> None:
    install("acme", PROVIDER)
    install("rules", RULES.format(body="return None"))
    assert load("acme", "rules").has_policies() and not load("acme").has_policies()
    assert "none of the enabled plugins brings a provider" in refusal(load, "rules")


# --- what is not loaded -----------------------------------------------------------------------------------------------

MANIFESTS = {
    "another contract": ("contract_version=2", "wants contract version 2, this is 1"),
    "contract version as text": ("contract_version='1'", "wants contract version 1"),
    "upper-case slug": ("slug='Acme'", "slug and method"),
    "a slug with a path": ("slug='a/b'", "slug and method"),
    "a slug with a line break": ("slug='acme\\n'", "slug and method"),
    "a long slug": ("slug='a' * 33", "slug and method"),
    "a method with a space": ("method='acme pay'", "slug and method"),
    "an unknown currency": ("currencies=frozenset({'AUD', 'XXQ'})", "ISO 4217"),
    "a lower-case currency": ("currencies=frozenset({'aud'})", "ISO 4217"),
    "no currency": ("currencies=frozenset()", "ISO 4217"),
    "fetch": ("capabilities=Capabilities(fetch=True)", "does not have `fetch`"),
    "two_step": ("capabilities=Capabilities(two_step=True)", "`prepare`; declares but does not have `close`"),
    "refund": ("capabilities=Capabilities(refund=True)", "`refund`"),
    "webhooks": ("capabilities=Capabilities(webhooks=True)", "`parse_webhook`"),
    "save_method": ("capabilities=Capabilities(save_method=True)", "`drop_method`"),
    "list_since": ("capabilities=Capabilities(list_since=True)", "`list_since`"),
    "a word of another contract": ("teleports=True", "cannot be loaded: TypeError"),
    "a capability of another contract": ("capabilities=Capabilities(teleports=True)", "'teleports'"),
    "no settings": ("settings_schema=None", "colander"),
    "a schema's class": ("parameters_schema=Parameters", "colander"),
}


@pytest.mark.parametrize("wrong", MANIFESTS)
def test_a_manifest_that_promises_too_much_is_refused(install: Install, load: Any, wrong: str) -> None:
    change, message = MANIFESTS[wrong]
    install("acme", PROVIDER + f"Acme.manifest = manifest({change})")
    text = refusal(load, "acme")
    assert "plugin acme" in text and message in text


def test_a_manifest_without_a_version_is_of_the_first(
    install: Install, load: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not of the one that happens to be installed: that would be none at all."""
    install("acme", PROVIDER)
    monkeypatch.setattr("tp_gateway.registry.manifests.CONTRACT_VERSION", 2)
    assert "wants contract version 1, this is 2" in refusal(load, "acme")


@pytest.mark.parametrize("member", ["build", "check", "execute"])
def test_a_provider_without_a_member_that_all_have_is_refused(install: Install, load: Any, member: str) -> None:
    install("acme", PROVIDER + f"del Acme.{member}")
    assert f"`{member}`" in refusal(load, "acme")


@pytest.mark.parametrize("name", sorted(CORE_FIELDS))
def test_a_parameter_may_not_have_a_name_of_the_core(install: Install, load: Any, name: str) -> None:
    node = f"Parameters.__all_schema_nodes__ = [colander.SchemaNode(fields.Text(), name={name!r}, missing='')]\n"
    install("acme", PROVIDER + node + "Acme.manifest = manifest(parameters_schema=Parameters())")
    assert f"names of the core: {name}" in refusal(load, "acme")


@pytest.mark.parametrize(
    ("schema", "name"),
    [
        *(("evidence", name) for name in ("amount", "description", *(node.name for node in EvidenceBody().children))),
        *(("rebate", name) for name in ("amount", "description", *(node.name for node in RebateBody().children))),
    ],
)
def test_no_field_of_evidence_or_of_a_claim_has_a_name_of_the_core(
    install: Install, load: Any, schema: str, name: str
) -> None:
    """It could never be sent: the core would take it for its own."""
    node = f"fields.Schema(colander.SchemaNode(fields.Text(), name={name!r}, missing=''))"
    install("acme", PROVIDER + f"Acme.manifest = manifest({schema}_schema={node})")
    assert f"{schema}_schema uses names of the core: {name}" in refusal(load, "acme")


SOURCES = {
    "import fails": ("import there_is_no_such_module", "cannot be loaded: ModuleNotFoundError"),
    "import raises": ("1 / 0", "cannot be loaded: ZeroDivisionError"),
    "syntax": ("def", "cannot be loaded: SyntaxError"),
    "misspelt hook": (
        "@hookimpl\ndef tp_gateway_provider():\n    yield Acme",
        "unknown hook 'tp_gateway_provider'",
    ),
    "misspelt argument": (
        "@hookimpl\ndef tp_gateway_before_submit(order, payment):\n    return None",
        "PluginValidationError",
    ),
    "wrapper": (
        "@hookimpl(wrapper=True)\ndef tp_gateway_before_submit(order, method):\n    yield\n    return []",
        "wraps tp_gateway_before_submit",
    ),
    "old-style wrapper": (
        "@hookimpl(hookwrapper=True)\ndef tp_gateway_after_commit(event):\n    yield",
        "wraps tp_gateway_after_commit",
    ),
    "wrapper around the providers": (
        "@hookimpl(wrapper=True)\ndef tp_gateway_providers():\n    yield\n    return []",
        "wraps tp_gateway_providers",
    ),
    "no manifest": ("del Acme.manifest", "has no manifest"),
    "a manifest of another type": ("Acme.manifest = {'slug': 'acme'}", "has no manifest"),
    "providers raises": (
        "@hookimpl\ndef tp_gateway_providers():\n    raise OSError('disk')",
        "failed to name its providers: OSError",
    ),
    "providers raises half-way": (
        "@hookimpl\ndef tp_gateway_providers():\n    yield Acme\n    raise OSError('disk')",
        "failed to name its providers: OSError",
    ),
    "providers is not a list": (
        "@hookimpl\ndef tp_gateway_providers():\n    return 5",
        "failed to name its providers: TypeError",
    ),
    "the same provider twice": (
        "@hookimpl\ndef tp_gateway_providers():\n    return [Acme, Acme]",
        "both bring the provider acme",
    ),
    "two providers of one method": (
        "class Two(Acme):\n    manifest = manifest(slug='two')\n"
        "@hookimpl\ndef tp_gateway_providers():\n    return [Acme, Two]",
        "both bring the payment method acme_pay",
    ),
    "build raises": (
        "def build(cls, settings, environment):\n    raise OSError('key is hunter2')\nAcme.build = classmethod(build)",
        "cannot be built: OSError",
    ),
    "build refuses": (
        "def build(cls, settings, environment):\n    raise ConfigurationError('tp_gateway.acme.api_key: not a key')\n"
        "Acme.build = classmethod(build)",
        "tp_gateway.acme.api_key: not a key",
    ),
}


@pytest.mark.parametrize("wrong", SOURCES)
def test_a_plugin_with_a_fault_is_refused_by_name(install: Install, load: Any, wrong: str) -> None:
    source, message = SOURCES[wrong]
    install("acme", PROVIDER + source + "\n")
    text = refusal(load, "acme")
    assert "acme" in text and message in text and "hunter2" not in text


def test_what_is_not_installed_is_refused_and_what_is_there_is_named(install: Install, load: Any) -> None:
    install("acme", PROVIDER)
    text = refusal(load, "acme", "acmee")
    assert "no installed plugin is named acmee" in text and "acme, " in text and "stripe" in text


def test_two_packages_with_one_plugin_name_are_refused(install: Install, load: Any) -> None:
    install("acme", PROVIDER)
    install("acme", PROVIDER, module="plugin_evil", distribution="evil")
    assert "two installed packages bring a plugin named acme" in refusal(load, "acme")


def test_a_plugin_enabled_twice_is_refused(install: Install, load: Any) -> None:
    install("acme", PROVIDER)
    assert "acme" in refusal(load, "acme", "acme")


@pytest.mark.parametrize(
    ("change", "claim"),
    [("method='other_pay'", "provider acme"), ("slug='other'", "payment method acme_pay")],
)
def test_two_plugins_with_one_slug_or_method_are_refused(install: Install, load: Any, change: str, claim: str) -> None:
    install("acme", PROVIDER)
    install("other", PROVIDER + f"Acme.manifest = manifest({change})")
    assert f"plugins acme and other both bring the {claim}" in refusal(load, "acme", "other")


# --- settings ---------------------------------------------------------------------------------------------------------

SCHEMA = """
class Settings(fields.Schema):
    api_key = colander.SchemaNode(fields.Text(), secret=True, validator={validator})
Acme.manifest = manifest(settings_schema=Settings())
"""


@pytest.mark.catalogue(87)
@pytest.mark.parametrize(
    "validator",
    [
        "colander.OneOf(['a', 'b'])",
        "colander.Regex('^sk_')",
        "colander.Length(max=3)",
        "colander.NoneOf(['hunter2hunter2'])",
        "colander.ContainsOnly('abc')",
        "colander.Email()",
    ],
)
def test_a_bad_setting_is_named_and_never_shown(install: Install, load: Any, validator: str) -> None:
    install("acme", PROVIDER + SCHEMA.format(validator=validator))
    text = refusal(load, "acme", settings={"acme": {"api_key": "hunter2hunter2"}})
    assert "tp_gateway.acme.api_key" in text and "hunter2" not in text


def test_a_missing_or_misspelt_setting_is_named(install: Install, load: Any) -> None:
    install("acme", PROVIDER + SCHEMA.format(validator="None"))
    text = refusal(load, "acme", settings={"acme": {"api_kee": "hunter2"}})
    assert "tp_gateway.acme.api_key: ['Required']" in text and "tp_gateway.acme.api_kee" in text
    assert "hunter2" not in text


def test_only_settings_marked_public_are_told_to_frontends(install: Install, load: Any) -> None:
    install("acme", PROVIDER)
    given = {"api_key": "hunter2", "plain": "p", "shown": "pk_2"}
    provider = load("acme", settings={"acme": given}).by_slug("acme")
    assert provider.public_settings == {"shown": "pk_2"}
    assert "hunter2" not in repr(provider) + repr(provider.__dict__) + repr(provider.manifest)


# --- hooks ------------------------------------------------------------------------------------------------------------

RULES = """
from tp_gateway.contract import Veto, hookimpl

seen = []

@hookimpl
def tp_gateway_before_submit(order, method):
    seen.append((order, method))
    {body}

@hookimpl
def tp_gateway_after_commit(event):
    seen.append(event)
    if event.topic == "raise":
        raise ConnectionError("not there")
"""

ANSWERS = {
    "nothing": ("return None", None, None),
    "a veto": ("return Veto('payment_in_progress', 'Call us')", "payment_in_progress", "Call us"),
    "an unknown code": ("return Veto('made_up', 'Call us')", "not_payable", "Call us"),
    "no message": ("return Veto('not_payable', '')", "not_payable", "Not payable"),
    "raises": (
        "raise OSError('sk_live_secret')",
        "service_unavailable",
        "Nothing was started. Please try again in a moment",
    ),
    "a text": ("return 'no'", "not_payable", "Not payable"),
    "True": ("return True", "not_payable", "Not payable"),
    "False": ("return False", "not_payable", "Not payable"),
    "a dict": ("return {'code': 'x'}", "not_payable", "Not payable"),
    "a list": ("return [None]", "not_payable", "Not payable"),
    "changes the order": (
        "order.amount = 1",
        "service_unavailable",
        "Nothing was started. Please try again in a moment",
    ),
}


@pytest.mark.catalogue(97)
@pytest.mark.parametrize("answer", ANSWERS)
def test_a_policy_is_heard_and_never_skipped(install: Install, load: Any, answer: str) -> None:
    body, code, details = ANSWERS[answer]
    install("acme", PROVIDER)
    install("rules", RULES.format(body=body))
    registry, asked = load("acme", "rules"), order()
    if code is None:
        registry.before_submit(asked, "acme_pay")
    else:
        with pytest.raises(GatewayError) as refused:
            registry.before_submit(asked, "acme_pay")
        assert (refused.value.code, refused.value.details) == (code, details)
    assert sys.modules["plugin_rules"].seen == [(asked, "acme_pay")] and asked.amount == 18000


def test_one_veto_among_several_policies_is_enough(install: Install, load: Any) -> None:
    install("acme", PROVIDER)
    install("first", RULES.format(body="return None"))
    install("second", RULES.format(body="return Veto('not_payable', 'no')"))
    install("third", RULES.format(body="return None"))
    for enabled in (("first", "second", "third"), ("third", "second", "first")):
        with pytest.raises(GatewayError, match="not_payable"):
            load("acme", *enabled).before_submit(order(), "acme_pay")


@pytest.mark.catalogue(97)
def test_what_a_listener_raises_is_passed_on_so_that_it_is_told_again(install: Install, load: Any) -> None:
    install("acme", PROVIDER)
    install("rules", RULES.format(body="return None"))
    registry = load("acme", "rules")
    told = Event("1", "payment.succeeded", datetime.now(UTC), {"payment_id": 1})
    [listener] = registry.listeners
    listener.hear(told)
    with pytest.raises(ConnectionError):
        listener.hear(Event("2", "raise", datetime.now(UTC)))
    assert sys.modules["plugin_rules"].seen[0] == told and len(sys.modules["plugin_rules"].seen) == 2


def test_a_hook_of_a_plugin_that_is_not_enabled_is_not_called(install: Install, load: Any) -> None:
    install("acme", PROVIDER)
    install("rules", RULES.format(body="return Veto('not_payable', 'no')"))
    registry = load("acme")
    registry.before_submit(order(), "acme_pay")
    assert not registry.listeners


def test_the_built_in_provider_comes_in_by_the_same_door(load: Any) -> None:
    settings = {"api_key": "sk_test_1", "webhook_secret": "whsec_1"}
    provider = load("stripe", settings={"stripe": settings}).by_slug("stripe")
    assert provider.manifest.method == "card"
    assert "sk_test_1" not in str(provider.public_settings) and "whsec_1" not in str(provider.public_settings)
