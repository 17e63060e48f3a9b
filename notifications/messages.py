"""The texts of notifications, and SNS's rules for subjects.

A text is written from facts: JSON values, with amounts as decimal strings and days as
ISO 8601. They are stored with the notification, so it can be shown in another language
than that of its e-mail. Stored facts outlive the code that wrote them: writers must
also read those of earlier versions.

Why: docs/decisions.md#a-notification-is-stored-with-its-text-and-its-facts
"""

import datetime
import json
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

from smartbudget.core import money
from smartbudget.core.categories import Categories
from smartbudget.core.config import config
from smartbudget.core.i18n import (
    clock,
    day,
    device_name,
    long_day,
    month,
    month_name,
    ngettext,
    override,
    percent,
)
from smartbudget.core.i18n import gettext as _
from smartbudget.core.periods import Period, name_of, period_of

if TYPE_CHECKING:
    from notifications.models import Notification, OutboxItem

Facts = Mapping[str, Any]

MAX_SUBJECT_LENGTH = 99  # characters; SNS refuses 100 (docs/aws.md#subjects)
MAX_LINES = 30  # of a digest
MAX_BUDGETS = 50  # of a summary
DAYS_OF_WEEK = 7
FEW_RECOVERY_CODES = 3  # warn at this number of unused ones
NAME = "Smart Budget Planner"
TYPED_FACTS = {"name", "new"}  # of security notices: names, and a new address

# Controls, invisible marks (some change the reading direction), lone surrogates.
_REJECTED = {"Cc", "Cf", "Cs"}
_JOINER = "\u200d"  # also invisible, but needed inside emoji


def subject_line(text: str) -> str:
    """Return a subject that SNS accepts: one printable line below 100 characters.

    Characters are counted in UTF-16, where an emoji counts as two, so the subject fits
    however SNS counts.
    """
    line = one_line(printable(one_line(text))) or NAME
    if _length(line) <= MAX_SUBJECT_LENGTH:
        return line
    while _length(line) > MAX_SUBJECT_LENGTH - 1:
        line = line[: min(len(line) - 1, MAX_SUBJECT_LENGTH)]
    return f"{line.rstrip()}…"


def one_line(text: str) -> str:
    """Replace line breaks and repeated spaces with single spaces."""
    return " ".join(text.split())


def printable(text: str) -> str:
    """Remove invisible characters, except line breaks and tabs."""
    return "".join(
        character
        for character in text
        if character in f"\n\t{_JOINER}"
        or unicodedata.category(character) not in _REJECTED
    )


class Text(NamedTuple):
    """A subject, a message, and the facts they are written from, as JSON."""

    subject: str
    message: str
    facts: str | None = None  # None: the text exists only as stored


def write(type: str, facts: Facts, *, language: str) -> Text:
    """Write the text of a notification in the recipient's language.

    type: of models.TYPES. facts: as its writer below reads them; Decimals and dates are
    accepted too.
    """
    stored = printable(
        json.dumps(facts, default=str, ensure_ascii=False, separators=(",", ":"))
    )
    with override(language):
        return Text(*_WRITERS[type](json.loads(stored)), stored)


def hide_typed_text(notice: "OutboxItem", *, language: str) -> "OutboxItem":
    """Remove what the user typed from the text of a security notice, and return it.

    For an address that is not verified: else anyone could have us send their text to a
    stranger, as the name of an API token. Nothing is stored.
    """
    facts = json.loads(getattr(notice, "facts", None) or "{}")
    typed = TYPED_FACTS & facts.keys()
    if typed:
        hidden = facts | dict.fromkeys(typed, "…")
        text = write(notice.type, hidden, language=language)
        notice.subject, notice.message = text.subject, text.message
    return notice


def localize(notification: "Notification") -> "Notification":
    """Set a notification's text to the current language, and return it.

    Nothing is stored: that stays the text as sent. Notifications without facts, of
    earlier versions, keep their text.
    """
    writer = _WRITERS.get(notification.type)
    if notification.facts and writer:
        text = writer(json.loads(notification.facts))
        notification.subject, notification.message = text
    return notification


