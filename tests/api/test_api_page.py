"""The page of the API document, and how a schema is told: also a plugin's, whatever its words are."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import colander
import jsonschema_rs
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.api.conftest import Api
from tp_gateway.contract import Capabilities, Manifest, fields
from tp_gateway.errors import ValidationError
from tp_gateway.fields.json_schema import schema_of
from tp_gateway.views.openapi.document import document as make_document
from tp_gateway.views.openapi.operations import operations
from tp_gateway.views.openapi.page import page


class Page(HTMLParser):
    """What a page has: its ids, where its links go, and its tags."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.ids: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.ids += [value or "" for name, value in attrs if name == "id"]
        self.attributes += [(name, value or "") for name, value in attrs]


def test_the_page_needs_nothing_from_elsewhere(quiet_api: Api) -> None:
    document = quiet_api.get("/api/openapi.json", as_user=None, status=200).json
    answer = quiet_api.get("/api/docs/", as_user=None, status=200)
    found = Page(answer.text)
    assert not found.tags & {"script", "link", "img", "iframe", "object", "form", "base"}
    targets = [value for name, value in found.attributes if name in ("href", "src")]
    assert all((target[0] == "#" and target[1:] in found.ids) or target == "/api/openapi.json" for target in targets)
    assert not [name for name, _ in found.attributes if name == "style" or name.startswith("on")]
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "frame-ancestors 'none'" in policy
    assert {operation["operationId"] for item in document["paths"].values() for operation in item.values()} <= set(
        found.ids
    )


class Hostile(fields.Schema):
    """A </style><script>alert(1)</script> of a plugin."""

    note = colander.SchemaNode(fields.Text(), description="<img src=x onerror=alert(1)>", missing="")
    odd = colander.SchemaNode(colander.Mapping(), missing=None)
    points = colander.SchemaNode(colander.Integer(), validator=colander.Range(1, 9))


def test_a_plugins_words_are_told_and_do_no_harm(quiet_api: Api) -> None:
    made = Manifest(
        slug="points",
        method="points",
        display_name="<b>Points</b>",
        currencies=frozenset({"AUD"}),
        capabilities=Capabilities(local=True),
        settings_schema=fields.Schema(),
        parameters_schema=Hostile(),
        examples=({"points": 3, "note": "</pre><script>"},),
    )
    told = make_document(operations(quiet_api.app.app.registry.introspector), [made])
    OpenAPIV31SpecValidator(told).validate()
    body = told["components"]["schemas"]["PaymentBody_points"]
    assert body["properties"]["points"] == {"type": "integer", "minimum": 1, "maximum": 9}
    assert {"points", "amount", "payment_method"} <= set(body["required"])
    found = Page(page(told))
    assert not found.tags & {"script", "img"}
    assert "&lt;img src=x" in page(told)


@pytest.mark.parametrize(
    ("node", "accepted", "refused"),
    [
        (fields.Amount(), ["1", "0.01", "180.00", 180, 1.5, "0.010", "9999999999"], ["0", "0.00", "01", "1.", "-1", 0]),
        (fields.Id(), [1, "1", 2**63 - 1], [0, "0", "01", 2**63, 1.5, True]),
        (fields.MinorUnits(), [1, 9_999_999_999], [0, "1", 10**10]),
        (fields.Flag(), [True, False], [0, "true"]),
        (fields.Text(), ["", "Zoë"], [1, True]),
        (fields.Currency(), ["AUD", "aud"], ["AU", "AUDX", 1]),
        (fields.Metadata(), [{}, {"a": "b"}], [{"a": 1}, {"a" * 41: "b"}, {"a": "b" * 501}, []]),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, colander.SchemaType) else "",
)
def test_a_type_accepts_what_it_says(node: colander.SchemaType, accepted: list[Any], refused: list[Any]) -> None:
    made = fields.Schema(children=[colander.SchemaNode(node, name="x")])
    valid = jsonschema_rs.Draft202012Validator(schema_of(made))
    for value in accepted:
        assert valid.is_valid({"x": value}), value
        sent = fields.JsonNumber(value) if isinstance(value, float) else value
        fields.validate(made, {"x": sent})
    for value in refused:
        assert not valid.is_valid({"x": value}), value
        with pytest.raises(ValidationError):
            fields.validate(made, {"x": value})
