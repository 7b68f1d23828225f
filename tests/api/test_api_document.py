"""The API document: valid, complete, and made of what the application runs on."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.api.conftest import Api
from tests.api.test_authorisation import TABLE
from tests.medicare.conftest import settings_for
from tp_gateway.contract import fields
from tp_gateway.errors import TITLES
from tp_gateway.identity import PERMISSIONS
from tp_gateway.views.errors import STATUSES
from tp_gateway.views.openapi.operations import operations

ALL = settings_for("http://127.0.0.1:2")


@pytest.fixture(scope="module", params=["stripe", "in_person", "bank_transfer medicare", "every one"])
def api(request: pytest.FixtureRequest, sqlite_template: Any, tmp_path_factory: Any) -> Iterator[Api]:
    """With different providers switched on."""
    path = tmp_path_factory.mktemp("document") / "gateway.sqlite"
    path.write_bytes(sqlite_template.read_bytes())
    providers = {} if request.param == "every one" else {"tp_gateway.providers": request.param}
    made = Api(f"sqlite:///{path}", "http://127.0.0.1:1", **(ALL | providers))
    yield made
    made.close()


@pytest.fixture
def document(api: Api) -> dict[str, Any]:
    found: dict[str, Any] = api.get("/api/openapi.json", as_user=None, status=200).json
    return found


def every(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield method.upper(), path, operation


def test_it_is_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"] == "3.1.0"
    OpenAPIV31SpecValidator(document).validate()
    for schema in document["components"]["schemas"].values():
        jsonschema_rs.meta.validate({"$schema": document["jsonSchemaDialect"], **schema})


def test_every_route_is_in_it_with_its_roles(document: dict[str, Any]) -> None:
    columns = {"patient", "psychologist", "practice_manager", "admin", "service"}
    found = {}
    for method, path, operation in every(document):
        found[method, path] = {role for one in operation["security"] for [role] in one.values()} or columns
    assert found == {key: {role for role in columns if row[role] in ("all", "own")} for key, row in TABLE.items()}


def test_every_operation_says_what_it_does_and_answers(document: dict[str, Any]) -> None:
    ids = [operation["operationId"] for _, _, operation in every(document)]
    assert len(ids) == len(set(ids))
    for method, path, operation in every(document):
        assert operation["summary"], (method, path)
        assert any(status < "300" for status in operation["responses"]), (method, path)
        for link in (one for answer in operation["responses"].values() for one in answer.get("links", {}).values()):
            assert link["operationId"] in ids


def test_every_code_is_in_it_with_its_status(document: dict[str, Any]) -> None:
    said: dict[str, set[int]] = {}
    for _, _, operation in every(document):
        for status, answer in operation["responses"].items():
            schema = next(iter(answer.get("content", {}).values()), {}).get("schema", {})
            for code in schema.get("properties", {}).get("code", {}).get("enum", ()):
                said.setdefault(code, set()).add(int(status))
    said["method_not_allowed"] = {405}  # of every path, for the methods that it has not
    assert said == {code: {STATUSES[code]} for code in TITLES}
    assert document["components"]["schemas"]["Error"]["properties"]["code"]["enum"] == list(TITLES)
    assert "405" in document["info"]["description"]


def test_every_field_of_every_body_is_in_it(api: Api, document: dict[str, Any]) -> None:
    """Also those of the providers that are switched on, and of no others."""
    manifests = [provider.manifest for provider in api.gateway.registry]
    seen = 0
    for operation in operations(api.app.app.registry.introspector):
        schema = operation.options.get("schema")
        if not schema:
            continue
        told = document["paths"][operation.path][operation.method.lower()]["requestBody"]
        [reference] = [json.dumps(content) for content in told["content"].values()]
        names = re.findall(r'"\$ref": "#/components/schemas/(\w+)"', reference)
        shown = {name for one in names for name in document["components"]["schemas"][one]["properties"]}
        member = {"parameters": "parameters_schema", "evidence": "evidence_schema", "claim": "rebate_schema"}
        expected = {node.name for node in schema().children}
        flag = operation.options.get("capability")
        for manifest in manifests:
            own = getattr(manifest, member[operation.options["extra"]]) if operation.options.get("extra") else None
            if own is not None and (not flag or getattr(manifest.capabilities, flag)):
                expected |= {node.name for node in own.children}
        assert shown == expected, operation.path
        seen += 1
    assert seen > 15


def test_every_query_is_in_it(api: Api, document: dict[str, Any]) -> None:
    for operation in operations(api.app.app.registry.introspector):
        told = document["paths"][operation.path][operation.method.lower()].get("parameters", ())
        query = operation.options.get("query")
        assert {one["name"] for one in told if one.get("in") == "query"} == {
            node.name for node in (query().children if query else ())
        }


def test_every_example_is_a_right_one(api: Api, document: dict[str, Any]) -> None:
    """By its schema in the document; and of a request, by the schemas that read it."""
    components, manifests = {"components": document["components"]}, [one.manifest for one in api.gateway.registry]
    for operation in operations(api.app.app.registry.introspector):
        told = document["paths"][operation.path][operation.method.lower()]
        bodies = [
            (content["schema"], example["value"])
            for content in told.get("requestBody", {}).get("content", {}).values()
            for example in content.get("examples", {}).values()
        ]
        for _, given in bodies:
            node = operation.options["schema"]()
            ours = {name: value for name, value in given.items() if name in {child.name for child in node.children}}
            fields.validate(node, ours)
            method, theirs = given.get("payment_method"), {name: given[name] for name in set(given) - set(ours)}
            read = [one.parameters_schema for one in manifests if method in (None, one.method)]
            assert not theirs or any(fields.validate(schema, theirs) for schema in read), (operation.id, given)
        answers = [
            (content["schema"], content["example"])
            for answer in told["responses"].values()
            for content in answer.get("content", {}).values()
            if "example" in content
        ]
        for schema, example in bodies + answers:
            valid = jsonschema_rs.Draft202012Validator({**schema, **components})
            wrong = [f"{list(one.instance_path)}: {one.message}" for one in valid.iter_errors(example)]
            assert not wrong, (operation.id, example, wrong)


def test_a_path_names_the_providers_that_can_be_there(api: Api, document: dict[str, Any]) -> None:
    """And the others answer 404."""
    slugs = {provider.slug for provider in api.gateway.registry}
    for path, body in (
        ("/api/billing/{provider}/create-payment-intent/", {"amount": 1, "appointment_id": 1}),
        ("/api/webhooks/{provider}/", {}),
    ):
        [parameter] = [one for one in document["paths"][path]["post"]["parameters"] if one.get("name") == "provider"]
        named = set(parameter["schema"].get("enum", ()))
        for slug in slugs - named:
            assert api.post(path.replace("{provider}", slug), body, as_user=None).status_code in (401, 404), slug
        assert named <= slugs


def test_the_payment_method_chooses_the_fields(document: dict[str, Any]) -> None:
    schema = document["paths"]["/api/billing/payments/"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    mapping = schema["discriminator"]["mapping"]
    assert schema["discriminator"]["propertyName"] == "payment_method"
    assert sorted(mapping.values()) == sorted(one["$ref"] for one in schema["oneOf"])
    for method, reference in mapping.items():
        told = document["components"]["schemas"][reference.rpartition("/")[2]]
        assert told["properties"]["payment_method"] == {"type": "string", "const": method}


def test_it_is_public_and_kept_until_it_changes(api: Api) -> None:
    for path, media in (("/api/openapi.json", "application/json"), ("/api/docs/", "text/html")):
        answer = api.get(path, as_user=None, status=200)
        assert answer.headers["Content-Type"] == f"{media}; charset=utf-8"
        assert answer.headers["Cache-Control"] == "no-cache"
        assert answer.body.decode("utf-8")
        again = api.get(path, as_user=None, headers={"If-None-Match": answer.headers["ETag"]}, status=304)
        assert (again.body, again.headers["ETag"]) == (b"", answer.headers["ETag"])
        api.get(path, as_user=None, headers={"If-None-Match": '"another"'}, status=200)
    assert api.get("/healthz", as_user=None).headers["Cache-Control"] == "no-store"


def test_roles_are_those_of_the_permissions(api: Api) -> None:
    for operation in operations(api.app.app.registry.introspector):
        assert operation.roles == (PERMISSIONS[operation.permission] if operation.permission else ())
