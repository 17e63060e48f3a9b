"""Tasks of budgets, run from SQS."""

from accounts import services as accounts
from budgets import services, updates
from smartbudget.core.errors import NotFoundError
from smartbudget.core.tasks import task

# After four minutes, a budget that keeps changing is left to the daily check. Lambda's
# recursive loop detection drops a chain of messages after 16 rounds.
MAX_TRIES = 12


@task
def recount_budget(user_id: str, budget_id: str, tries: int = 0) -> None:
    """Recount a budget once its last change has reached the index.

    Safe to repeat. A user or budget deleted meanwhile is no error.
    """
    try:
        user = accounts.get_account(user_id).user
    except NotFoundError:
        return
    if services.recount(user, budget_id) is None and tries < MAX_TRIES:
        recount_budget.apply_async(
            {"user_id": user_id, "budget_id": budget_id, "tries": tries + 1},
            countdown=updates.RECOUNT_SECONDS,
        )
