"""Store the responses to requests with an Idempotency-Key, so that retries are safe.

An attempt takes the lease on the key's record before the work, and stores the response
there afterwards. If the process dies in between, its lease expires; a retry starts over
with the same seed and finds what the first attempt created.

Why: docs/decisions.md#a-keyed-post-is-recorded-before-and-after-its-work
"""

import hashlib
import logging
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from pynamodb.attributes import BinaryAttribute, NumberAttribute, UnicodeAttribute

from smartbudget.core.dynamodb import (
    Action,
    Table,
    UsersMeta,
    WriteConflictError,
    conditional_write,
    retry_on_conflict,
)
from smartbudget.core.errors import InFlightError, ReusedKeyError
from smartbudget.core.i18n import gettext as _
from smartbudget.core.lease import Lease, new_owner
from smartbudget.core.text import validate_text

logger = logging.getLogger(__name__)

NAME = "Idempotency-Key"
RETENTION_SECONDS = 24 * 3600
# Longer than any request: the load balancer times out after 60 seconds.
LEASE_SECONDS = 60
RETRY_AFTER = 2  # seconds; most requests take less than one
MAX_RESPONSE_BYTES = 380_000  # bytes; an item has 400 KB (docs/aws.md#item-size)


class KeyedRequest(Table):
    """`idempotency#<sha256 of user and key>`: a request, with its response if any.

    It can be found only with the key, which is not stored.
    """

    class Meta(UsersMeta):
        pass

    user_id = UnicodeAttribute(hash_key=True)  # the record's key, as above
    fingerprint = UnicodeAttribute()  # HMAC-SHA256 of the request
    seed = UnicodeAttribute()  # uuid4 hex; ids of created items are derived from it
    lease_owner = UnicodeAttribute(attr_name="claim")  # the current or last attempt
    lease_until = NumberAttribute(attr_name="claimed_until")  # epoch seconds
    response = BinaryAttribute(null=True, legacy_encoding=False)  # None until complete
    expires_at = NumberAttribute()  # epoch seconds; TTL, also checked in code


LEASE = Lease(owner=KeyedRequest.lease_owner, until=KeyedRequest.lease_until)


@dataclass(frozen=True)
class Attempt:
    """An attempt at a request, which holds the lease on the request's record."""

    record: str  # the record's key
    owner: str  # of the lease
    seed: str  # the same in every attempt; ids of created items are derived from it
    is_first: bool


def parse_key(value: str) -> str:
    """Return a key of 1 to 255 characters. Raises InvalidError naming the header."""
    return validate_text(value, NAME, min_length=1, max_length=255, verbatim=True)


def begin(user_id: str, key: str, fingerprints: Sequence[str]) -> Attempt | bytes:
    """Acquire the lease on a user's key, or return the response if it is stored.

    fingerprints: HMACs of the request; the first is stored, any of them may match.

    Raises ReusedKeyError if the key was used for another request, and InFlightError
    while the same request is being processed. Errors of an outage are not caught; the
    work must not be done then.
    """
    digest = hashlib.sha256(f"{user_id}\n{key}".encode()).hexdigest()
    owner = new_owner()
    return retry_on_conflict(
        lambda: _begin(f"idempotency#{digest}", owner, fingerprints)
    )


def complete(attempt: Attempt, response: bytes) -> None:
    """Store the response for retries of the request.

    If it is too large for an item, the lease is released instead, and a retry does the
    work again.
    """
    if len(response) > MAX_RESPONSE_BYTES:
        logger.warning("response not stored size_bytes=%d", len(response))
        _release(attempt)
        return
    _update(attempt, [KeyedRequest.response.set(response)])


def give_up(attempt: Attempt, *, nothing_done: bool) -> None:
    """Release the lease without a response, so the request can be retried at once.

    nothing_done: the request was refused. Its key then becomes free for a corrected
    request, unless there was an earlier attempt, which may have changed something.
    """
    if not (nothing_done and attempt.is_first):
        _release(attempt)
        return
    record = KeyedRequest(attempt.record)
    conditional_write(lambda: record.delete(LEASE.held_by(attempt.owner)))


def _begin(record_key: str, owner: str, fingerprints: Sequence[str]) -> Attempt | bytes:
    now = int(time.time())
    record = KeyedRequest(
        record_key,
        fingerprint=fingerprints[0],
        seed=uuid.uuid4().hex,
        lease_owner=owner,
        lease_until=now + LEASE_SECONDS,
        expires_at=now + RETENTION_SECONDS,
    )
    unused = (
        KeyedRequest.user_id.does_not_exist()
        | (KeyedRequest.expires_at <= now)
        | LEASE.held_by(owner)  # stored already, but the reply was lost
    )
    if conditional_write(lambda: record.save(unused)):
        return Attempt(record_key, owner, record.seed, is_first=True)
    stored = KeyedRequest.find(record_key)
    if stored is None:  # deleted by `give_up` meanwhile
        raise WriteConflictError([])
    if stored.fingerprint not in fingerprints:
        raise ReusedKeyError(_("This Idempotency-Key was used for another request."))
    if stored.response is not None:
        response: bytes = stored.response
        return response
    if stored.lease_until > now:
        message = _("The same request is still being processed.")
        raise InFlightError(message, RETRY_AFTER)
    _take_over(stored, owner, now)
    return Attempt(record_key, owner, stored.seed, is_first=False)


def _take_over(record: KeyedRequest, owner: str, now: int) -> None:
    """Acquire the expired lease of an earlier attempt. Raises WriteConflictError."""
    incomplete = KeyedRequest.response.does_not_exist()
    available = LEASE.available_to(owner, now) & incomplete
    actions = LEASE.take(owner, now + LEASE_SECONDS)
    if not conditional_write(lambda: record.update(actions, available)):
        raise WriteConflictError([])


def _release(attempt: Attempt) -> None:
    # Not LEASE.release(): processes of an earlier version expect a number here.
    _update(attempt, [KeyedRequest.lease_until.set(0)])


def _update(attempt: Attempt, actions: list[Action]) -> None:
    """Update a record, unless another attempt has taken it over."""
    record = KeyedRequest(attempt.record)
    if not conditional_write(
        lambda: record.update(actions, LEASE.held_by(attempt.owner))
    ):
        logger.warning("lease was lost record=%s", attempt.record)
