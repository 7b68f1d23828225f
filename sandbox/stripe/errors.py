"""Errors in Stripe's shape (docs.stripe.com/api/errors). They are raised anywhere below the API and rendered once."""

from typing import Any

DOC_URL = "https://stripe.com/docs/error-codes/"


class ApiError(Exception):
    """An error answer.

    `kept`: whether an idempotency key remembers it (docs.stripe.com/api/idempotent_requests: once execution began).
    `effects`: whether what the request changed stays changed, as a declined charge does.
    """

    kept = True
    effects = False

    def __init__(
        self, status: int, kind: str, message: str, *, code: str | None = None, param: str | None = None, **more: Any
    ) -> None:
        super().__init__(message)
        self.status = status
        self.error: dict[str, Any] = {"type": kind, "message": message}
        if code:
            self.error |= {"code": code, "doc_url": DOC_URL + code.replace("_", "-")}
        if param:
            self.error["param"] = param
        self.error |= {key: value for key, value in more.items() if value is not None}

    def body(self, request_id: str) -> dict[str, Any]:
        url = f"https://dashboard.stripe.com/test/logs/{request_id}"
        return {"error": {**self.error, "request_log_url": url}}


class Invalid(ApiError):
    """A parameter failed validation: nothing began, so no key remembers it."""

    kept = False

    def __init__(self, message: str, *, code: str | None = None, param: str | None = None) -> None:
        super().__init__(400, "invalid_request_error", message, code=code, param=param)


class Refused(ApiError):
    """The request was sound, the state of the objects forbids it."""

    def __init__(self, message: str, *, code: str | None = None, param: str | None = None, **more: Any) -> None:
        super().__init__(400, "invalid_request_error", message, code=code, param=param, **more)


class Missing(ApiError):
    """docs.stripe.com/error-codes#resource-missing. guess: kept under the key, since execution had begun."""

    def __init__(self, noun: str, object_id: str, param: str) -> None:
        super().__init__(
            404, "invalid_request_error", f"No such {noun}: '{object_id}'", code="resource_missing", param=param
        )


class Unauthorized(ApiError):
    """No usable key: 401, never remembered."""

    kept = False

    def __init__(self, message: str) -> None:
        super().__init__(401, "invalid_request_error", message)


class CardError(ApiError):
    """The bank said no: 402, and the failed attempt stays in the books (docs.stripe.com/error-handling)."""

    effects = True

    def __init__(self, message: str, **more: Any) -> None:
        super().__init__(402, "card_error", message, **more)


class IdempotencyError(ApiError):
    """docs.stripe.com/error-low-level#idempotency: a key used for something else, or used twice at once."""

    kept = False

    def __init__(self, status: int, message: str, code: str | None = None) -> None:
        super().__init__(status, "idempotency_error", message, code=code)


def server_error() -> ApiError:
    """docs.stripe.com/error-low-level#server-errors."""
    return ApiError(500, "api_error", "An unknown error occurred. Please try again.")


def rate_limited() -> ApiError:
    """docs.stripe.com/rate-limits."""
    return ApiError(429, "invalid_request_error", "Request rate limit exceeded. Please slow down.", code="rate_limit")


def lock_timeout() -> ApiError:
    """docs.stripe.com/rate-limits#object-lock-timeouts."""
    message = (
        "This object cannot be accessed right now because another API request or Stripe process is currently "
        "accessing it. If you see this error intermittently, retry the request."
    )
    return ApiError(429, "invalid_request_error", message, code="lock_timeout")
