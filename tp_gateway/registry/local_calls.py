"""The guarded calls that promise no I/O: a part of `GuardedProvider`. They have lanes and a deadline of their own, so
that neither an open circuit nor a network that hangs is in their way; but that they hurry is only a promise."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import date
from itertools import islice
from typing import Any

import colander

from tp_gateway import observability
from tp_gateway.contract import CannotWrite, InvalidSignature, Manifest, Observation, PaymentFile, QueuedRefund
from tp_gateway.errors import GatewayError, ValidationError
from tp_gateway.fields import validate
from tp_gateway.registry.calls import Calls, NotSent, taking
from tp_gateway.registry.exact import Nonsense, exactly, plain
from tp_gateway.registry.plausible import impossible_file, impossible_observation
from tp_gateway.registry.threads import Overrun

_SECONDS = 5.0
_SECONDS_FOR_A_FILE = 60.0
_PATIENCE = 0.1
"""Seconds that such a call waits for its lane: each is over in no time, or something is wrong."""
_MOST_OBSERVATIONS = 1000
_LARGEST_DELIVERY = 1 << 20
"""Characters of all labels and notes of one webhook: the inbox keeps them."""
_LONGEST_TOLD = 1000
log = observability.logger(__name__)


class LocalCalls:
    manifest: Manifest
    slug: str
    _provider: Any
    _local: Calls
    _nonsense: Any

    def parameters(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """A payment's, by the provider's schema, as JSON can hold them. ValidationError; `service_unavailable` for a
        schema that fails."""
        found: dict[str, Any] = self._validated("parameters_schema", self.manifest.parameters_schema, given, plain)
        return found

    def validated(self, name: str, schema: colander.SchemaNode, given: Mapping[str, Any]) -> dict[str, Any]:
        """`given` by another schema of the manifest, as `parameters`."""
        found: dict[str, Any] = self._validated(name, schema, given, dict)
        return found

    def parse_webhook(self, body: bytes, headers: Mapping[str, str]) -> list[Observation]:
        """Any exception at all means: not signed by the provider. `service_unavailable` where it cannot be asked."""
        try:
            return list(self._at_once("parse_webhook", (body, dict(headers)), _observations))
        except InvalidSignature:
            raise InvalidSignature from None
        except (NotSent, Overrun) as reason:
            log.error("provider_local_call_stuck", provider=self.slug, member="parse_webhook")
            raise GatewayError("service_unavailable", retry_after=30) from reason
        except Exception as error:
            log.warning("webhook_not_parsed", provider=self.slug, error=observability.class_name(error))
            raise InvalidSignature from error

    def write_refunds(self, refunds: list[QueuedRefund], title: str, made_on: date) -> PaymentFile:
        """Raises CannotWrite."""
        try:
            asked = (list(refunds), title, made_on)
            file: PaymentFile = self._at_once("write_refunds", asked, _file, _SECONDS_FOR_A_FILE)
        except CannotWrite as reason:
            raise CannotWrite(_words(reason)) from None
        except Nonsense as problem:
            self._nonsense("write_refunds", str(problem))
            raise CannotWrite("The provider could not write it; see the log") from problem
        except Exception as error:
            log.error(
                "provider_raised", provider=self.slug, member="write_refunds", error=observability.class_name(error)
            )
            raise CannotWrite("The provider could not write it; see the log") from error
        return file

    def _at_once(
        self,
        member: str,
        arguments: tuple[Any, ...],
        take: Callable[[Any], Any],
        seconds: float = _SECONDS,
        function: Callable[..., Any] | None = None,
    ) -> Any:
        call = taking(function or getattr(self._provider, member), arguments, take)
        with self._local.alone(_PATIENCE) as lane:
            return self._local.carry_out(call, lane, time.monotonic() + seconds, here=True)

    def _validated(
        self, name: str, schema: colander.SchemaNode, given: Mapping[str, Any], take: Callable[[Any], Any]
    ) -> Any:
        def check(values: dict[str, Any]) -> Any:
            try:
                return validate(schema, values)
            except ValidationError as refusal:
                return ValidationError(plain(_showable(refusal.fields)))

        def keep(found: Any) -> Any:
            return found if isinstance(found, ValidationError) else take(found)

        try:
            found = self._at_once(name, (dict(given),), keep, function=check)
        except Exception as error:
            what = str(error) if type(error) is Nonsense else observability.class_name(error)
            log.error("provider_schema_failed", provider=self.slug, schema=name, error=what)
            raise GatewayError("service_unavailable") from error
        if isinstance(found, ValidationError):
            raise found
        return found


def _showable(told: Any) -> Any:
    """The caller's own words in a refusal (the name of an unknown field, say) may be such as nobody can keep."""
    if isinstance(told, Mapping):
        return {_showable(name): _showable(value) for name, value in told.items()}
    if isinstance(told, str):
        return told[:_LONGEST_TOLD].encode("utf-8", "replace").decode().replace("\0", "\ufffd")
    return [_showable(one) for one in told] if isinstance(told, list | tuple) else told


def _observations(answer: Any) -> list[Observation]:
    listed = list(islice(iter(answer), _MOST_OBSERVATIONS + 1))
    if len(listed) > _MOST_OBSERVATIONS:
        raise Nonsense("more events than one delivery can have")
    found, weight = list[Observation](), 0
    for one in listed:
        seen: Observation = exactly(one, (Observation,))
        problem = impossible_observation(seen)
        if problem:
            raise Nonsense(problem)
        weight += len(seen.note) + sum(len(name) + len(text) for name, text in seen.labels.items())
        if weight > _LARGEST_DELIVERY:
            raise Nonsense("more text than one delivery can have")
        found.append(seen)
    return found


def _file(answer: Any) -> PaymentFile:
    found: PaymentFile = exactly(answer, (PaymentFile,))
    problem = impossible_file(found)
    if problem:
        raise Nonsense(problem)
    return found


def _words(reason: CannotWrite) -> str:
    """A reason for staff, if it can be read at all."""
    try:
        return str(plain(str(reason)))[:500]
    except (Exception, SystemExit):
        return "The provider could not write it; see the log"
