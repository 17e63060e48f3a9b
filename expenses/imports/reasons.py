"""The reasons of decisions, as sentences for users."""

import datetime
from collections.abc import Mapping

from smartbudget.core import i18n
from smartbudget.core.i18n import gettext as _
from smartbudget.core.i18n import gettext_noop

REASONS = {
    "imported": gettext_noop("You imported this before."),
    "other_day": gettext_noop("You imported this before, with the date {day}."),
    "also_in": gettext_noop("Also in {file}."),
    "exists": gettext_noop("You have this expense already."),
    "deleted": gettext_noop("You imported this before and deleted it."),
    "other_text": gettext_noop(
        "You imported this before with another text: “{text}”. Is it the same?"
    ),
    "by_hand": gettext_noop("You entered this yourself on {day}."),
    "several": gettext_noop("This looks like {count} expenses that you entered."),
    "pending": gettext_noop("Not booked yet. It will be in a later file."),
    "zero": gettext_noop("Nothing was paid."),
    "money_in": gettext_noop(
        "Money that you received. If you import it, it becomes a refund."
    ),
    "refund": gettext_noop("This may be a refund of your expense of {day}."),
    "currency": gettext_noop("This is in {currency}, and your currency is {own}."),
    "transfer": gettext_noop("Transfer between your own accounts ({account})."),
    "rule": gettext_noop("One of your rules leaves this out."),
    "chosen": gettext_noop("You chose this."),
    "by_rule": gettext_noop("One of your rules."),
    "habit": gettext_noop(
        "Because you put the last three of {merchant} into {category}."
    ),
    "in_file": gettext_noop("The file says so."),
}


def sentence(because: str, values: Mapping[str, str]) -> str:
    """Return a reason in the current language; empty without one.

    because: one of REASONS, or a sentence.
    """
    if because not in REASONS:
        return because
    shown = dict(values)
    if day := values.get("day"):
        shown["day"] = i18n.day(datetime.date.fromisoformat(day))
    return _(REASONS[because]).format(**shown)
