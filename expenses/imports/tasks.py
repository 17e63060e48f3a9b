"""Tasks of imports, run from SQS."""

from expenses.imports import background
from smartbudget.core.tasks import RetryLaterError, current_attempt, task


@task
def read_imports(*, user_id: str) -> None:
    """Read a large file of a user; see background.read_next.

    Raises RetryLaterError if too little time is left, after others of its batch.
    """
    attempt = current_attempt()
    if attempt.seconds_left < background.SECONDS and attempt.may_return:
        raise RetryLaterError(1)
    background.read_next(user_id)
