"""Leases, with which only one process at a time works on an item.

A process stores a random id and the time until which it may work. If it dies, its
lease expires and the next process takes over.

    LEASE = Lease(owner=Job.lease_owner, until=Job.lease_until)
    owner = new_owner()
    job.update(LEASE.take(owner, now + 60), LEASE.available_to(owner, now))
    ...
    job.update(LEASE.release(), LEASE.held_by(owner))

The clocks of different machines are compared, so a lease must be longer than the
longest work plus the clocks' difference.
"""

import uuid
from dataclasses import dataclass
from typing import Any

from pynamodb.attributes import Attribute
from pynamodb.expressions.condition import Condition

from smartbudget.core.dynamodb import Action


def new_owner() -> str:
    """Return a new random id for a lease's owner (uuid4 hex)."""
    return uuid.uuid4().hex


@dataclass(frozen=True)
class Lease:
    """The two attributes of a model that hold its lease."""

    owner: Attribute[str]
    # When the lease expires, in any type that sorts by time: epoch seconds, ISO 8601.
    until: Attribute[Any]

    def free_at(self, now: Any) -> Condition:
        """Return the condition that no process holds the lease at `now`."""
        free: Condition = self.until.does_not_exist() | (self.until <= now)
        return free

    def held_by(self, owner: str) -> Condition:
        """Return the condition that the lease was last taken by `owner`."""
        held: Condition = self.owner == owner
        return held

    def available_to(self, owner: str, now: Any) -> Condition:
        """Return the condition under which `owner` may take the lease at `now`.

        Safe to repeat: after a lost reply the lease is already the owner's.
        """
        available: Condition = self.free_at(now) | self.held_by(owner)
        return available

    def take(self, owner: str, until: Any) -> list[Action]:
        """Return the update that gives the lease to `owner` until a time."""
        return [self.owner.set(owner), self.until.set(until)]

    def release(self) -> list[Action]:
        """Return the update that releases the lease; its last owner stays stored."""
        return [self.until.remove()]