def _threshold_alert(facts: Facts) -> tuple[str, str]:
    """Write the alert of a budget that reached its threshold."""
    used = money.percentage(Decimal(facts["spent"]), Decimal(facts["amount"]))
    subject = _("Budget {percent} spent: {category}").format(
        category=_category(facts), percent=percent(used)
    )
    if Decimal(facts["amount"]) <= 0:
        subject = _("Nothing left: {category}").format(category=_category(facts))
    last = _("{amount} left, and today is the last day.")
    days = _days_left(facts)
    sentence = ngettext(
        "{amount} left, {number} day to go.",
        "{amount} left, {number} days to go.",
        days,
    )
    return _budget_text(subject, facts, sentence if days > 0 else last)


def _exceeded_alert(facts: Facts) -> tuple[str, str]:
    """Write the alert of a budget that is exceeded."""
    subject = _("Over budget: {category}").format(category=_category(facts))
    last = _("{amount} over, and today is the last day.")
    days = _days_left(facts)
    sentence = ngettext(
        "{amount} over, {number} day to go.",
        "{amount} over, {number} days to go.",
        days,
    )
    return _budget_text(subject, facts, sentence if days > 0 else last)


def _budget_text(subject: str, facts: Facts, rest: str) -> tuple[str, str]:
    """Return the text of a budget alert.

    There is no forecast, since it needs the period's expenses, which the write that
    causes the alert does not read.

    facts: category, categories (Categories.to_json, if it is not one), period (one of
    PERIODS), start and end (its days; the end may be missing in stored facts), amount
    (with what was carried over), carried_over (may be missing), spent, currency, today
    (the user's local day). rest: with the difference.
    """
    spent, amount = Decimal(facts["spent"]), Decimal(facts["amount"])
    currency = facts["currency"]
    fact = _budget_fact(facts, spent, amount).format(
        spent=money.display(spent, currency),
        percent=percent(money.percentage(spent, amount)),
        amount=money.display(amount, currency),
        category=_categories(facts).before_budget,
        carried=money.display(abs(_carried_over(facts)), currency),
        period=name_period(_period(facts), facts["period"], is_present=True),
    )
    rest = rest.format(
        amount=money.display(abs(amount - spent), currency), number=_days_left(facts)
    )
    return _alert_text(subject, fact, rest, "budgets")


def _category(facts: Facts) -> str:
    """Return what a budget covers as users read it."""
    return _categories(facts).in_words


def _categories(facts: Facts) -> Categories:
    return Categories.from_json(facts.get("categories") or [str(facts["category"])])


def _budget_fact(facts: Facts, spent: Decimal, amount: Decimal) -> str:
    """Return the template of the sentence that says what happened."""
    if amount <= 0 and spent <= 0:
        return _(
            "You overspent your {category} budget before, so nothing is left for"
            " {period}."
        )
    if amount <= 0:
        return _(
            "You overspent your {category} budget before, so nothing was left for"
            " {period}, and you've spent {spent}."
        )
    carried = _carried_over(facts)
    if carried > 0:
        return _(
            "You've spent {spent} ({percent}) of your {amount} {category} budget for"
            " {period}, which includes {carried} that was left before."
        )
    if carried < 0:
        return _(
            "You've spent {spent} ({percent}) of your {amount} {category} budget for"
            " {period}, which is {carried} less because you overspent before."
        )
    return _(
        "You've spent {spent} ({percent}) of your {amount} {category} budget for"
        " {period}."
    )


def _carried_over(facts: Facts) -> Decimal:
    return Decimal(facts.get("carried_over", 0))


def _days_left(facts: Facts) -> int:
    return (_period(facts).end - _day(facts["today"])).days


