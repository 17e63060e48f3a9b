"""What is done to budgets later, over SQS."""

from accounts import services as accounts
from budgets import evaluation, services
from smartbudget.core.errors import NotFoundError
from smartbudget.core.tasks import task

# A budget that changes all the time is left to the daily check after four minutes.
# Lambda takes a message that came back 16 times for an endless loop, and drops it.
TRIES = 12


@task
def recount_budget(user_id: str, budget_id: str, tries: int = 0) -> None:
    """Count a budget again once its last change has surely reached the index.

    Safe to repeat. A user or budget deleted meanwhile is no error.
    """
    try:
        user = accounts.get_account(user_id).user
    except NotFoundError:
        return
    if services.recount(user, budget_id) is None and tries < TRIES:
        recount_budget.apply_async(
            {"user_id": user_id, "budget_id": budget_id, "tries": tries + 1},
            countdown=evaluation.RECOUNT_IN,
        )
