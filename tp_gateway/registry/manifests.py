"""What a provider says of itself, checked once at start and then kept as a copy: nothing of what a plugin changes in
its manifest afterwards counts."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import colander

from tp_gateway import money
from tp_gateway.contract import CONTRACT_VERSION, Manifest
from tp_gateway.errors import ConfigurationError
from tp_gateway.fields.json_schema import problem_of
from tp_gateway.observability import class_name
from tp_gateway.registry.exact import Nonsense, exactly

_SLUG = re.compile(r"[a-z][a-z0-9_]{0,31}")
_FIELD = re.compile(r"[a-z][a-z0-9_]{0,63}")
_LONGEST_NAME = 100
_DEEPEST = 8
CORE_FIELDS = frozenset(
    {
        "appointment_id",
        "invoice_id",
        "amount",
        "currency",
        "payment_method",
        "payment_method_id",
        "description",
        "metadata",
        "save_payment_method",
        "capture",
        "parameters",
    }
)
"""Names of a payment request that belong to the core; a provider's parameters may not use them."""
_CORE_FIELDS = {
    "parameters_schema": CORE_FIELDS,
    "evidence_schema": CORE_FIELDS | {"decision", "note"},
    "rebate_schema": CORE_FIELDS | {"decision"},
}
"""The names that the core takes for its own in the body that brings each schema's fields."""

_ARGUMENTS: Mapping[str, tuple[str, ...]] = {
    "check": ("deadline",),
    "execute": ("order", "reference"),
    "prepare": ("order",),
    "close": ("order", "reference"),
    "fetch": ("order", "reference"),
    "refund": ("order",),
    "capture": ("order",),
    "void": ("reference", "deadline"),
    "save_method": ("order",),
    "list_methods": ("payer", "deadline"),
    "drop_method": ("reference", "deadline"),
    "parse_webhook": ("body", "headers"),
    "list_since": ("moment", "until", "deadline"),
    "fetch_dispute": ("reference", "deadline"),
    "write_refunds": ("refunds", "title", "made_on"),
    "list_remittances": ("since", "until", "deadline"),
    "read_statement": ("stream", "name"),
    "recogniser": ("references",),
    "screen": ("order",),
    "read_evidence": ("order", "reference", "parameters"),
    "prepare_rebate": ("order",),
    "lodge_rebate": ("order", "reference"),
    "delete_rebate": ("order", "reference"),
}
"""What each member is called with, in this order."""

_ITERABLE = ("parse_webhook", "list_since", "list_remittances")
"""Whose answer is iterated over, so that they may be generators."""

_NEEDS = (
    ("browser", "two_step"),
    ("resumable", "two_step"),
    ("resumable", "fetch"),
    ("partial_refund", "refund"),
    ("refund_files", "refund"),
)
"""The first of each pair means nothing without the second."""


def checked(provider_class: Any) -> Manifest:
    """A copy of the provider's manifest. ConfigurationError says everything that is wrong with it."""
    given = getattr(provider_class, "manifest", None)
    if type(given) is not Manifest:
        raise ConfigurationError("the provider has no manifest")
    if type(given.contract_version) is not int or given.contract_version != CONTRACT_VERSION:
        wanted = str(given.contract_version)[:20]
        raise ConfigurationError(f"wants contract version {wanted}, this is {CONTRACT_VERSION}")
    for name in ("settings_schema", "parameters_schema"):
        if not isinstance(getattr(given, name), colander.SchemaNode):
            raise ConfigurationError("settings_schema and parameters_schema must be colander schemas")
    try:
        manifest = exactly(given, (Manifest,))
    except Nonsense as problem:
        raise ConfigurationError(f"its manifest has {problem}") from None
    schemas = {name: _own(getattr(manifest, name)) for name in _SCHEMAS}
    manifest = replace(manifest, capabilities=replace(manifest.capabilities), **schemas)
    problems = [*_problems(manifest), *_missing(manifest, provider_class)]
    if problems:
        raise ConfigurationError(f"provider {manifest.slug[:32]!r}: {'; '.join(problems)}")
    return manifest


def wrong_members(provider: Any, manifest: Manifest) -> Iterable[str]:
    """What of the built provider cannot be called as the contract says."""
    for name in ("check", "execute", *manifest.capabilities.members()):
        member = getattr(provider, name, None)
        if not callable(member):
            yield f"what `build` made has no `{name}`"
            continue
        kind = deferred(member, may_yield=name in _ITERABLE)
        if kind:
            yield f"`{name}` is {kind}: a call of it alone does nothing"
        try:
            inspect.signature(member).bind(*_ARGUMENTS[name])
        except TypeError:
            yield f"`{name}` does not take ({', '.join(_ARGUMENTS[name])})"
        except ValueError:  # written in C, and does not say
            continue