def _large_expense(facts: Facts) -> tuple[str, str]:
    """Write the notice of an expense at or above the user's threshold.

    facts: amount, category, date, threshold, currency.
    """
    amount = money.display(Decimal(facts["amount"]), facts["currency"])
    threshold = money.display(Decimal(facts["threshold"]), facts["currency"])
    return _alert_text(
        _("Large expense: {amount} in {category}").format(
            amount=amount, category=facts["category"]
        ),
        _("You added an expense of {amount} in {category} ({day}).").format(
            amount=amount, category=facts["category"], day=day(_day(facts["date"]))
        ),
        _("Your large expense alert is set to {amount}.").format(amount=threshold),
        "expenses",
    )


def _digest(facts: Facts) -> tuple[str, str]:
    """Write the digest of several alerts; of one, that alert.

    facts: alerts, the first MAX_LINES, each its type and facts or its text; number, of
    all alerts; budgets_only, whether all are about budgets.
    """
    texts = [_alert(alert) for alert in facts["alerts"]]
    number = facts["number"]
    if number == 1:
        return texts[0]
    subject = ngettext("{number} alert", "{number} alerts", number)
    fact = ngettext(
        "{number} alert needs your attention:",
        "{number} alerts need your attention:",
        number,
    )
    if facts["budgets_only"]:
        subject = ngettext("{number} budget alert", "{number} budget alerts", number)
        fact = ngettext(
            "{number} budget needs your attention:",
            "{number} budgets need your attention:",
            number,
        )
    lines = bullet_list([subject_line(subject) for subject, _message in texts], number)
    return _alert_text(
        subject.format(number=number),
        "\n".join([fact.format(number=number), *lines]),
        _("See details:"),
        "notifications",
    )


def _alert(alert: Facts) -> tuple[str, str]:
    if "type" in alert:
        return _WRITERS[alert["type"]](alert["facts"])
    return alert["subject"], alert["message"]  # of an earlier version


def _report_ready(facts: Facts) -> tuple[str, str]:
    """Write the notice of a finished report.

    facts: report_type, start, end, file_name. The link opens the app, which signs a URL
    on each click: a signed URL in an e-mail would soon expire
    (docs/aws.md#signed-addresses).
    """
    days = Period(_day(facts["start"]), _day(facts["end"]))
    name = name_of(days)
    return notification_text(
        _("Report ready: {name}").format(name=name),
        _("Your {name} report is ready.").format(name=name),
        _("Download it here:"),
        f"reports/{facts['file_name']}/",
    )


def _report_failed(facts: Facts) -> tuple[str, str]:
    """Write the notice of a queued report that was not created.

    facts: report_type, start, end, failure: `too_many_expenses`, or None.
    """
    name = name_of(Period(_day(facts["start"]), _day(facts["end"])))
    fact = _("Your {name} report couldn't be created: something went wrong.")
    advice = _("Please try again:")
    if facts["failure"] == "too_many_expenses":
        fact = _("Your {name} report couldn't be created: it has too many expenses.")
        advice = _("Choose a shorter period:")
    return notification_text(
        _("Report failed: {name}").format(name=name),
        fact.format(name=name),
        advice,
        "reports/",
    )


def _weekly_summary(facts: Facts) -> tuple[str, str]:
    return _summary(facts, "weekly")


def _monthly_summary(facts: Facts) -> tuple[str, str]:
    return _summary(facts, "monthly")


