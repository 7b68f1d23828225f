"""The API document as one HTML page: read without a network, without a script, by people who are new here."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import cache
from html import escape
from importlib import resources
from typing import Any

from tp_gateway.fields.json_schema import JsonSchema
from tp_gateway.views.openapi.samples import sample
from tp_gateway.views.openapi.tables import fields_table, kind_of

_ORIGIN = "$GATEWAY"
_TO_TRY = "To try the examples, set `GATEWAY` to where the service is (`http://127.0.0.1:6543`) and `TOKEN` to a token."


@cache
def style() -> str:
    return (resources.files("tp_gateway.views.openapi") / "page.css").read_text("utf-8")


def page(document: JsonSchema) -> str:
    """The whole page. Everything from the document is escaped: a plugin's words stand in it."""
    info, groups = document["info"], _groups(document)
    nav = "".join(_nav(name, entries) for name, entries in groups.items())
    about = {tag["name"]: tag["description"] for tag in document["tags"]}
    body = "".join(_group(name, about[name], entries, document) for name, entries in groups.items())
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>TP Gateway API</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{style()}</style></head><body>"
        f'<nav aria-label="Operations"><a class="home" href="#top">TP Gateway</a>{nav}</nav>'
        f'<main id="top"><h1>TP Gateway API</h1><p class="version">Version {escape(info["version"])} · '
        '<a href="/api/openapi.json">openapi.json</a> (OpenAPI 3.1)</p>'
        f'<div class="about">{paragraphs(info["description"])}{paragraphs(_TO_TRY)}</div>'
        f"{_errors(document)}{body}</main></body></html>\n"
    )


def paragraphs(text: str) -> str:
    """Plain text with `code` in it."""
    marked = re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))
    return "".join(f"<p>{one}</p>" for one in marked.split("\n\n"))


def _groups(document: JsonSchema) -> dict[str, list[tuple[str, str, JsonSchema]]]:
    """Tag -> (method, path, operation), in the document's order."""
    found: dict[str, list[tuple[str, str, JsonSchema]]] = {tag["name"]: [] for tag in document["tags"]}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            found[operation["tags"][0]].append((method.upper(), path, operation))
    return found


def _nav(name: str, entries: Iterable[tuple[str, str, JsonSchema]]) -> str:
    links = "".join(
        f'<li><a href="#{one["operationId"]}"><b class="{method}">{method}</b> {escape(one["summary"])}</a></li>'
        for method, _, one in entries
    )
    return f"<h2>{escape(name)}</h2><ul>{links}</ul>"


def _group(name: str, about: str, entries: Iterable[tuple[str, str, JsonSchema]], document: JsonSchema) -> str:
    shown = "".join(_operation(*entry, document) for entry in entries)
    return f'<section><h2>{escape(name)}</h2><div class="about">{paragraphs(about)}</div>{shown}</section>'


def _operation(method: str, path: str, operation: JsonSchema, document: JsonSchema) -> str:
    summary = (
        f'<summary><b class="{method}">{method}</b> <code>{escape(path)}</code> '
        f"<span>{escape(operation['summary'])}</span></summary>"
    )
    return (
        f'<details id="{operation["operationId"]}" open>{summary}{paragraphs(operation.get("description", ""))}'
        f"<p>{_callers(operation)}</p>{_parameters(operation, document)}{_body(operation, document)}"
        f"<h4>Try it</h4><pre>{escape(_curl(method, path, operation, document))}</pre>"
        f"{_answers(operation, document)}</details>"
    )


def _callers(operation: JsonSchema) -> str:
    roles = [role for one in operation["security"] for [role] in one.values()]
    if not roles:
        return 'Who may call: <span class="role">anybody, without a token</span>'
    return "Who may call: " + " ".join(f'<span class="role">{escape(role)}</span>' for role in roles)


def _parameters(operation: JsonSchema, document: JsonSchema) -> str:
    rows = []
    for given in operation.get("parameters", ()):
        one = resolved(given, document)
        need = "required" if one["required"] else "optional"
        rows.append(
            f"<tr><td><code>{escape(one['name'])}</code></td><td>{one['in']}, {need}</td>"
            f"<td>{kind_of(one['schema'])}{paragraphs(one.get('description', ''))}</td></tr>"
        )
    return f"<h4>Parameters</h4><table>{''.join(rows)}</table>" if rows else ""