def deferred(function: Any, *, may_yield: bool) -> str:
    """What it is, if a call of it only makes an object that somebody would have to await or to iterate over: it would
    seem to work, and do nothing. Otherwise nothing."""
    is_plain = inspect.isroutine(function) or isinstance(function, functools.partial)
    call = function if is_plain else type(function).__call__
    if inspect.iscoroutinefunction(call):
        return "a coroutine"
    if inspect.isasyncgenfunction(call):
        return "an asynchronous generator"
    return "a generator" if inspect.isgeneratorfunction(call) and not may_yield else ""


_SCHEMAS = ("settings_schema", "parameters_schema", "evidence_schema", "rebate_schema")


def _own(schema: colander.SchemaNode | None) -> colander.SchemaNode | None:
    """A copy of the whole tree. Not by its own `clone`, which makes schemas with an `__init__` of theirs anew."""
    if schema is None:
        return None
    copy = object.__new__(type(schema))
    copy.__dict__.update(schema.__dict__)
    copy.children = [_own(child) for child in schema.children]
    return copy


def _problems(manifest: Manifest) -> Iterable[str]:
    able = manifest.capabilities
    if not _SLUG.fullmatch(manifest.slug) or not _SLUG.fullmatch(manifest.method):
        yield "slug and method must be lower-case letters, digits and underscores"
    if not 0 < len(manifest.display_name) <= _LONGEST_NAME or not manifest.display_name.isprintable():
        yield f"display_name must be a line of at most {_LONGEST_NAME} characters"
    if not manifest.currencies or not all(money.is_currency(code) for code in manifest.currencies):
        yield "currencies must be upper-case ISO 4217 codes"
    if able.repeat_horizon < 0:
        yield "repeat_horizon is less than nothing"
    for capability, needed in _NEEDS:
        if getattr(able, capability) and not getattr(able, needed):
            yield f"declares {capability} without {needed}"
    for flag, schema in (("evidence", manifest.evidence_schema), ("rebates", manifest.rebate_schema)):
        if getattr(able, flag) and schema is None:
            yield f"declares {flag} without a schema for it"
    names = [child.name for child in manifest.parameters_schema.children]
    for name, ours in _CORE_FIELDS.items():
        schema = getattr(manifest, name)
        clash = ours & {child.name for child in schema.children} if schema is not None else ()
        if clash:
            yield f"{name} uses names of the core: {', '.join(sorted(clash))}"
    if manifest.totals_by is not None and manifest.totals_by not in names:
        yield "totals_by is none of its parameters"
    for name in _SCHEMAS:
        schema = getattr(manifest, name)
        if schema is None:
            continue
        if not isinstance(schema.typ, colander.Mapping):
            yield f"{name} is no mapping"
            continue
        yield from _problems_of(name, schema, 0)
        if name != "settings_schema":
            yield from _untold(name, schema)


def _problems_of(where: str, schema: colander.SchemaNode, depth: int) -> Iterable[str]:
    """Everything that is shown of a schema must be showable."""
    if depth > _DEEPEST:
        yield f"{where} is too deep"
        return
    seen = set[str]()
    for child in schema.children:
        name = child.name
        if type(name) is not str or (not isinstance(schema.typ, colander.Sequence) and not _FIELD.fullmatch(name)):
            yield f"{where} has a field with a name that is none"
            continue
        if name in seen:
            yield f"{where} has two fields named {name}"
        seen.add(name)
        if not isinstance(child.description, str) or not isinstance(child.title, str):
            yield f"{where}.{name} has a title or a description that is no text"
        if isinstance(child.typ, colander.Sequence) and len(child.children) != 1:
            yield f"{where}.{name} is a sequence, and has not one child"
        yield from _problems_of(f"{where}.{name}", child, depth + 1)


def _untold(name: str, schema: colander.SchemaNode) -> Iterable[str]:
    """The first part of a schema that the API document could not hold: it would stop the service without the plugin's
    name. Settings do not stand in it."""
    for where, node in [*((f"{name}.{child.name}", child) for child in schema.children), (name, schema)]:
        try:
            problem = problem_of(node)
        except Exception as error:
            problem = f"{class_name(error)}: {str(error)[:_LONGEST_NAME]}"
        if problem:
            yield f"{where} cannot be told as JSON Schema: {problem}"
            return


def _missing(manifest: Manifest, provider_class: Any) -> Iterable[str]:
    for member in ("build", "check", "execute", *manifest.capabilities.members()):
        if not callable(getattr(provider_class, member, None)):
            yield f"declares but does not have `{member}`"
