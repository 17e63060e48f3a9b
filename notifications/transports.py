"""How a message reaches a person: the one place that sends.

`send` is the port: (email, subject, message) -> None, or DeliveryError. Mail goes
through the SNS topic, whose subscriptions each take their own user's messages only.
"""

from botocore.exceptions import BotoCoreError, ClientError

from notifications.texts import printable, subject_line
from smartbudget.core import aws


class DeliveryError(Exception):
    """The message was not taken; the text says why, for the person who waits."""


def send(email: str, subject: str, message: str) -> None:
    """Send one message to a person. Not idempotent. Raises DeliveryError."""
    send_email_notification(email, subject, message)


def send_email_notification(email: str, subject: str, message: str) -> None:
    """Publish to the topic, for the one subscription whose filter names `email`.

    One attempt only: a reply that was lost would be answered by a second mail [S23].

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
        code = error.response["Error"]["Code"]
        raise DeliveryError(f"The e-mail service refused it ({code}).") from error
    except BotoCoreError as error:
        raise DeliveryError("The e-mail service did not answer.") from error


def get_sns_topic_arn() -> str:
    """Return the alert topic's ARN, worked out once a process."""
    return aws.topic_arn()
