"""Undo a change of address, by a link in a mail to the old one."""

import logging
import uuid
from typing import TYPE_CHECKING

from accounts import (
    account_mail,
    credentials,
    emails,
    one_time_links,
    passwords,
)
from accounts.models import Account, OneTimeLink
from accounts.verification import claims, former_addresses
from accounts.verification.former_addresses import LIFETIME, FormerAddress
from accounts.verification.services import Request
from notifications import jobs, messages, outbox, recipients, subscriptions
from notifications.recipients import EmailChanges
from notifications.transports import DeliveryError, TransportThrottledError
from smartbudget.core import dates, i18n, throttling
from smartbudget.core.config import config
from smartbudget.core.dynamodb import Action, Transaction, retry_on_conflict
from smartbudget.core.errors import GoneError, ThrottledError
from smartbudget.core.i18n import gettext as _

if TYPE_CHECKING:
    from notifications.models import Notification

logger = logging.getLogger(__name__)

KIND = "undo-email"


def send_mails(account: Account) -> None:
    """Send the mails to former addresses that were not sent yet.

    One that cannot be sent does not hold up the others: an intruder must not keep the
    owner's address from its link by a second change.

    Raises ThrottledError and DeliveryError.
    """
    sent: set[str] = set()
    failures: list[ThrottledError | DeliveryError] = []
    for former in account.former_addresses or []:
        if former["is_sent"]:
            continue
        try:
            _send(account, former)
        except (ThrottledError, DeliveryError) as error:
            _give_back(former, error)
            failures.append(error)
        else:
            sent.add(former["change_id"])
    retry_on_conflict(lambda: _mark_sent(account.user_id, sent))
    if failures:  # throttling first: that mail is postponed and will still be sent
        raise min(failures, key=lambda e: not isinstance(e, TransportThrottledError))


def find(token: str) -> Request:
    """Return the address and username of a link.

    Raises GoneError for a link that was used or has expired, or whose change was undone
    by another link.
    """
    link, account, _index = _find(token)
    return Request(link.email, account.username)


def undo_change(token: str, *, new_password: str) -> str:
    """Restore a former address, and return it. It stays verified.

    Ends all sessions, API tokens and pending changes of address, and replaces the
    password, which an intruder may know. Does not log in.

    Raises GoneError as `find` does, InvalidError naming `new_password`, and
    ConflictError if the address is verified for another account by now.
    """
    link, account, _index = _find(token)
    passwords.check(
        new_password,
        username=account.username,
        email=link.email,
        field="new_password",
    )
    new_hash = passwords.hash_password(new_password)
    notice = _notice(account, link)
    account = retry_on_conflict(lambda: _undo(token, new_hash, notice))
    outbox.enqueue(account.user, [notice])
    former_addresses.enqueue_mails(account)
    subscriptions.retry_if_stale(account, subscriptions.end_retired)
    logger.info("change of address undone user_id=%s", account.user_id)
    return link.email


def _find(token: str) -> tuple[OneTimeLink, Account, int]:
    """Return a link, its account, and the index of its former address."""
    link = one_time_links.find(KIND, token)
    account = recipients.find(link.owner, Account)
    for index, former in enumerate(account.former_addresses or [] if account else []):
        if account and former["change_id"] == link.state:
            return link, account, index
    raise GoneError(_("This change was already undone."))


def _undo(token: str, new_hash: str, notice: "Notification") -> Account:
    link, account, index = _find(token)
    transaction = Transaction()
    one_time_links.use(KIND, link, transaction)
    held = claims.take(link.email, account.user_id, transaction)
    changes = emails.cancellation(account)
    changes |= subscriptions.after_verification(account, link.email, transaction)
    changes |= EmailChanges(
        email=link.email,
        email_verified_at=dates.timestamp(),
        former_addresses=former_addresses.after_undo(account, index),
    )
    jobs.put(former_addresses.TASK, account.user_id, transaction)
    credentials.delete_all(account, transaction)
    actions: list[Action] = [
        *emails.change(account, changes, transaction, held),
        Account.password_hash.set(new_hash),
        Account.sessions.remove(),
        Account.tokens.remove(),
    ]
    transaction.update(account, actions)
    outbox.put(notice, transaction)
    transaction.commit()
    return account


def _notice(account: Account, link: OneTimeLink) -> "Notification":
    facts = {"email": link.email}
    return outbox.compose(
        notification_id=uuid.uuid5(uuid.NAMESPACE_URL, link.user_id).hex,
        user_id=account.user_id,
        type="email_restored",
        text=messages.write("email_restored", facts, language=account.language),
    )


def _send(account: Account, former: FormerAddress) -> None:
    email, link = former["email"], None
    if former["may_undo"]:
        token = one_time_links.create(
            KIND,
            owner=account.user_id,
            email=email,
            lifetime_seconds=int(LIFETIME.total_seconds()),
            state=former["change_id"],
            replaces_older=False,
        )
        link = f"{config.app_url}/accounts/undo-email/{token}"
    else:
        throttling.count(subscriptions.CONFIRMATIONS, email)
    with i18n.override(account.language):
        # A stranger's address gets nothing that the user typed.
        what_happened = _("Your account no longer uses the e-mail address {old}.")
        if former["is_verified"]:
            what_happened = _(
                "The e-mail address of your account {username} was changed from {old}"
                " to {new}."
            )
        what_to_do = _("If this wasn't you, contact the people who run this site.")
        if link:
            what_to_do = _(
                "If this was you, you don't need to do anything. If not, undo it within"
                " seven days: that logs out all devices, and you choose a new password."
            )
        account_mail.send(
            account,
            email=email,
            subject=_("Your e-mail address was changed"),
            paragraphs=[
                what_happened.format(
                    username=account.username, old=email, new=account.email
                ),
                what_to_do,
            ],
            link=link,
            button=_("Undo the change") if link else None,
        )


def _give_back(former: FormerAddress, error: Exception) -> None:
    """Uncount the attempt by an address if throttling prevented it."""
    if isinstance(error, TransportThrottledError) and not former["may_undo"]:
        throttling.give_back(subscriptions.CONFIRMATIONS, former["email"])


def _mark_sent(user_id: str, sent: set[str]) -> None:
    account = recipients.find(user_id, Account)
    if account is None or not sent:
        return
    former = [
        former | {"is_sent": former["is_sent"] or former["change_id"] in sent}
        for former in account.former_addresses or []
    ]
    transaction = Transaction()
    transaction.update(account, [Account.former_addresses.set(former)])
    transaction.commit()