def _body(operation: JsonSchema, document: JsonSchema) -> str:
    if "requestBody" not in operation:
        return ""
    media, content = next(iter(operation["requestBody"]["content"].items()))
    need = "" if operation["requestBody"]["required"] else ", may be left out"
    shown = "".join(f"<pre>{_json(one['value'])}</pre>" for one in list(content.get("examples", {}).values()))
    schema = content["schema"]
    variants = [resolved(one, document) for one in schema.get("oneOf", schema.get("anyOf", [schema]))]
    tables = "".join(
        (f"<h5>{escape(one['title'])}</h5>" if "title" in one and len(variants) > 1 else "")
        + paragraphs(one.get("description", ""))
        + fields_table(one)
        for one in variants
    )
    return (
        f"<h4>Body <small>{escape(media)}{need}</small></h4>{shown}<details><summary>Fields</summary>{tables}</details>"
    )


def _curl(method: str, path: str, operation: JsonSchema, document: JsonSchema) -> str:
    query = []
    for given in operation.get("parameters", ()):
        one = resolved(given, document)
        value = sample(one["schema"], {})
        if one["in"] == "path":
            path = path.replace(f"{{{one['name']}}}", str(value))
        elif one["in"] == "query" and one["required"]:
            query.append(f"{one['name']}={value or 'March.csv'}")
    parts = ["curl" if method in ("GET", "POST") else f"curl -X {method}"]
    if operation["security"]:
        parts.append('-H "Authorization: Bearer $TOKEN"')
    if "requestBody" in operation:
        media, content = next(iter(operation["requestBody"]["content"].items()))
        given = next(iter(content.get("examples", {}).values()), {"value": {}})
        data = "@March.csv" if media != "application/json" else json.dumps(given["value"], ensure_ascii=False)
        quoted = data.replace("'", "'\\''")
        parts += [f'-H "Content-Type: {media}"', f"--data{'-binary' if data[0] == '@' else ''} '{quoted}'"]
    elif method == "POST":
        parts[0] = "curl -X POST"
    where = f'"{_ORIGIN}{path}{"?" if query else ""}{"&".join(query)}"'
    return " \\\n    ".join([*parts, where])


def _answers(operation: JsonSchema, document: JsonSchema) -> str:
    good, bad = [], []
    for status, answer in operation["responses"].items():
        content: JsonSchema = next(iter(answer.get("content", {}).values()), {})
        if "examples" in content:
            codes = ", ".join(f'<a href="#{code}"><code>{code}</code></a>' for code in content["examples"])
            bad.append(f"<tr><td><b>{status}</b></td><td>{codes}</td></tr>")
            continue
        example = f"<pre>{_json(content['example'])}</pre>" if "example" in content else ""
        schema = resolved(content.get("schema", {}), document)
        table = f"<details><summary>Fields</summary>{fields_table(schema)}</details>" if "properties" in schema else ""
        good.append(f"<h4>{status} <small>{escape(answer['description'])}</small></h4>{example}{table}")
    refusals = f"<h4>Refusals</h4><table>{''.join(bad)}</table>" if bad else ""
    return "".join(good) + refusals


def _errors(document: JsonSchema) -> str:
    rows = "".join(
        f'<tr id="{code}"><td><code>{code}</code></td><td>{escape(one["value"]["error"])}</td>'
        f"<td><pre>{_json(one['value'])}</pre></td></tr>"
        for code, one in document["components"]["examples"].items()
    )
    return (
        "<section><h2>Errors</h2><details><summary>Every code, in the one shape that all refusals have</summary>"
        f"<table>{rows}</table></details></section>"
    )


def resolved(piece: Mapping[str, Any], document: JsonSchema) -> JsonSchema:
    """What a reference names, or the piece itself."""
    found: Any = piece
    while "$ref" in found:
        target: Any = document
        for step in found["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        found = target
    return dict(found)


def _json(value: Any) -> str:
    return escape(json.dumps(value, ensure_ascii=False, indent=2), quote=False)