def _summary(facts: Facts, kind: str) -> tuple[str, str]:
    """Write the summary of a week or month.

    facts: start, end, spent (less refunds), refunded (missing in those of the version
    before), previous (spent in the period before), currency, budgets (the first
    MAX_BUDGETS: category, categories, period, start, end, amount with what was
    carried_over, spent), budgets_number (of all). Empty facts if there is no summary.
    """
    if not facts:
        subject = _("Your weekly summary")
        if kind == "monthly":
            subject = _("Your monthly summary")
        return subject, _("This summary is not available.")
    currency = facts["currency"]
    shown = _period({"period": kind, **facts})
    when = _("in {month}").format(month=month(shown.start))
    if kind == "weekly":
        when = _("in the week of {day}").format(day=long_day(shown.start))
    elif not shown.is_month:
        when = _("in the period {days}").format(days=name_of(shown))
    subject, fact = _("Nothing spent {when}"), _("You spent nothing {when}.")
    total = Decimal(facts["spent"])
    if total > 0:
        subject, fact = _("{amount} spent {when}"), _("You spent {amount} {when}.")
    elif total < 0:
        subject = _("{amount} back {when}")
        fact = _("You got back {amount} more than you spent {when}.")
    spent = money.display(abs(total), currency)
    facts_in_words = [fact.format(amount=spent, when=when), _compared(facts, kind)]
    if refunded := Decimal(facts.get("refunded", 0)):
        refunds = _("Refunds of {amount} are already subtracted.")
        amount = money.display(refunded, currency)
        facts_in_words.append(refunds.format(amount=amount))
    budgets = _("You have no budgets.")
    if facts["budgets"]:
        lines = [_standing(budget, currency) for budget in facts["budgets"]]
        listed = bullet_list(lines, facts["budgets_number"])
        budgets = "\n".join([_("Your budgets:"), *listed])
    return notification_text(
        subject.format(amount=spent, when=when),
        " ".join(facts_in_words),
        budgets,
        f"?month={_month_key(shown)}" if kind == "monthly" else "budgets/",
    )


def _month_key(shown: Period) -> str:
    """Return the text that identifies a month in addresses, in any calendar."""
    return f"{shown.start:%Y-%m}" if shown.is_month else shown.start.isoformat()


def _compared(facts: Facts, kind: str) -> str:
    before = _("the week before") if kind == "weekly" else _("the month before")
    previous, currency = Decimal(facts["previous"]), facts["currency"]
    difference = Decimal(facts["spent"]) - previous
    if not previous:
        sentence = _("You spent nothing {when}.")
    elif not difference:
        sentence = _("That's the same as {when} ({amount}).")
    elif difference > 0:
        sentence = _("That's {difference} more than {when} ({amount}).")
    else:
        sentence = _("That's {difference} less than {when} ({amount}).")
    return sentence.format(
        when=before,
        amount=money.display(previous, currency),
        difference=money.display(abs(difference), currency),
    )


def _standing(budget: Facts, currency: str) -> str:
    amount, spent = Decimal(budget["amount"]), Decimal(budget["spent"])
    sentence = _("{category}, {period}: {spent} of {amount} spent, {rest} left")
    if spent > amount:
        sentence = _("{category}, {period}: {spent} of {amount} spent, {rest} over")
    standing = sentence.format(
        category=one_line(_category(budget)),
        period=name_period(_period(budget), budget["period"]),
        spent=money.display(spent, currency),
        amount=money.display(amount, currency),
        rest=money.display(abs(amount - spent), currency),
    )
    carried = Decimal(budget.get("carried_over", 0))  # missing in the version before
    if not carried:
        return standing
    note = _("{amount} carried over") if carried > 0 else _("{amount} overspent before")
    return f"{standing} ({note.format(amount=money.display(abs(carried), currency))})"


def bullet_list(lines: Sequence[str], number: int) -> list[str]:
    """Return lines as a list, and how many of `number` lines are missing."""
    bullets = [f"- {line}" for line in lines]
    if more := number - len(bullets):
        remainder = _("and {number} more").format(number=more)
        bullets.append(f"- {remainder}")
    return bullets


def _password_changed(facts: Facts) -> tuple[str, str]:
    """Write the notice of a changed password. facts: at (aware), time_zone."""
    return _security_text(
        _("Your password was changed"),
        _(
            "Your password was changed on {day} at {time} ({time_zone})."
            " All other devices have been logged out."
        ).format(**_moment(facts)),
    )


def _password_reset(facts: Facts) -> tuple[str, str]:
    """Write the notice of a reset password. facts: at (aware), time_zone."""
    return _security_text(
        _("Your password was reset"),
        _(
            "Your password was reset with a link on {day} at {time} ({time_zone})."
            " All devices have been logged out and all API tokens revoked."
        ).format(**_moment(facts)),
    )


