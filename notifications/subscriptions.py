"""Who gets e-mails: each user's one confirmed address."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from accounts import claims, emails
from accounts import services as accounts
from accounts.emails import NO_CHANGE, EmailChanges, retired
from notifications import outbox, transports
from notifications.transports import Subscription
from smartbudget.core import dates, throttling
from smartbudget.core.config import config
from smartbudget.core.dynamodb import WriteConflictError, retry_on_conflict
from smartbudget.core.i18n import gettext_noop
from smartbudget.core.throttling import Limit

if TYPE_CHECKING:
    from accounts.models import Account
    from smartbudget.core.user import User

T = TypeVar("T")

logger = logging.getLogger(__name__)

STATES = ("none", "pending", "confirmed")
SUBSCRIPTIONS = Limit("subscription", config.subscription_limit, 3600)
# By address, since it may be anybody's, and one can register more than once.
CONFIRMATIONS = Limit("confirmation", config.subscription_limit, 24 * 3600)

LINK_LIVES = timedelta(days=2)  # a confirmation's; then SNS drops what it asked
CHECK_EVERY = timedelta(days=1)  # SNS tells nobody that somebody left by its link
ENDED_AT_ONCE = 10  # retired subscriptions

LEFT = gettext_noop("You unsubscribed with the link in a mail.")
MOVED = gettext_noop(
    "E-mails are sent in another way now. Subscribe again to get them."
)
LAPSED = gettext_noop(
    "The link was not followed within two days, so the request lapsed."
)

NO_SUBSCRIPTION = EmailChanges(subscription_arn=None, subscription_status="none")


def subscribe(user: User) -> Account:
    """Have a confirmation sent to the user's address; return the account.

    Safe to repeat: who is subscribed, or still to confirm, stays so.

    Raises InvalidError for an address that takes no mail, UnavailableError when
    the topic has no room, ThrottledError.
    """
    account = sync_from_transport(accounts.get_account(user.user_id))
    if account.subscription_status != "none":
        return account
    throttling.count(SUBSCRIPTIONS, user.user_id)
    account = past_races(account, send_confirmation)
    return past_races(account, end_retired)


def unsubscribe(user: User) -> Account:
    """End the user's subscription, and a change of address; return the account.

    Nothing is sent from then on, even while SNS cannot be reached: what is to be ended
    there is remembered. Safe to repeat.
    """
    account = past_races(accounts.get_account(user.user_id), _leave)
    return past_races(account, end_retired)


def refresh(user: User) -> Account:
    """Return the account with its subscription as it is now.

    Where it cannot be looked up it is what was last known.
    """
    account = accounts.get_account(user.user_id)
    try:
        return past_races(sync_from_transport(account), end_retired)
    except (BotoCoreError, ClientError):
        logger.warning("no look-up user_id=%s", user.user_id, exc_info=True)
        return account


def check_email_subscription(account: Account) -> Account:
    """Return the account, looked up if its subscription may have changed unnoticed.

    That is while a link was not followed yet, and else once a day.
    """
    is_due = _is_due(account)
    if not (is_due or account.pending_email):
        return account
    try:
        if is_due:
            account = past_races(account, _look_up_subscription)
        account = past_races(account, _look_up_change)
        return past_races(account, end_retired)
    except (BotoCoreError, ClientError):
        if account.subscription_status == "pending":
            raise
        logger.warning("no look-up user_id=%s", account.user_id, exc_info=True)
        return account


def get_user_subscription_arn(account: Account) -> str | None:
    """Return the ARN stored with the account; the topic is never searched."""
    return account.subscription_arn


def sync_from_transport(account: Account) -> Account:
    """Return the account with all that the transport knows of its addresses.

    What has left or lapsed is noted, and a confirmed change of address is completed.
    Safe to repeat.
    """
    account = past_races(account, _look_up_subscription)
    return past_races(account, _look_up_change)


def past_races(account: Account, change: Callable[[Account], T]) -> T:
    """Change an account as it was read; where it is not any more, as it is."""
    try:
        return change(account)
    except WriteConflictError:
        user_id = account.user_id
        return retry_on_conflict(lambda: change(accounts.get_account(user_id)))


def send_confirmation(account: Account) -> Account:
    """Send a confirmation to the present address, unless one was sent."""
    if account.subscription_arn:
        return account
    status, arn = _ask_address(account, account.email)
    # Confirmed without a link: an old one, perhaps about to vanish or to lose its
    # filter. The next delivery looks again. An old link's two days began before.
    is_new = status == "pending" and arn not in (account.retired_subscriptions or ())
    checked_at = dates.timestamp() if is_new else None
    changes = EmailChanges(
        subscription_status=status,
        subscription_arn=arn,
        subscription_checked_at=checked_at,
        email_problem=None,
        retired_subscriptions=retired(account, kept=arn),
    )
    return emails.store(account, changes)


def ask_new_address(account: Account) -> Account:
    """Ask the address that the account is changing to, unless that was done."""
    if account.pending_email is None or account.pending_subscription_arn:
        return account
    _, arn = _ask_address(account, account.pending_email)
    changes = EmailChanges(
        pending_subscription_arn=arn,
        retired_subscriptions=retired(account, kept=arn),
    )
    return emails.store(account, changes)


def drop_change(account: Account) -> Account:
    """Forget a change of address; the address is free again."""
    if account.pending_email is None:
        return account
    return emails.store(account, emails.without_change(account))


def replace_unconfirmed(account: Account, arn: str, email: str) -> Account:
    """Replace a subscription that was not confirmed by the one that the address did.

    An account does not know of a link that was sent while its reply was lost.
    """
    if arn in (account.retired_subscriptions or ()):
        return account
    if email == account.email and account.subscription_status != "confirmed":
        if arn == account.subscription_arn:
            return account
        changes = EmailChanges(
            subscription_status="pending",
            subscription_arn=arn,
            subscription_checked_at=dates.timestamp(),
            email_problem=None,
            retired_subscriptions=retired(account, account.subscription_arn),
        )
    elif email == account.pending_email and arn != account.pending_subscription_arn:
        changes = EmailChanges(
            pending_subscription_arn=arn,
            retired_subscriptions=retired(account, account.pending_subscription_arn),
        )
    else:
        return account
    return emails.store(account, changes)


def deactivate(account: Account, arn: str, problem: str) -> Account:
    """End a subscription to an address that takes no mails; another one is left alone.

    problem: why, in words.
    """
    if account.subscription_arn != arn:
        return account
    changes = EmailChanges(
        **NO_SUBSCRIPTION,
        email_problem=problem,
        retired_subscriptions=retired(account, arn),
    )
    return emails.store(account, changes)


def end_retired(account: Account) -> Account:
    """End what is no longer used, as far as that can be done now.

    A few at a time: each costs calls, and somebody may wait.
    """
    some = islice(account.retired_subscriptions or (), ENDED_AT_ONCE)
    ended = {arn for arn in some if _end(arn, account.user_id)}
    if not ended:
        return account
    left = set(account.retired_subscriptions or ()) - ended
    return emails.store(account, EmailChanges(retired_subscriptions=left or None))


def _ask_address(account: Account, email: str) -> Subscription:
    throttling.count(CONFIRMATIONS, email)
    return transports.chosen().subscribe(email, account.user_id, account.language)


def _leave(account: Account) -> Account:
    if account.subscription_status == "none" and account.pending_email is None:
        return account
    arns = (account.subscription_arn, account.pending_subscription_arn)
    changes = EmailChanges(
        **NO_SUBSCRIPTION,
        **NO_CHANGE,
        subscription_checked_at=dates.timestamp(),
        email_problem=None,
        retired_subscriptions=retired(account, *arns),
    )
    return emails.store(account, changes)


def _look_up_subscription(account: Account) -> Account:
    arn, status = get_user_subscription_arn(account), account.subscription_status
    if arn is None:
        return account
    found = transports.chosen().look_up(arn, account.email)
    if found == "none":
        problem = _why_it_is_gone(account)
        gone = EmailChanges(**NO_SUBSCRIPTION, email_problem=problem)
        return emails.store(account, gone)
    checked_lately = not _is_past(account.subscription_checked_at, CHECK_EVERY)
    if found == status and (found == "pending" or checked_lately):
        return account
    now = dates.timestamp()
    changes = EmailChanges(subscription_status=found, subscription_checked_at=now)
    return emails.store(account, changes)


def _look_up_change(account: Account) -> Account:
    if account.pending_email is None:
        return account
    found = "pending"
    if account.pending_subscription_arn:
        found = transports.chosen().look_up(
            account.pending_subscription_arn, account.pending_email
        )
    elif _is_past(account.pending_since, LINK_LIVES):
        found = "none"  # whoever asked died before the link was sent
    if found == "none":
        return emails.store(account, NO_CHANGE)
    # Who gave the password away is to hear of it before the old address is let go.
    notice_id = account.pending_notice
    if found == "pending" or (notice_id and outbox.is_queued(notice_id)):
        return account
    return _complete_change(account, account.pending_email)


def _complete_change(account: Account, email: str) -> Account:
    arn = account.pending_subscription_arn
    account = emails.store(
        account,
        EmailChanges(
            **NO_CHANGE,
            email=email,
            subscription_arn=arn,
            subscription_status="confirmed",
            subscription_checked_at=None,
            email_problem=None,
            retired_subscriptions=retired(account, account.subscription_arn, kept=arn),
        ),
    )
    logger.info("address changed user_id=%s", account.user_id)
    return account


def end(arn: str, user_id: str) -> bool:
    """End a subscription of a user's; tell whether nothing is left to be ended.

    One that was never confirmed may have to lapse. Safe to repeat; outages are left
    alone.
    """
    transport = transports.chosen()
    email = transport.address_of(arn)
    if email and _is_anothers(arn, email, user_id):
        return True
    return transport.unsubscribe(arn)


def _end(arn: str, user_id: str) -> bool:
    try:
        return end(arn, user_id)
    except (BotoCoreError, ClientError):
        logger.warning("not ended arn=%s", arn, exc_info=True)
        return False


def _is_anothers(arn: str, email: str, user_id: str) -> bool:
    """Tell whether who has the address now uses a subscription that was a user's.

    SNS gives an address the same ARN again, whoever asks.
    """
    owner = claims.owner_of(claims.email_key(email))
    other = accounts.find_account(owner) if owner and owner != user_id else None
    return other is not None and arn in {
        other.subscription_arn,
        other.pending_subscription_arn,
    }


def _is_due(account: Account) -> bool:
    if account.subscription_status == "pending" or not _is_known(account):
        return True
    something = account.subscription_arn or account.retired_subscriptions
    return bool(something) and _is_past(account.subscription_checked_at, CHECK_EVERY)


def _is_known(account: Account) -> bool:
    arn = account.subscription_arn
    return arn is None or transports.chosen().knows(arn)


def _why_it_is_gone(account: Account) -> str:
    if not _is_known(account):
        return MOVED
    pending = account.subscription_status == "pending"
    lapsed = pending and _is_past(account.subscription_checked_at, LINK_LIVES)
    return LAPSED if lapsed else LEFT


def _is_past(since: str | None, length: timedelta) -> bool:
    """Tell whether so much time has passed since a stored instant; None is long ago."""
    return since is None or datetime.fromisoformat(since) <= dates.now() - length
