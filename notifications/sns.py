"""SNS: one topic, and a subscription per user with a filter for the user's own address.

The filter policy is part of the Subscribe call: if it were set afterwards, the
subscription would first receive the e-mails of all users (docs/aws.md#filter-policies).
"""

import json
import logging
from typing import Any
from urllib.parse import quote

from botocore.exceptions import BotoCoreError, ClientError

from notifications.messages import printable, subject_line
from notifications.transports import (
    REFUSED,
    UNANSWERED,
    DeliveryError,
    OutgoingEmail,
    raise_if_throttled,
)
from smartbudget.core import aws, log
from smartbudget.core.config import config
from smartbudget.core.errors import InvalidError, UnavailableError
from smartbudget.core.i18n import gettext as _

logger = logging.getLogger(__name__)

MAX_FILTER_POLICIES = 200  # of one topic, so its maximum of subscriptions
SES_DUE = 150  # of them: leaves time to switch the transport

_LIMIT_CODES = {"FilterPolicyLimitExceeded", "SubscriptionLimitExceeded"}
_NOT_FOUND_CODES = {"NotFound", "ResourceNotFound"}


def send(outgoing: OutgoingEmail) -> None:
    """Send one e-mail. Not idempotent. Raises DeliveryError."""
    send_email_notification(outgoing.email, outgoing.subject, outgoing.message)


def subscribe(email: str) -> tuple[str, str]:
    """Send a confirmation to an address; return (status, ARN). May be repeated.

    Raises InvalidError for an address that SNS refuses, and UnavailableError if the
    topic has reached its quota.
    """
    for _attempt in range(2):
        arn = _subscribe(email)
        # SNS may return an earlier subscription of the address, even one that has just
        # been ended and is about to disappear.
        status = status_of(arn, email)
        if status != "none":
            return status, arn
    raise UnavailableError(
        _("This address was unsubscribed a moment ago. Please try again shortly.")
    )


def supports(arn: str) -> bool:
    """Check whether a subscription belongs to SNS."""
    return arn.startswith("arn:")


def status_of(arn: str, email: str) -> str:
    """Return the status of a subscription, and correct its filter if needed."""
    attributes = _attributes(arn)
    if attributes is None:
        return "none"
    if _policy(attributes) != json.loads(_filter_policy(email)):
        configure_subscription_filter(arn, email)
    pending = attributes.get("PendingConfirmation", "").lower() == "true"
    return "pending" if pending else "confirmed"


def email_of(arn: str) -> str | None:
    """Return the address in a subscription's filter, or None if it has ended."""
    addresses = _policy(_attributes(arn) or {}).get("user_email") or [None]
    address: str | None = addresses[0]
    return address


def unsubscribe(arn: str) -> bool:
    """End a subscription, and return whether it has ended. Safe to repeat.

    One that was never confirmed cannot be ended, but expires
    (docs/aws.md#confirmation-links).
    """
    if not supports(arn):
        return True
    try:
        _sns().unsubscribe(SubscriptionArn=arn)
    except ClientError as error:
        if _code(error) == "InvalidParameter":
            return False
        if _code(error) not in _NOT_FOUND_CODES:
            raise
    return True


def check_quota() -> None:
    """Log the number of the topic's filter policies as a metric, with one call.

    Every subscription has one, even before it is confirmed. Warns when SES_DUE is
    reached. If the call fails, the next sweep tries again.
    """
    topic_arn = get_sns_topic_arn()
    try:
        topic = _sns().get_topic_attributes(TopicArn=topic_arn)["Attributes"]
    except (BotoCoreError, ClientError):
        logger.warning("filter policies not counted", exc_info=True)
        return
    used = int(topic["SubscriptionsConfirmed"]) + int(topic["SubscriptionsPending"])
    log.metric("FilterPolicies", used, TopicName=topic_arn.rpartition(":")[2])
    if used >= SES_DUE:
        logger.warning(
            "SES is due: filter policies used=%d quota=%d", used, MAX_FILTER_POLICIES
        )


def configure_subscription_filter(arn: str, email: str) -> None:
    """Set the filter of a subscription to messages for one address."""
    _sns().set_subscription_attributes(
        SubscriptionArn=arn,
        AttributeName="FilterPolicy",
        AttributeValue=_filter_policy(email),
    )


def send_email_notification(email: str, subject: str, message: str) -> None:
    """Publish to the topic, for the one subscription with `email` in its filter.

    Makes one attempt: after a lost reply, a retry would send a second e-mail.

    Raises DeliveryError.
    """
    address = {"DataType": "String", "StringValue": email.lower()}
    try:
        aws.client("sns", attempts=1).publish(
            TopicArn=get_sns_topic_arn(),
            Subject=subject_line(subject),
            Message=printable(message),
            MessageAttributes={"user_email": address},
        )
    except ClientError as error:
        raise_if_throttled(error)
        raise DeliveryError(REFUSED.format(code=_code(error))) from error
    except BotoCoreError as error:
        raise DeliveryError(UNANSWERED) from error


def get_sns_topic_arn() -> str:
    """Return the ARN of the alert topic, determined once per process."""
    return aws.topic_arn()


def _subscribe(email: str) -> str:
    """Subscribe an address and return the subscription's ARN."""
    try:
        arn = _call_subscribe(email, {"FilterPolicy": _filter_policy(email)})
        # The local AWS returns the ARN only from the second call on.
        return (
            arn or _call_subscribe(email, {"FilterPolicy": _filter_policy(email)}) or ""
        )
    except ClientError as error:
        if "different attributes" not in str(error):
            _raise_for_user(error)
            raise
    # It exists with another filter; without one, the call returns its ARN.
    return _call_subscribe(email, {}) or ""


def _call_subscribe(email: str, attributes: dict[str, str]) -> str | None:
    endpoint, protocol = email, "email"
    if config.mailbox_url:
        endpoint = f"{config.mailbox_url}/inbox/{quote(email, safe='')}"
        protocol = "http"
    response = _sns().subscribe(
        TopicArn=aws.topic_arn(),
        Protocol=protocol,
        Endpoint=endpoint,
        Attributes=attributes,
        ReturnSubscriptionArn=True,
    )
    arn: str = response["SubscriptionArn"]
    return arn if arn.startswith("arn:") else None


def _attributes(arn: str) -> dict[str, str] | None:
    """Return a subscription's attributes, or None if it has ended or is not SNS's."""
    if not supports(arn):
        return None
    try:
        response = _sns().get_subscription_attributes(SubscriptionArn=arn)
    except ClientError as error:
        if _code(error) in _NOT_FOUND_CODES:
            return None
        raise
    attributes: dict[str, str] = response["Attributes"]
    return attributes


def _policy(attributes: dict[str, str]) -> dict[str, Any]:
    policy: dict[str, Any] = json.loads(attributes.get("FilterPolicy") or "{}")
    return policy


def _filter_policy(email: str) -> str:
    return json.dumps({"user_email": [email.lower()]})


def _raise_for_user(error: ClientError) -> None:
    if _code(error) in _LIMIT_CODES:
        logger.error("topic is at its subscription quota code=%s", _code(error))
        raise UnavailableError(
            _(
                "E-mail alerts can't be turned on right now. Please try again"
                " later. Your notifications are still listed here."
            )
        ) from error
    if _code(error) == "InvalidParameter":
        raise InvalidError(
            _("We can't send e-mail to this address."), "email"
        ) from error


def _code(error: ClientError) -> str:
    code: str = error.response["Error"]["Code"]
    return code


def _sns() -> Any:
    return aws.client("sns")