def _reset_link_created(facts: Facts) -> tuple[str, str]:
    """Write the notice of a link made by staff. facts: at (aware), time_zone."""
    return notification_text(
        _("Staff created a link to reset your password"),
        _(
            "Someone who runs this site created a link to reset your password on {day}"
            " at {time} ({time_zone}). It works once, for 30 minutes."
        ).format(**_moment(facts)),
        _(
            "If you requested it, you don't need to do anything. If not, change your"
            " password now: then the link no longer works."
        ),
        "accounts/password",
    )


def _moment(facts: Facts) -> dict[str, str]:
    """Return the day, time and time zone of an event, in words."""
    at = datetime.datetime.fromisoformat(facts["at"])
    local = at.astimezone(ZoneInfo(facts["time_zone"]))
    return {
        "day": long_day(local),
        "time": clock(local),
        "time_zone": facts["time_zone"],
    }


def _new_device(facts: Facts) -> tuple[str, str]:
    """Write the notice of a login with a new device.

    facts: device (its name or None), device_id, at (aware), time_zone.
    """
    name = device_name(facts["device"])
    return _security_text(
        _("New login: {device}").format(device=name),
        _(
            "Someone logged in to your account with a device that you hadn't used"
            " before: {device}, on {day} at {time} ({time_zone})."
        ).format(device=name, **_moment(facts)),
    )


def _email_changed(facts: Facts) -> tuple[str, str]:
    """Write the notice of a changing e-mail address. facts: old, new."""
    return _security_text(
        _("Your e-mail address is being changed"),
        _(
            "A change of your account's e-mail address from {old} to {new} was"
            " requested with your password."
        ).format(old=one_line(facts["old"]), new=one_line(facts["new"])),
    )


def _email_restored(facts: Facts) -> tuple[str, str]:
    """Write the notice of an undone change of address. facts: email."""
    return _security_text(
        _("Your e-mail address is {email} again").format(email=facts["email"]),
        _(
            "The change of your e-mail address was undone with the link we sent to"
            " {email}, and a new password was chosen. All devices have been logged out"
            " and all API tokens revoked."
        ).format(email=one_line(facts["email"])),
    )


def _api_token_created(facts: Facts) -> tuple[str, str]:
    """Write the notice of a new API token. facts: name."""
    return _security_text(
        _("New API token: {name}").format(name=facts["name"]),
        _(
            "An API token named {name} was created. Anyone with this token can use your"
            " account without your password."
        ).format(name=one_line(facts["name"])),
    )


def _password_removed(facts: Facts) -> tuple[str, str]:
    """Write the notice of a removed password. facts: none."""
    return _security_text(
        _("Password removed"),
        _("From now on, you can only log in with a passkey."),
    )


def _second_factor_added(facts: Facts) -> tuple[str, str]:
    """Write the notice of a new second factor.

    facts: factor, `totp` or `passkey`; name, of a passkey.
    """
    if facts["factor"] == "passkey":
        return _security_text(
            _("Passkey added: {name}").format(name=facts["name"]),
            _("You can now log in to your account with the passkey {name}.").format(
                name=facts["name"]
            ),
        )
    return _security_text(
        _("Authenticator app added"),
        _(
            "Logging in with your password now also needs a second factor, such as a"
            " code from your authenticator app."
        ),
    )


def _second_factor_removed(facts: Facts) -> tuple[str, str]:
    """Write the notice of a removed second factor.

    facts: factor, `totp`, `passkey` or, by an operator, `all`; name, of a passkey.
    """
    if facts["factor"] == "passkey":
        return _security_text(
            _("Passkey removed: {name}").format(name=facts["name"]),
            _("You can no longer log in with the passkey {name}.").format(
                name=facts["name"]
            ),
        )
    if facts["factor"] == "totp":
        return _security_text(
            _("Authenticator app removed"),
            _("Codes from your authenticator app no longer work."),
        )
    return _security_text(
        _("All second factors removed"),
        _(
            "The people who run this site removed all second factors from your account."
            " Logging in needs only your password now."
        ),
    )


