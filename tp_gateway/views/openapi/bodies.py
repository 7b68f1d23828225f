"""The bodies of requests: the view's schema, and with it the fields of each provider that is switched on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import colander

from tp_gateway.contract import Manifest
from tp_gateway.fields.json_schema import JsonSchema, schema_of
from tp_gateway.views.openapi.operations import Operation

_SCHEMAS = {"parameters": "parameters_schema", "evidence": "evidence_schema", "claim": "rebate_schema"}
"""The view option `extra` -> the manifest's schema for those fields."""


def able(operation: Operation, manifests: Iterable[Manifest]) -> list[Manifest]:
    """The providers that this operation can be about."""
    flag = operation.options.get("capability")
    return [one for one in manifests if not flag or getattr(one.capabilities, flag)]


def request_body(operation: Operation, manifests: Iterable[Manifest], schemas: dict[str, Any]) -> JsonSchema | None:
    """OpenAPI's Request Body Object; None where nothing is read. Named schemas go into `schemas`."""
    options = operation.options
    takes = options.get("takes")
    if takes:
        return {"required": True, "content": {media: {"schema": _FILE} for media in takes}}
    if options.get("raw"):
        return {"required": True, "content": {"application/json": {"schema": {}}}}
    if not options.get("schema"):
        return None
    node = options["schema"]()
    if options.get("extra"):
        content = _with_providers(operation, node, able(operation, manifests), schemas)
    else:
        content = {"schema": _named(type(node).__name__, schema_of(node), schemas)}
        content |= _examples({"example": getattr(node, "example", None)})
    return {"required": not options.get("empty"), "content": {"application/json": content}}


_FILE = {"type": "string", "format": "binary"}


def _named(name: str, schema: JsonSchema, schemas: dict[str, Any]) -> JsonSchema:
    schemas[name] = schema
    return {"$ref": f"#/components/schemas/{name}"}


def _examples(found: dict[str, Any]) -> JsonSchema:
    shown = {name: {"value": value} for name, value in found.items() if value is not None}
    return {"examples": shown} if shown else {}


def _with_providers(
    operation: Operation, node: colander.SchemaNode, manifests: list[Manifest], schemas: dict[str, Any]
) -> JsonSchema:
    """One schema for each provider. Where the body names the method, that decides between them."""
    name, member = type(node).__name__, _SCHEMAS[operation.options["extra"]]
    core = schema_of(node)
    chosen_by = "payment_method" if "payment_method" in core["properties"] else None
    refs, mapping, examples = [], {}, {}
    alone = "decision" in core["properties"]
    if alone or not manifests:
        refs.append(_named(name, core, schemas))
        examples["decision" if alone else "example"] = getattr(node, "example", None)
    for manifest in manifests:
        own = getattr(manifest, member)
        if own is None:
            continue
        both = _joined(core, schema_of(own), manifest, chosen_by)
        reference = _named(f"{name}_{manifest.slug}", both, schemas)
        refs.append(reference)
        mapping[manifest.method] = reference["$ref"]
        for number, given in enumerate(_given(operation, node, manifest), 1):
            examples[f"{manifest.slug}_{number}"] = given
    content: JsonSchema = {"schema": {"oneOf" if chosen_by else "anyOf": refs}}
    if chosen_by:
        content["schema"]["discriminator"] = {"propertyName": chosen_by, "mapping": mapping}
    return content | _examples(examples)


def _joined(core: JsonSchema, own: JsonSchema, manifest: Manifest, chosen_by: str | None) -> JsonSchema:
    properties = {**own["properties"], **core["properties"]}
    required = [*core.get("required", []), *own.get("required", [])]
    if chosen_by:
        properties[chosen_by] = {"type": "string", "const": manifest.method}
    if manifest.method_required and "payment_method_id" in properties:
        required.append("payment_method_id")
    conditions = [{key: one[key]} for one in (core, own) for key in ("anyOf", "oneOf") if key in one]
    found = {
        "type": "object",
        "title": manifest.display_name,
        "properties": properties,
        "additionalProperties": own["additionalProperties"],
        "required": required,
    }
    if own.get("description"):
        found["description"] = own["description"]
    return found | ({"allOf": conditions} if conditions else {})


def _given(operation: Operation, node: colander.SchemaNode, manifest: Manifest) -> list[dict[str, Any]]:
    """The view's example with each of the provider's: of a payment's parameters they are the manifest's."""
    ours = dict(getattr(node, "example", {}))
    if operation.options["extra"] != "parameters":
        return []
    if "payment_method" in ours:
        ours["payment_method"] = manifest.method
    if not manifest.method_required:
        ours.pop("payment_method_id", None)
    return [{**ours, **example} for example in manifest.examples or ({},)]
