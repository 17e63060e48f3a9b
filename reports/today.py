"""What can be spent today, from the everyday budgets."""

from budgets import daily
from budgets.daily import DailyAllowance
from budgets.queries import current_lines
from budgets.services import list_budgets
from expenses import queries as expenses
from smartbudget.core.concurrency import READS
from smartbudget.core.periods import Period
from smartbudget.core.user import User


@READS.limited
def today(user: User) -> DailyAllowance | None:
    """Return what is left for today, or None if no budget decides that.

    Takes one Query of each table. The indexes are eventually consistent.
    """
    day = user.today()
    lines = daily.basis(current_lines(user, list_budgets(user).items), day)
    if not lines:
        return None
    coming = Period(day, max(line.within.end for line in lines))
    entries = expenses.entries(user.user_id, coming, described=coming)
    return daily.daily_allowance(lines, entries, day, user.currency)
