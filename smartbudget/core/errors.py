"""What can go wrong that the caller can act on.

Each error has a stable `code` and a sentence a user could read. Anything else that is
raised is a bug or an outage and is left alone by the services.
"""


class DomainError(Exception):
    """Base of the family; never raised itself."""

    code = "error"


class InvalidError(DomainError):
    """A value breaks a rule; `field` names the input at fault, where there is one."""

    code = "invalid"

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class InvalidRowsError(InvalidError):
    """Rows of a list break rules.

    `field` names the list, `rows` holds {row from 0: {field: [sentence]}}.
    """

    def __init__(self, field: str, rows: dict[int, dict[str, list[str]]]) -> None:
        super().__init__(f"Rows that are not valid: {len(rows)}.", field)
        self.rows = rows


class NotFoundError(DomainError):
    """There is no such thing, or it is somebody else's."""

    code = "not_found"


class ConflictError(DomainError):
    """Something in the way already exists, or changed meanwhile.

    `field` names the input at fault, where there is one.
    """

    code = "conflict"

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class InFlightError(ConflictError):
    """The same is being done just now; `retry_after`: seconds until asking again."""

    code = "in_flight"

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class SecretAnswerError(ConflictError):
    """A request was done before, and its answer held a secret that is not kept."""

    code = "secret_not_kept"


class ReusedKeyError(DomainError):
    """An Idempotency-Key was used before, for another request."""

    code = "idempotency_key_reused"


class PreconditionError(DomainError):
    """What is stored is not what the caller wants to change."""

    code = "precondition_failed"


class ForbiddenError(DomainError):
    """The caller is known and may not do this."""

    code = "forbidden"


class AuthenticationError(DomainError):
    """The login or the proof of identity is wrong."""

    code = "not_authenticated"


class ThrottledError(DomainError):
    """Too many tries; `retry_after` says in how many seconds to come back."""

    code = "throttled"

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class UnavailableError(DomainError):
    """It could not be done just now and nothing was changed; trying again is safe."""

    code = "unavailable"
