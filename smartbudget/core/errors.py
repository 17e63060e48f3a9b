"""Errors that callers can act on.

Each has a stable `code` and a sentence for users. Anything else that is raised is a bug
or an outage, which services do not catch.
"""

from collections.abc import Callable, Iterable


class DomainError(Exception):
    """Base class; never raised itself."""

    code = "error"


class InvalidError(DomainError):
    """A value is invalid; `field` names the input, or is None."""

    code = "invalid"

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


def errors_of(checks: Iterable[Callable[[], object]]) -> dict[str, list[str]]:
    """Call checks and return all errors they raise: {field: [sentence]}."""
    errors: dict[str, list[str]] = {}
    for check in checks:
        try:
            check()
        except InvalidError as error:
            errors.setdefault(error.field or "", []).append(str(error))
    return errors


class InvalidRowsError(InvalidError):
    """Rows of a list are invalid.

    `field` names the list, `rows` is {row number from 0: {field: [sentence]}}.
    """

    def __init__(self, field: str, rows: dict[int, dict[str, list[str]]]) -> None:
        super().__init__(f"Rows that are not valid: {len(rows)}.", field)
        self.rows = rows


class NotFoundError(DomainError):
    """The item does not exist or belongs to another user."""

    code = "not_found"


class GoneError(DomainError):
    """The item existed and can't be used any more, such as a link that was used."""

    code = "gone"


class ConflictError(DomainError):
    """A conflicting item exists, or the item was changed meanwhile.

    `field` names the input, or is None.
    """

    code = "conflict"

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class DeletedError(ConflictError):
    """The item was added before and deleted since, so it is not added again."""

    code = "deleted"


class InFlightError(ConflictError):
    """The same request is still being processed; `retry_after`: seconds to wait."""

    code = "in_flight"

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class SecretResponseError(ConflictError):
    """The request succeeded before; its response had a secret and was not stored."""

    code = "secret_not_kept"


class ReusedKeyError(DomainError):
    """The Idempotency-Key was used before, for another request."""

    code = "idempotency_key_reused"


class PreconditionError(DomainError):
    """The stored item is not the version that the request expects."""

    code = "precondition_failed"


class ForbiddenError(DomainError):
    """The caller is authenticated but not permitted to do this."""

    code = "forbidden"


class SecondFactorError(ForbiddenError):
    """The current session needs a second factor to do this."""

    code = "second_factor_required"


class AuthenticationError(DomainError):
    """The credentials are missing or invalid."""

    code = "not_authenticated"


class ThrottledError(DomainError):
    """Too many attempts; `retry_after`: seconds to wait."""

    code = "throttled"

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class UnavailableError(DomainError):
    """The operation is temporarily unavailable; retrying is safe."""

    code = "unavailable"
