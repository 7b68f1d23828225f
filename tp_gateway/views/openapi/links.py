"""OpenAPI's links: where to go on from an answer. An answer about a payment has its id, and so has every path that ends
in `…/payments/{id}/…`; nothing else is needed to find them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tp_gateway.views.answers.shape import Answer, Shape
from tp_gateway.views.openapi.operations import Operation

_COLLECTION = re.compile(r"/([a-z-]+)/\{id\}/")


def links(source: Operation, answer: Answer, targets: Iterable[Operation]) -> dict[str, Any]:
    """Name -> Link Object, from one answer to what can be asked about the things in it."""
    if not isinstance(answer, Shape):
        return {}
    found: dict[str, Any] = {}
    ids = dict(_ids(answer, ""))
    for target in targets:
        where = _COLLECTION.search(target.path)
        if where and where[1] in ids:
            pointer = ids[where[1]]
            found[target.id] = {
                "operationId": target.id,
                "parameters": {"id": f"$response.body#{pointer}"},
            }
        wanted = target.ids_needed
        if wanted and wanted <= set(answer.always) and {"provider"} == set(target.parts) == set(source.parts):
            found[target.id] = {
                "operationId": target.id,
                "parameters": {"provider": "$request.path.provider"},
                "requestBody": {name: f"$response.body#/{name}" for name in sorted(wanted)},
            }
    return found


def _ids(shape: Shape, at: str) -> Iterator[tuple[str, str]]:
    """(collection, JSON pointer to an id of something in it); what is nearer to the top comes last, and wins."""
    for name, piece in shape.pieces().items():
        inner = _shape_in(piece)
        if inner is not None:
            step = f"{at}/{name}/0" if isinstance(piece, Mapping) and piece.get("type") == "array" else f"{at}/{name}"
            yield from _ids(inner, step)
    for name in shape.pieces():
        if name.endswith("_id"):
            yield f"{name.removesuffix('_id').replace('_', '-')}s", f"{at}/{name}"
    if shape.collection:
        yield shape.collection, f"{at}/id"


def _shape_in(piece: Any) -> Shape | None:
    """The shape that a key holds: itself, one that may be null, or a list of it."""
    if isinstance(piece, Mapping):
        inner = piece.get("items") or (piece.get("anyOf") or [None])[0]
        return inner if isinstance(inner, Shape) else None
    return piece if isinstance(piece, Shape) else None
