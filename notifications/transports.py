"""How mail reaches people: the port, and the choice of what stands behind it."""

from typing import Protocol

Subscription = tuple[str, str | None]  # none, pending or confirmed; and the ARN


class DeliveryError(Exception):
    """The message was not taken; the text says why, for the person who waits."""


class Transport(Protocol):
    """What sends mail, and knows who wants any."""

    def send(self, email: str, subject: str, message: str) -> None:
        """Send one message to a person. Not idempotent. Raises DeliveryError."""

    def subscribe(self, email: str) -> Subscription:
        """Ask an address to confirm. Safe to repeat. Raises InvalidError."""

    def look_up(self, arn: str, email: str) -> str:
        """Return the status of a subscription: none, pending or confirmed."""

    def unsubscribe(self, arn: str) -> None:
        """End a subscription; safe to repeat."""


def chosen() -> Transport:
    """Return the transport that the configuration names."""
    from notifications import sns

    return sns
