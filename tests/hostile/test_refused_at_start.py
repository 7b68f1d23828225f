"""What must not be started with is refused, with the name of the plugin and of its package, and why."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from tests.registry.plugins import PROVIDER, Install
from tests.registry.test_loading import order
from tp_gateway.errors import ConfigurationError
from tp_gateway.registry import loading

pytestmark = pytest.mark.catalogue(101)


def refusal(load: Any, *enabled: str, **more: Any) -> str:
    with pytest.raises(ConfigurationError) as refused:
        load(*enabled, **more)
    return str(refused.value)


def parameter(node: str) -> str:
    return f"Acme.manifest = manifest(parameters_schema=fields.Schema(colander.SchemaNode({node}, name='x')))"


MODULES = {
    "exits at import": ("import sys; sys.exit(0)", "cannot be loaded: SystemExit: 0"),
    "interrupts at import": ("raise KeyboardInterrupt", "cannot be loaded: KeyboardInterrupt"),
    "recurses at import": ("def f(): f()\nf()", "cannot be loaded: RecursionError"),
    "takes a signal": ("import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)", "cannot be loaded: ValueError"),
    "raises what cannot be shown": (
        "class Mute(Exception):\n    def __str__(self): raise SystemExit('hunter2')\nraise Mute",
        "cannot be loaded: Mute: (its text raises SystemExit)",
    ),
    "raises a megabyte": ("raise OSError('x' * 2**20)", "cannot be loaded: OSError: xxx"),
    "raises a secret, over lines": ("raise OSError('a\\nsk_live_1234567890 \\x1b[2J')", "OSError: a [hidden] ?[2J"),
    "blames another": (
        "from tp_gateway.contract import ConfigurationError\nraise ConfigurationError('plugin stripe is broken')",
        "plugin acme (plugin_acme 1.0): plugin stripe is broken",
    ),
    "misspelt and optional": (
        "@hookimpl(optionalhook=True)\ndef tp_gateway_before_submitt(order): pass",
        "unknown hook 'tp_gateway_before_submitt'",
    ),
    "a hook without its mark": (
        "def tp_gateway_before_submit(order, method): return Veto('not_payable', 'no')",
        "`tp_gateway_before_submit` is not marked with @hookimpl",
    ),
    "a hook with another project's mark": (
        "import pluggy\n@pluggy.HookimplMarker('tox')\ndef tp_gateway_after_commit(event): pass",
        "`tp_gateway_after_commit` is not marked with @hookimpl",
    ),
    "endless providers": (
        "import itertools\n@hookimpl\ndef tp_gateway_providers():\n    return itertools.repeat(Acme)",
        "more than 32 providers",
    ),
    "providers that exit": (
        "@hookimpl\ndef tp_gateway_providers():\n    yield Acme\n    raise SystemExit",
        "SystemExit",
    ),
    "a provider that is nothing": ("@hookimpl\ndef tp_gateway_providers():\n    return [None]", "has no manifest"),
    "a manifest that raises": (
        "class Meta(type):\n    @property\n    def manifest(cls): raise SystemExit\nclass Acme(metaclass=Meta): pass",
        "has a manifest that fails: SystemExit",
    ),
    "a manifest of its own kind": ("class Mine(Manifest): pass\nAcme.manifest = Mine(**VALUES)", "has no manifest"),
    "an evil slug": ("Acme.manifest = manifest(slug=['acme'])", "slug: a list"),
    "an evil flag": ("Acme.manifest = manifest(single_flight='no')", "single_flight: a str"),
    "capabilities of its own kind": ("Acme.manifest = manifest(capabilities={'refund': True})", "capabilities: a dict"),
    "a flag that is no flag": ("Acme.manifest = manifest(capabilities=Capabilities(refund='yes'))", "refund: a str"),
    "a contract of the future": ("Acme.manifest = manifest(contract_version=2)", "wants contract version 2, this is 1"),
    "a contract that equals everything": (
        "class Any(int):\n    __ne__ = __eq__ = lambda *_: False\nAcme.manifest = manifest(contract_version=Any(9))",
        "wants contract version 9",
    ),
    "a name over two lines": ("Acme.manifest = manifest(display_name='A\\nB')", "display_name"),
    "a horizon below zero": ("Acme.manifest = manifest(capabilities=Capabilities(repeat_horizon=-1))", "horizon"),
    "a part of no refund": (
        "Acme.manifest = manifest(capabilities=Capabilities(partial_refund=True))",
        "partial_refund without refund",
    ),
    "a browser without steps": (
        "Acme.manifest = manifest(capabilities=Capabilities(browser=True))",
        "without two_step",
    ),
    "totals by nothing": ("Acme.manifest = manifest(totals_by='kind')", "totals_by"),
    "examples that JSON cannot hold": ("Acme.manifest = manifest(examples=({'a': object()},))", "examples"),
    "a coroutine": ("async def execute(self, order, reference): ...\nAcme.execute = execute", "is a coroutine"),
    "an object that is called as a coroutine": (
        "class Call:\n    async def __call__(self, order, reference): ...\nAcme.execute = Call()",
        "`execute` is a coroutine",
    ),
    "a generator": ("def execute(self, order, reference): yield\nAcme.execute = execute", "`execute` is a generator"),
    "a generator to be awaited": (
        "async def list_since(self, moment, until, deadline): yield\nAcme.list_since = list_since\n"
        "Acme.manifest = manifest(capabilities=Capabilities(list_since=True))",
        "`list_since` is an asynchronous generator",
    ),
    "a policy that is a coroutine": (
        "@hookimpl\nasync def tp_gateway_before_submit(order, method): return Veto('not_payable', 'no')",
        "`tp_gateway_before_submit` is a coroutine",
    ),
    "a policy that is a generator": (
        "@hookimpl\ndef tp_gateway_before_submit(order, method): yield Veto('not_payable', 'no')",
        "`tp_gateway_before_submit` is a generator",
    ),
    "a listener that is a coroutine": (
        "@hookimpl\nasync def tp_gateway_after_commit(event): ...",
        "`tp_gateway_after_commit` is a coroutine",
    ),
    "a listener that is a generator": (
        "@hookimpl\ndef tp_gateway_after_commit(event): yield",
        "`tp_gateway_after_commit` is a generator",
    ),
    "a sender that is a generator to be awaited": (
        "@hookimpl\nasync def tp_gateway_send_text(message): yield True",
        "`tp_gateway_send_text` is an asynchronous generator",
    ),
    "providers to be awaited": (
        "@hookimpl\nasync def tp_gateway_providers(): yield Acme",
        "`tp_gateway_providers` is an asynchronous generator",
    ),
    "a member that takes something else": ("Acme.execute = lambda self: None", "does not take (order, reference)"),
    "builds nothing": ("Acme.build = classmethod(lambda *_: None)", "what `build` made has no `check`"),
    "builds something else": ("Acme.build = classmethod(lambda *_: object())", "what `build` made has no `execute`"),
    "builds an exit": ("def build(*_): raise SystemExit('hunter2')\nAcme.build = build", "cannot be built: SystemExit"),
    "a schema that fails": (
        "class Broken(fields.Schema):\n"
        "    @staticmethod\n    def validator(node, value): raise RuntimeError('hunter2')\n"
        "Acme.manifest = manifest(settings_schema=Broken())",
        "its settings_schema fails: RuntimeError",
    ),
    "a schema that exits": (
        "class Broken(fields.Schema):\n    @staticmethod\n    def validator(node, value): raise SystemExit\n"
        "Acme.manifest = manifest(settings_schema=Broken())",
        "has settings that fail: SystemExit",
    ),
    "a field without a name": (
        "Acme.manifest = manifest(parameters_schema=fields.Schema(colander.SchemaNode(fields.Text(), name='')))",
        "a field with a name that is none",
    ),
    "a description that is evil": (
        "node = colander.SchemaNode(fields.Text(), name='x', description=object())\n"
        "Acme.manifest = manifest(parameters_schema=fields.Schema(node))",
        "a description that is no text",
    ),
    "a schema of itself": (
        "loop = fields.Schema(name='loop')\nloop.children.append(loop)\n"
        "Acme.manifest = manifest(parameters_schema=loop)",
        "RecursionError",
    ),
    "a description that nobody can write": (
        parameter("fields.Text(), description='\\ud800'"),
        "surrogates not allowed",
    ),
    "a default that nobody can write": (parameter("fields.Text(), missing='\\ud800'"), "surrogates not allowed"),
    "a choice of objects": (
        parameter("fields.Text(), validator=colander.OneOf([object()])"),
        "parameters_schema.x cannot be told as JSON Schema: TypeError: Object of type object",
    ),
    "a pattern of bytes": (
        parameter("fields.Text(), validator=colander.Regex(__import__('re').compile(b'a'))"),
        "parameters_schema.x cannot be told as JSON Schema: TypeError",
    ),
    "a type that says a list": (parameter("Told([1])"), "parameters_schema.x cannot be told as JSON Schema: TypeError"),
    "a type that says no number": (parameter("Told({'maximum': float('nan')})"), "ValueError: Out of range float"),
    "a type that says itself": (parameter("Told(ENDLESS)"), "ValueError: Circular reference"),
    "a type that says nonsense": (parameter("Told({'type': 5})"), "`type` cannot be 5"),
    "a type that says nonsense deep down": (
        parameter("Told({'anyOf': [{'items': {'maximum': '9'}}]})"),
        "`maximum` cannot be '9'",
    ),
    "a type that exits": (parameter("Exit()"), "has a manifest that fails: SystemExit"),
    "a list of nothing": (
        parameter("colander.Sequence(), missing=()"),
        "parameters_schema.x is a sequence, and has not one child",
    ),
    "parameters that are no mapping": (
        "Acme.manifest = manifest(parameters_schema=colander.SchemaNode(fields.Text()))",
        "parameters_schema is no mapping",
    ),
    "settings that are a sequence": (
        "node = colander.SchemaNode(colander.Sequence(), colander.SchemaNode(fields.Text(), name='x'))\n"
        "Acme.manifest = manifest(settings_schema=node)",
        "settings_schema is no mapping",
    ),
    "the key of the tokens": ("Acme.manifest = manifest(slug='jwt')", "would read settings of the core"),
    "the core's variables": (
        "class Greedy(fields.Schema):\n    gateway_jwt_key = colander.SchemaNode(fields.Text())\n"
        "Acme.manifest = manifest(slug='tp', settings_schema=Greedy())",
        "would read settings of the core",
    ),
    "the slug of one that is installed": ("Acme.manifest = manifest(slug='stripe')", "the name of another installed"),
    "a secret that is public": (
        "class Loose(fields.Schema):\n"
        "    key = colander.SchemaNode(fields.Text(), secret=True, public=True, missing='x')\n"
        "Acme.manifest = manifest(settings_schema=Loose())",
        "key is both secret and public",
    ),
    "a public object": (
        "class Odd(fields.Schema):\n"
        "    key = colander.SchemaNode(fields.Text(), public=True, missing='x', preparer=lambda _: object())\n"
        "Acme.manifest = manifest(settings_schema=Odd())",
        "key is public and",
    ),
}
ODD = """
class Told(fields.Text):
    def __init__(self, json_schema):
        super().__init__()
        self.json_schema = json_schema