def _second_factor_refused(facts: Facts) -> tuple[str, str]:
    """Write the notice of too many wrong codes. facts: tries, minutes to wait."""
    return _security_text(
        _("Too many wrong codes at login"),
        _(
            "Someone entered your password and then {tries} wrong codes. Codes are not"
            " accepted for {minutes} minutes."
        ).format(tries=facts["tries"], minutes=facts["minutes"]),
    )


def _recovery_code_used(facts: Facts) -> tuple[str, str]:
    """Write the notice of a login with a recovery code. facts: left, unused codes."""
    left = ngettext(
        "You have {number} recovery code left.",
        "You have {number} recovery codes left.",
        facts["left"],
    ).format(number=facts["left"])
    used = _("A recovery code was used to log in to your account.")
    soon = _("Create new ones soon, in Settings.")
    sentences = (
        [used, left, soon] if facts["left"] <= FEW_RECOVERY_CODES else [used, left]
    )
    return _security_text(_("Recovery code used"), " ".join(sentences))


def _recovery_codes_created(facts: Facts) -> tuple[str, str]:
    """Write the notice of new recovery codes. facts: none."""
    return _security_text(
        _("New recovery codes"),
        _("New recovery codes were created. The old ones no longer work."),
    )


_WRITERS: dict[str, Callable[[Facts], tuple[str, str]]] = {
    "budget_threshold": _threshold_alert,
    "budget_exceeded": _exceeded_alert,
    "large_expense": _large_expense,
    "alert_digest": _digest,
    "report_ready": _report_ready,
    "report_failed": _report_failed,
    "weekly_summary": _weekly_summary,
    "monthly_summary": _monthly_summary,
    "password_changed": _password_changed,
    "password_removed": _password_removed,
    "email_changed": _email_changed,
    "email_restored": _email_restored,
    "api_token_created": _api_token_created,
    "second_factor_added": _second_factor_added,
    "second_factor_removed": _second_factor_removed,
    "second_factor_refused": _second_factor_refused,
    "recovery_code_used": _recovery_code_used,
    "recovery_codes_created": _recovery_codes_created,
    "new_device": _new_device,
    "password_reset": _password_reset,
    "reset_link_created": _reset_link_created,
}


def _security_text(subject: str, fact: str) -> tuple[str, str]:
    return notification_text(
        subject,
        fact,
        _(
            "If this was you, you don't need to do anything. If not, someone else may"
            " have access to your account: change your password now. If you can't log"
            " in, choose “Forgot your password?” on the login page."
        ),
        "accounts/password",
    )


def _alert_text(
    subject: str, fact: str, consequence: str, page: str
) -> tuple[str, str]:
    return notification_text(subject, fact, consequence, f"{page}/")


def notification_text(subject: str, *parts: str) -> tuple[str, str]:
    """Return (subject, message). parts: paragraphs, and the path of a page to link."""
    *paragraphs, path = parts
    message = "\n\n".join([*paragraphs, f"{config.app_url}/{path}\n"])
    return subject_line(subject), printable(message)


def name_period(period: Period, kind: str, *, is_present: bool = False) -> str:
    """Return the name of a budget's period, as used after `for`.

    is_present: whether it is the current period; a month then has no year.
    """
    if kind == "weekly" and period.days == DAYS_OF_WEEK:
        return _("the week of {day}").format(day=long_day(period.start))
    if is_present and period.is_month:
        return month_name(period.start)
    return name_of(period)


def _period(facts: Facts) -> Period:
    """Return the period that facts are about; earlier versions stored no end."""
    start = _day(facts["start"])
    if "end" in facts:
        return Period(start, _day(facts["end"]))
    return period_of(facts["period"], start)


def _day(stored: str) -> datetime.date:
    return datetime.date.fromisoformat(stored)


def _length(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
