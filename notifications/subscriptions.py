"""Who gets e-mails: each user's one subscription to the alert topic.

Its filter policy lets through what is published for that address. The policy is part
of the Subscribe call: set afterwards, the subscription gets everyone's mail first [S4].
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from botocore.exceptions import BotoCoreError, ClientError

from accounts import services as accounts
from smartbudget.core import aws
from smartbudget.core.config import config
from smartbudget.core.errors import InvalidError, UnavailableError

if TYPE_CHECKING:
    from accounts.models import Account, User

logger = logging.getLogger(__name__)

STATES = ("none", "pending", "confirmed")
Subscription = tuple[str, str | None]  # none, pending or confirmed; and the ARN

_FULL = {"FilterPolicyLimitExceeded", "SubscriptionLimitExceeded"}
_GONE = {"NotFound", "ResourceNotFound"}


def subscribe(user: User) -> Subscription:
    """Ask SNS to send the user a confirmation; return (status, ARN).

    Safe to repeat: who is subscribed, or still to confirm, stays so.

    Raises InvalidError for an address that SNS does not take, UnavailableError when
    the topic has no room.
    """
    account = accounts.get_account(user.user_id)
    status, arn = check_email_subscription(account)
    if status != "none":
        return status, arn
    arn = _subscribe(account.email)
    # An address that was subscribed before may come back as it was then [S7] [S8].
    status = _look_up(arn, account.email)
    return _store(account, status, arn)


def subscription_status(user: User) -> Subscription:
    """Return (status, ARN): `none`, `pending` or `confirmed`.

    Without SNS it is what was last known.
    """
    account = accounts.get_account(user.user_id)
    try:
        return check_email_subscription(account)
    except (BotoCoreError, ClientError):
        logger.warning("no look-up user_id=%s", user.user_id, exc_info=True)
        return account.subscription_status, account.subscription_arn


def unsubscribe(user: User) -> Subscription:
    """End the user's subscription; safe to repeat."""
    account = accounts.get_account(user.user_id)
    if account.subscription_arn:
        try:
            _sns().unsubscribe(SubscriptionArn=account.subscription_arn)
        except ClientError as error:
            # One that was never confirmed cannot be ended; it lapses by itself [S10].
            if _code(error) not in _GONE | {"InvalidParameter"}:
                raise
    return _store(account, "none", None)


def check_email_subscription(account: Account) -> Subscription:
    """Return (status, ARN) of an account; only a `pending` one is looked up afresh."""
    status, arn = account.subscription_status, get_user_subscription_arn(account)
    if status != "pending" or arn is None:
        return status, arn
    found = _look_up(arn, account.email)
    if found == "pending":
        return status, arn
    return _store(account, found, arn)


def get_user_subscription_arn(account: Account) -> str | None:
    """Return the ARN stored with the account; the topic is never searched [S9]."""
    return account.subscription_arn


def configure_subscription_filter(arn: str, email: str) -> None:
    """Let only messages for this address through an existing subscription."""
    _sns().set_subscription_attributes(
        SubscriptionArn=arn,
        AttributeName="FilterPolicy",
        AttributeValue=_filter_policy(email),
    )


def _subscribe(email: str) -> str:
    """Subscribe an address and return the subscription's ARN."""
    try:
        arn = _ask(email, {"FilterPolicy": _filter_policy(email)})
        # The local AWS tells the ARN only to who asks again.
        return arn or _ask(email, {"FilterPolicy": _filter_policy(email)}) or ""
    except ClientError as error:
        if "different attributes" not in str(error):
            _raise_in_words(error)
            raise
    # It exists with another filter; asking without one tells its ARN [S7].
    return _ask(email, {}) or ""


def _ask(email: str, attributes: dict[str, str]) -> str | None:
    endpoint, protocol = email, "email"
    if config.mailbox_url:
        endpoint = f"{config.mailbox_url}/inbox/{quote(email, safe='')}"
        protocol = "http"
    answer = _sns().subscribe(
        TopicArn=aws.topic_arn(),
        Protocol=protocol,
        Endpoint=endpoint,
        Attributes=attributes,
        ReturnSubscriptionArn=True,
    )
    arn: str = answer["SubscriptionArn"]
    return arn if arn.startswith("arn:") else None


def _look_up(arn: str, email: str) -> str:
    """Ask SNS for a subscription's status and put its filter right if it is not."""
    try:
        found = _sns().get_subscription_attributes(SubscriptionArn=arn)
    except ClientError as error:
        if _code(error) in _GONE:
            return "none"
        raise
    attributes = found["Attributes"]
    policy = json.loads(attributes.get("FilterPolicy") or "{}")
    if policy != json.loads(_filter_policy(email)):
        configure_subscription_filter(arn, email)
    pending = attributes.get("PendingConfirmation", "").lower() == "true"
    return "pending" if pending else "confirmed"


def _store(account: Account, status: str, arn: str | None) -> Subscription:
    arn = None if status == "none" else arn
    accounts.set_subscription(account.user_id, arn=arn, status=status)
    return status, arn


def _filter_policy(email: str) -> str:
    return json.dumps({"user_email": [email.lower()]})


def _raise_in_words(error: ClientError) -> None:
    if _code(error) in _FULL:
        logger.error("the topic takes no more subscriptions code=%s", _code(error))
        raise UnavailableError(
            "No more people can be subscribed at the moment. Please try again later;"
            " your notifications are listed here meanwhile."
        ) from error
    if _code(error) == "InvalidParameter":
        raise InvalidError("Mail cannot be sent to this address.", "email") from error


def _code(error: ClientError) -> str:
    code: str = error.response["Error"]["Code"]
    return code


def _sns() -> Any:
    return aws.client("sns")
