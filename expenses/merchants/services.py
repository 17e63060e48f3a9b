"""Rename or merge merchants in expenses and their histories."""

from collections.abc import Sequence

from expenses.batch import within_time_limit
from expenses.fields import MERCHANT
from expenses.renaming import services as rename
from expenses.renaming.services import Renamed, Renaming
from smartbudget.core.concurrency import BULK_WRITES
from smartbudget.core.i18n import gettext as _
from smartbudget.core.user import User


@BULK_WRITES.limited
def rename_merchants(user: User, sources: Sequence[str], target: str) -> Renamed:
    """Rename 1-20 merchants in their expenses, including void ones.

    sources: compared by `casefold_key`. target: the new name; expenses that have it
    exactly are not changed.

    Budgets do not change. Safe to repeat, also after an error; repeat it while expenses
    are left.

    Raises InvalidError before any change.
    """
    sources = check_sources(sources)
    target = rename.check_target(MERCHANT, target)
    in_time = within_time_limit()
    matches = rename.find_matches(user, MERCHANT, sources, target, in_time)
    renaming = Renaming(user, MERCHANT, matches.expenses, sources, target)
    renaming.write(in_time)
    changed = renaming.changed - len(renaming.waiting)
    left = matches.more or bool(renaming.waiting)
    previous = None
    if not (left or matches.is_target_used):
        previous = renaming.only_name(matches.expenses)
    return Renamed(changed, left, renaming.alerts, previous)


def check_sources(sources: Sequence[str]) -> list[str]:
    """Return 1-20 validated names of merchants. Raises InvalidError."""
    return rename.check_names(
        MERCHANT,
        sources,
        none=_("Select at least one merchant."),
        too_many=_("Select at most {most} merchants."),
    )
