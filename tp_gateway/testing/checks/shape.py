"""Is everything there that the manifest promises, and nothing done too early?"""

from __future__ import annotations

import inspect
import json
import time

import colander

from tp_gateway.contract import ConfigurationError, Health, fields
from tp_gateway.contract import provider as contract
from tp_gateway.registry import manifests
from tp_gateway.registry.plausible import impossible
from tp_gateway.testing import faults, rules
from tp_gateway.testing.attempt import answered
from tp_gateway.testing.bench import Bench
from tp_gateway.testing.checking import Broken, check, expect
from tp_gateway.testing.finding import plugin_of
from tp_gateway.testing.watching import NETWORK, PROCESS, STORE, watched

_PROTOCOLS = (
    *(contract.Provider, contract.TwoStep, contract.Fetches, contract.Refunds, contract.WritesRefunds),
    *(contract.Captures, contract.TellsDisputes, contract.ReadsStatements, contract.SavesMethods),
    *(contract.HearsWebhooks, contract.ListsPayments, contract.TellsRemittances, contract.Screens),
    *(contract.ReadsEvidence, contract.LodgesRebates),
)


@check("shape", rule=rules.MANIFEST)
def manifest_is_complete(bench: Bench) -> None:
    """The gateway would start with this manifest: names, currencies, schemas, contract version, and every member that
    a capability promises.

    A provider that is refused at start takes the whole service with it, at the worst moment: an upgrade.
    """
    try:
        manifests.checked(bench.subject.provider)
    except ConfigurationError as problem:
        raise Broken(str(problem)) from None
    expect(bench.manifest.display_name.strip(), "display_name is blank, and patients choose by it")


@check("shape", rule=rules.PROVIDER)
def members_take_what_they_are_given(bench: Bench) -> None:
    """Every declared member can be called with the arguments that the contract gives it.

    A member with other arguments fails at its first call, which for `refund` or `close` may be months later.
    """
    wanted = ("build", "check", "execute", *bench.able.members())
    for protocol in _PROTOCOLS:
        for name in wanted:
            pattern = protocol.__dict__.get(name)
            if pattern is None:
                continue
            there = getattr(bench.subject.provider, name, None)
            expect(callable(there), f"{name} is declared and not there")
            names = list(inspect.signature(getattr(protocol, name)).parameters)
            bound = isinstance(pattern, classmethod)
            try:
                inspect.signature(there).bind(*names)  # type: ignore[arg-type]
            except TypeError as error:
                given = ", ".join(names if bound else names[1:])
                raise Broken(f"{name} cannot be called with ({given}): {error}") from None


@check("shape", rule=rules.HOOKS)
def plugin_is_found_by_its_entry_point(bench: Bench) -> None:
    """An installed plugin (entry-point group `tp_gateway`) yields this provider, and nobody is called for that.

    The gateway loads plugins by the names of their entry points, and by nothing else.
    """
    with watched(*NETWORK, *STORE) as seen:
        name = plugin_of(bench.subject.provider)
    expect(
        name,
        f"no installed plugin yields {bench.subject.provider.__name__}: give it an entry point and install it "
        "(`pip install -e .`)",
    )
    expect(not seen, f"loading it did {', '.join(seen)}")


@check("shape", rule=rules.PROVIDER)
def build_does_no_io(bench: Bench) -> None:
    """`build` opens no connection, no database and no process.

    It runs in every process at start, also where nothing will be paid, and a service that is down must not keep the
    gateway from starting.
    """
    with watched(*NETWORK, *STORE, *PROCESS) as seen:
        bench.build()
    expect(not seen, f"build did {', '.join(seen)}")


@check("shape", rule=rules.MANIFEST)
def settings_are_checked_by_name(bench: Bench) -> None:
    """Settings that are required are refused by name when they are missing, and what was given is not repeated.

    An operator reads the message in a log, and a mistyped secret is still a secret.
    """
    given = bench.texts()
    for node in bench.manifest.settings_schema.children:
        if node.missing is not colander.required:
            continue
        left = {name: value for name, value in given.items() if name != node.name}
        try:
            fields.validate(bench.manifest.settings_schema, left)
        except Exception as error:
            told = str(getattr(error, "fields", error))
            expect(node.name in told, f"without {node.name} the message does not name it")
            expect(not any(one in told for one in bench.secrets()), f"without {node.name} the message has a secret")
        else:
            raise Broken(f"{node.name} is required, and its absence is accepted")


@check("shape", rule=rules.MANIFEST)
def parameters_can_be_kept(bench: Bench) -> None:
    """The manifest's examples, and what the subject asks with, pass `parameters_schema`, and give values that JSON can
    hold.

    The core keeps parameters as JSON and shows the examples in its API document.
    """
    for given in (*bench.manifest.examples, bench.subject.pays().parameters):
        try:
            found = fields.validate(bench.manifest.parameters_schema, dict(given))
            kept = json.loads(json.dumps(found))
        except Exception as error:
            raise Broken(f"{sorted(given)}: {type(error).__name__}: {getattr(error, 'fields', error)}") from None
        expect(kept == found, f"{sorted(given)} comes back from JSON as something else")


@check("shape", rule=rules.OUTCOMES)
def answers_can_be_believed(bench: Bench) -> None:
    """Every answer is of the contract's types, with whole amounts, a currency, a reference, and evidence with success.

    What cannot be believed is read as UNKNOWN: the payment stays open until a person looks.
    """
    attempt = bench.attempt()
    outcomes = [attempt.run()]
    if bench.subject.supplies("declines"):
        outcomes.append(bench.attempt(bench.subject.declines()).run(pays=False))
    for outcome in outcomes:
        problem = impossible(outcome)
        expect(not problem, f"an outcome with {problem}: {type(outcome.settled).__name__} {outcome.settled!r}")
        expect(isinstance(outcome.message, str) and isinstance(outcome.provider_code, str), "a code that is no text")


@check("shape", rule=rules.MEMBERS)
def check_moves_no_money(bench: Bench) -> None:
    """`check` says that it works, and takes nothing.

    It is asked by `tp-gateway providers` and by health pages, again and again.
    """
    found = answered("check", bench.provider.check, time.monotonic() + 10)
    expect(isinstance(found, Health), f"check answered with {type(found).__name__}, not Health")
    expect(found.ok is True, f"the sandbox is there, and check says that it does not work: {found.message}")
    if not bench.able.local:
        expect(not bench.books(), "the sandbox's books have a payment after `check` alone")


@check("shape", rule=rules.MEMBERS, needs="!local")
def check_says_when_it_cannot_work(bench: Bench) -> None:
    """Where nobody can be reached, `check` says `ok=False` with a word for the operator, and does not raise.

    `tp-gateway providers` tells the operator why nothing can be paid.
    """
    with faults.nobody() as url:
        found = answered("check", bench.build(url).check, time.monotonic() + 5)
    expect(isinstance(found, Health) and found.ok is False, "nobody listens, and check says that it works")
    expect(found.message.strip(), "it does not say what is wrong")


@check("shape", rule=rules.PROVIDER)
def build_refuses_by_configuration_error(bench: Bench) -> None:
    """`build` gives a provider for good settings; if it refuses, then by ConfigurationError.

    Anything else that it raises hides from the operator what is wrong.
    """
    try:
        made = bench.build()
    except ConfigurationError as error:
        raise Broken(f"the subject's settings are refused: {error}") from None
    except Exception as error:
        raise Broken(f"build raised {type(error).__name__}") from error
    expect(made.manifest is bench.manifest, "what was built has another manifest than its class")
