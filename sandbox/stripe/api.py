"""The way of a request under /v1: key, route, idempotency, parameters, function, expansion. One transaction each."""

import re
import traceback
from collections.abc import Callable
from typing import Any

from sandbox.stripe import auth, expansion, params, routes
from sandbox.stripe.api_call import Call
from sandbox.stripe.errors import ApiError, Invalid, server_error
from sandbox.stripe.idempotency import Keys
from sandbox.stripe.messages import Answer, Request
from sandbox.stripe.shapes import letters
from sandbox.stripe.world import World

_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(\.[a-z_]+)?")


class Api:
    def __init__(self, world: World) -> None:
        self.world = world
        self.keys = Keys(world)

    def answer(
        self, request: Request, *, before: Callable[[], None] | None = None, instead: ApiError | None = None
    ) -> Answer:
        """Execute one request.

        `before` is called once the idempotency key is held and before anything happens; `instead` is answered, and kept
        under the key, in place of the true answer although everything happens. Both are for faults.
        """
        request_id = f"req_{letters(14)}"
        try:
            answer = self._checked(request, request_id, before, instead)
        except ApiError as error:
            answer = Answer.json(error.status, error.body(request_id))
        except Exception:  # a mistake of the sandbox itself: undone by now, shown where it runs, answered like Stripe's
            traceback.print_exc()
            answer = Answer.json(500, server_error().body(request_id))
        return self.headed(request, answer, request_id)

    def headed(self, request: Request, answer: Answer, request_id: str | None = None) -> Answer:
        """docs.stripe.com/api/request_ids, docs.stripe.com/api/versioning."""
        answer.headers.setdefault("Request-Id", request_id or f"req_{letters(14)}")
        answer.headers["Stripe-Version"] = self._version(request)
        key = request.headers.get("idempotency-key")
        if key and request.method == "POST":
            answer.headers["Idempotency-Key"] = key
        return answer

    def _version(self, request: Request) -> str:
        """docs.stripe.com/api/versioning: the header's, else the default of the account."""
        return request.headers.get("stripe-version") or self.world.account_version

    def _checked(
        self, request: Request, request_id: str, before: Callable[[], None] | None, instead: ApiError | None
    ) -> Answer:
        api_key = auth.key_of(request.headers)
        found = routes.find(request.method, request.path)
        if found is None:
            raise ApiError(
                404,
                "invalid_request_error",
                f"Unrecognized request URL ({request.method}: {request.path}). Please see "
                "https://stripe.com/docs or we can help at https://support.stripe.com/.",
            )
        route, ids = found
        in_browser = auth.check_scope(api_key, route.browser)
        key = request.headers.get("idempotency-key") if request.method == "POST" else None
        self.world.run_due()
        if not key:
            if before:
                before()
            return self._executed(request, route, ids, request_id, None, in_browser, instead)
        kept = self.keys.claim(request, key)
        if kept:
            return kept
        try:
            if before:
                before()
            return self._executed(request, route, ids, request_id, key, in_browser, instead)
        finally:
            self.keys.release(key)

    def _executed(
        self,
        request: Request,
        route: routes.Route,
        ids: list[str],
        request_id: str,
        key: str | None,
        in_browser: bool,
        instead: ApiError | None,
    ) -> Answer:
        world = self.world
        version = self._version(request)
        if not _VERSION.fullmatch(version):
            raise Invalid(f"Invalid Stripe API version: {version}")  # guess: the sentence
        given = params.validated(route.operation, request.params, version)
        paths = given.pop("expand", None) or []
        expansion.check(route.kind, paths, route.listed)
        with world.books.transaction():
            world.cause = {"id": request_id, "idempotency_key": key}
            try:
                result: Any = route.function(Call(world, ids, given, in_browser))
                answer = Answer.json(200, expansion.expanded(world, result, paths))
            except Invalid:
                raise  # leaving the block undoes everything
            except ApiError as error:
                if not error.effects:
                    world.books.undo()
                answer = Answer.json(error.status, error.body(request_id))
            if instead is not None:
                answer = Answer.json(instead.status, instead.body(request_id))
            if key:
                self.keys.keep(request, key, answer, request_id)
        world.on_delivery()
        return answer
