"""Limit attempts, with counters in DynamoDB that all processes share."""

import hashlib
import time
from dataclasses import dataclass

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from smartbudget.core.dynamodb import (
    Action,
    Table,
    Transaction,
    UsersMeta,
    conditional_write,
)
from smartbudget.core.errors import ThrottledError
from smartbudget.core.i18n import gettext as _
from smartbudget.core.i18n import gettext_noop


class Throttle(Table):
    """`throttle#<action>#<sha256 of identifier>`: a counter of attempts."""

    class Meta(UsersMeta):
        pass

    user_id = UnicodeAttribute(hash_key=True)  # the counter's key, as above
    tries = NumberAttribute()
    expires_at = NumberAttribute()  # epoch seconds; TTL


@dataclass(frozen=True)
class Limit:
    """A number of attempts within a number of seconds, counted from the first one."""

    action: str
    tries: int
    seconds: int
    refusal: str = gettext_noop("Too many attempts.")

    def key(self, identifier: str) -> str:
        """Return the counter's key, in which user input is hashed."""
        digest = hashlib.sha256(identifier.encode("utf-8", "surrogatepass")).hexdigest()
        return f"throttle#{self.action}#{digest}"


Counted = tuple[Limit, str]  # an attempt that was counted, and by which identifier


def count(limit: Limit, identifier: str) -> None:
    """Count an attempt. Call it before the attempt, so that parallel ones are limited.

    Raises ThrottledError, without counting, if there were too many.
    """
    counter = Throttle(user_id=limit.key(identifier))
    while not (_add(counter, limit) or _restart(counter, limit)):
        try:
            counter.refresh(consistent_read=True)
        except Throttle.DoesNotExist:
            continue
        retry_after = int(counter.expires_at) - int(time.time())
        if retry_after > 0 and counter.tries >= limit.tries:
            raise ThrottledError(_(limit.refusal), retry_after)


def give_back(limit: Limit, identifier: str) -> None:
    """Subtract an attempt that should not count."""
    counter = Throttle(user_id=limit.key(identifier))
    counted = (Throttle.expires_at > int(time.time())) & (Throttle.tries > 0)
    conditional_write(lambda: counter.update([Throttle.tries.add(-1)], counted))


def give_back_within(limit: Limit, identifier: str, transaction: Transaction) -> None:
    """Add the subtraction of an attempt to a transaction.

    Without a condition, which could cancel the transaction. If the window has ended,
    the next attempt starts a new one anyway.
    """
    # Keeps the expiry; without one, a counter deleted by its TTL would never restart.
    end = Throttle.expires_at | int(time.time())
    actions: list[Action] = [Throttle.tries.add(-1), Throttle.expires_at.set(end)]
    transaction.update(Throttle(user_id=limit.key(identifier)), actions)


def _add(counter: Throttle, limit: Limit) -> bool:
    now = int(time.time())
    end = Throttle.expires_at | (now + limit.seconds)  # set by the first attempt
    actions: list[Action] = [Throttle.tries.add(1), Throttle.expires_at.set(end)]
    below_limit = Throttle.user_id.does_not_exist() | (
        (Throttle.expires_at > now) & (Throttle.tries < limit.tries)
    )
    return conditional_write(lambda: counter.update(actions, below_limit))


def _restart(counter: Throttle, limit: Limit) -> bool:
    now = int(time.time())
    end = now + limit.seconds
    actions: list[Action] = [Throttle.tries.set(1), Throttle.expires_at.set(end)]
    return conditional_write(
        lambda: counter.update(actions, Throttle.expires_at <= now)
    )