class Exit(fields.Text):
    @property
    def json_schema(self): raise SystemExit

ENDLESS = {}
ENDLESS["not"] = ENDLESS
VALUES = dict(
    slug="acme", method="acme_pay", display_name="Acme", currencies=frozenset({"AUD"}),
    capabilities=Capabilities(), settings_schema=Settings(), parameters_schema=Parameters(),
)
"""


@pytest.mark.parametrize("wrong", MODULES)
def test_a_hostile_plugin_is_refused_by_name(install: Install, load: Any, wrong: str) -> None:
    source, message = MODULES[wrong]
    install("acme", PROVIDER + ODD + source + "\n")
    given = {"acme": {"key": "hunter2"}} if wrong == "a public object" else {}
    text = refusal(load, "acme", settings=given)
    assert text.startswith("plugin acme (plugin_acme 1.0)") and message in text
    assert len(text) < 1000 and "\n" not in text
    assert "hunter2" not in text


@pytest.mark.parametrize(
    "source",
    [
        "import threading\nthreading.Event().wait()",
        "def build(*_):\n    import threading\n    threading.Event().wait()\nAcme.build = build",
        "@hookimpl\ndef tp_gateway_providers():\n    while time.monotonic() < UNTIL: pass\n    yield Acme",
    ],
    ids=["at import", "while it is built", "busily"],
)
def test_one_that_hangs_is_refused_by_name(
    install: Install, load: Any, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    monkeypatch.setattr(loading, "SECONDS", 0.3)
    # A module of its own: the thread that hangs in its import keeps that module's lock.
    install(
        "acme",
        PROVIDER + f"import time\nUNTIL = time.monotonic() + 2\n{source}",
        module=f"plugin_hanging_{len(source)}",
    )
    assert "not in 0.3 seconds" in refusal(load, "acme")


def test_two_that_read_one_variable_are_refused(install: Install, load: Any) -> None:
    """`ACME_PAY_KEY` is `pay_key` of the one and `key` of the other."""
    for name, slug, setting in (("one", "acme", "pay_key"), ("two", "acme_pay", "key")):
        schema = f"class S(fields.Schema):\n    {setting} = colander.SchemaNode(fields.Text(), missing='')\n"
        words = f"slug='{slug}', method='{name}', settings_schema=S()"
        install(name, PROVIDER + schema + f"Acme.manifest = manifest({words})\n")
    assert "plugins one and two both bring the setting ACME_PAY_KEY" in refusal(load, "one", "two")


def test_one_name_in_two_packages_names_both(install: Install, load: Any) -> None:
    install("acme", PROVIDER, distribution="acme-pay")
    install("acme", PROVIDER, module="plugin_evil", distribution="evil")
    text = refusal(load, "acme")
    assert "acme-pay 1.0" in text and "evil 1.0" in text


def test_what_is_refused_leaves_the_others_as_they_were(install: Install, load: Any) -> None:
    rule = "\n@hookimpl\ndef tp_gateway_before_submit(order, method): return Veto('not_payable', 'no')\n"
    install("acme", PROVIDER)
    install("evil", PROVIDER + rule + "Acme.manifest = manifest(slug='acme', method='evil')")
    refused: dict[str, str] = {}
    registry = load("acme", "evil", refused=refused)
    assert list(refused) == ["evil"] and "both bring the provider acme" in refused["evil"]
    assert [one.slug for one in registry] == ["acme"] and not registry.has_policies()


def test_a_manifest_that_changes_later_is_the_one_that_was_checked(install: Install, load: Any) -> None:
    turncoat = """
class Acme(Acme):
    @classmethod
    def build(cls, settings, environment):
        settings.clear()
        object.__setattr__(environment, "production", True)
        made = cls(settings)
        made.manifest = manifest(slug="stripe", method="card", single_flight=False)
        return made

    def execute(self, order, reference):
        object.__setattr__(type(self).manifest, "slug", "stripe")
        object.__setattr__(type(self).manifest.capabilities, "refund", True)
        type(self).manifest.parameters_schema.children.clear()
"""
    install("acme", PROVIDER + turncoat)
    install(
        "other",
        PROVIDER + "Acme.manifest = manifest(slug='other', method='other')\n"
        "ENV = []\nAcme.build = classmethod(lambda cls, s, e: ENV.append(e) or cls(s))",
    )
    registry = load("acme", "other")
    provider = registry.for_method("acme_pay")
    assert provider.execute(order(), None).provider_code == "nonsense"
    assert (provider.slug, provider.manifest.slug, provider.manifest.method) == ("acme", "acme", "acme_pay")
    assert provider.manifest.single_flight and not provider.manifest.capabilities.refund
    assert registry.find("stripe") is None
    assert sys.modules["plugin_other"].ENV[0].production is False
