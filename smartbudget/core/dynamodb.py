"""The shared parts of DynamoDB models: connection, money, transactions."""

import contextlib
import json
import random
import re
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, Self, TypeVar

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.attributes import Attribute, VersionAttribute
from pynamodb.connection import Connection
from pynamodb.constants import NUMBER, STRING
from pynamodb.exceptions import PynamoDBException, TransactWriteError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.models import Model
from pynamodb.transactions import TransactWrite

from smartbudget.core.botocore_internals import keep_endpoint, sign_quickly
from smartbudget.core.config import config
from smartbudget.core.errors import UnavailableError
from smartbudget.core.i18n import gettext as _
from smartbudget.core.pynamodb_internals import SharedConnectionModel, botocore_error

T = TypeVar("T")

# Seconds. PynamoDB's defaults (15 and 30, with four attempts) would block a thread for
# two minutes, while a normal call takes milliseconds. With these, a request fails with
# 503 after three attempts and six seconds.
CONNECT_TIMEOUT = 1
READ_TIMEOUT = 2

# Concurrent writers to the same budget retry. Fifty simultaneous writes to one budget
# succeed well within this.
ATTEMPTS = 60
BACKOFF = 0.01  # seconds, doubled each time
MAX_BACKOFF = 0.25  # seconds

_VALUE_BYTES = 4  # more than a value's text has, such as of a short number
_READS = ("GetItem", "BatchGetItem", "Query", "Scan")
_BINARY = re.compile(rb'"BS?"')  # a binary value, or a text that is just "B"

_THROTTLED = {"ThrottlingError", "ProvisionedThroughputExceeded"}
_OUTAGE_CODES = {
    "InternalServerError",
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ServiceUnavailable",
    "Throttling",
    "ThrottlingException",
    "RequestThrottled",
    "TransactionInProgressException",
}


class MoneyAttribute(Attribute[Decimal]):
    """An exact Decimal; PynamoDB's NumberAttribute converts through float."""

    attr_type = NUMBER

    def serialize(self, value: Decimal) -> str:
        # As DynamoDB stores it: 85.00 is read back as 85.
        return format(value.normalize(), "f")

    def deserialize(self, value: str) -> Decimal:
        return Decimal(value)


class OptionalTextAttribute(Attribute[str]):
    """A text that is not stored if it is empty, and read as empty if not stored."""

    attr_type = STRING

    def __init__(self, attr_name: str | None = None) -> None:
        super().__init__(null=True, default="", attr_name=attr_name)

    def serialize(self, value: str) -> str | None:
        return value or None

    def deserialize(self, value: str) -> str:
        return value


class _SharedConnection:
    """One client and connection pool per process, shared by all models.

    By default each PynamoDB model creates its own, which costs 90 ms and 5 MB.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connection: Connection | None = None

    def get(self) -> Connection:
        with self._lock:
            if self._connection is None:
                self._connection = Connection(
                    region=config.region,
                    host=config.aws_endpoint,
                    connect_timeout_seconds=CONNECT_TIMEOUT,
                    read_timeout_seconds=READ_TIMEOUT,
                    max_retry_attempts=2,
                    max_pool_connections=50,
                )
                session = self._connection.session
                # By default botocore composes it twice in each call, which takes a
                # fifth of the call's processor time.
                user_agent = Config(user_agent=session.user_agent())
                session.set_default_client_config(user_agent)
                for operation in _READS:
                    session.register(f"before-parse.dynamodb.{operation}", _parse_items)
                sign_quickly(session)
                # Created here, under the lock: creating a client is not thread-safe
                # in botocore.
                keep_endpoint(self._connection.client)
            return self._connection


def _parse_items(
    response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: object
) -> None:
    """Parse a response with items, for botocore to use instead of its own result.

    botocore walks through every value by its type in the description of DynamoDB, which
    takes ten times as long, and changes only binary values. Responses that have any are
    left to it, and invalid ones, which it requests again.
    """
    body = response_dict["body"]
    if response_dict["status_code"] == 200 and not _BINARY.search(body):
        with contextlib.suppress(ValueError):
            customized_response_dict.update(json.loads(body))
            response_dict["body"] = b"{}"


_shared = _SharedConnection()
connection = _shared.get


class Table(SharedConnectionModel):
    """Base of every model: all share one connection."""

    @classmethod
    def shared_connection(cls) -> Connection:
        return connection()

    @classmethod
    def find(cls, key: str) -> Self | None:
        """Return the item with this hash key, or None. Read consistently."""
        try:
            return cls.get(key, consistent_read=True)
        except cls.DoesNotExist:
            return None

    @classmethod
    def assign(cls, name: str, value: object) -> Action:
        """Return the update that sets an attribute, or removes it if None.

        An empty OptionalTextAttribute is removed too.
        """
        attribute = getattr(cls, name)
        is_unset = value is None or attribute.serialize(value) is None
        action: Action = attribute.remove() if is_unset else attribute.set(value)
        return action


def size_of(item: Model) -> int:
    """Return the most bytes of an item, as DynamoDB counts them.

    A bound that is quick to compute: some bytes more than the item has.
    """
    size = 0
    for name, attribute in item.get_attributes().items():
        value = item.attribute_values.get(name)
        if value is None:
            continue
        stored = value if isinstance(value, str) else attribute.serialize(value)
        text = stored if isinstance(stored, str) else json.dumps(stored, default=str)
        size += len(attribute.attr_name) + len(text.encode()) + _VALUE_BYTES
    return size


class UsersMeta:
    """Settings of the users table, which holds several kinds of item."""

    table_name = f"{config.resource_prefix}users"
    region = config.region
    host = config.aws_endpoint


class Transaction:
    """The writes of one TransactWriteItems call."""

    # Of all items in a transaction (docs/aws.md#transaction-size).
    MAX_ITEMS = 100
    MAX_BYTES = 4 * 1024**2

    def __init__(self) -> None:
        self._deletes: list[tuple[Model, Condition | None]] = []
        self._puts: list[tuple[Model, Condition | None]] = []
        self._updates: list[tuple[Model, list[Action], Condition | None]] = []
        self._once: list[Model] = []

    def __len__(self) -> int:
        return len(self._deletes) + len(self._puts) + len(self._updates)

    def delete(self, item: Model, condition: Condition | None = None) -> None:
        """Delete an item, if its version (where it has one) is unchanged."""
        self._deletes.append((item, condition))

    def put(self, item: Model, condition: Condition | None = None) -> None:
        """Store a new item. For one that was read, use `update`."""
        self._puts.append((item, condition))

    def put_once(self, item: Model, condition: Condition) -> None:
        """Store a new item, or skip it if it exists and `condition` fails."""
        self._puts.append((item, condition))
        self._once.append(item)

    def update(
        self, item: Model, actions: list[Action], condition: Condition | None = None
    ) -> None:
        """Update attributes, if the item's version (where it has one) is unchanged."""
        self._updates.append((item, actions, condition))

    def commit(self, token: str | None = None) -> None:
        """Commit all writes or none.

        token: makes repeating safe for ten minutes. Without one, a new token is used,
        which covers botocore's own retries after a lost reply.

        Raises WriteConflictError if a condition failed or another transaction was
        writing the same item. Errors of an outage are not caught; it is then unknown
        whether the writes were done.
        """
        try:
            with TransactWrite(
                connection=connection(), client_request_token=token or uuid.uuid4().hex
            ) as transaction:
                self._fill(transaction)
        except TransactWriteError as error:
            if not _is_conflict(error):
                raise
            refused = self._refused(error)
            if not refused or any(item not in self._once for item in refused):
                raise WriteConflictError(refused) from error
            self._puts = [put for put in self._puts if put[0] not in refused]
            if len(self):  # DynamoDB rejects an empty transaction
                self.commit()

    def _fill(self, transaction: TransactWrite) -> None:
        for item, condition in self._deletes:
            transaction.delete(item, condition)
        for item, condition in self._puts:
            transaction.save(item, condition)
        for item, actions, condition in self._updates:
            # A copy, since PynamoDB appends the version's update to the list.
            transaction.update(item, list(actions), condition)

    def _refused(self, error: TransactWriteError) -> list[Model]:
        """Return the items whose condition failed."""
        # In the order of the cancellation reasons, see `_fill`.
        items = [
            *(item for item, _ in self._deletes),
            *(item for item, _ in self._puts),
            *(item for item, _, _ in self._updates),
        ]
        return [
            item
            for item, reason in zip(items, error.cancellation_reasons, strict=False)
            if reason and reason.code == "ConditionalCheckFailed"
        ]


class WriteConflictError(Exception):
    """Another writer changed the item first: read it again and retry.

    `refused`: the items whose condition failed.
    """

    def __init__(self, refused: list[Model]) -> None:
        super().__init__(f"{len(refused)} conditions failed")
        self.refused = refused


def _is_conflict(error: TransactWriteError) -> bool:
    """Check whether a transaction was cancelled because another writer was first."""
    codes = {"ConditionalCheckFailed", "TransactionConflict"}
    return not codes.isdisjoint(_cancellation_codes(error))


def _cancellation_codes(error: TransactWriteError) -> set[str]:
    """Return the codes of the reasons for which AWS cancelled a transaction."""
    return {reason.code for reason in error.cancellation_reasons if reason}


def retry_on_conflict(attempt: Callable[[], T]) -> T:
    """Call `attempt` until it raises no WriteConflictError, with jittered backoff.

    Raises UnavailableError after ATTEMPTS.
    """
    for number in range(ATTEMPTS):
        try:
            return attempt()
        except WriteConflictError:
            delay = min(MAX_BACKOFF, BACKOFF * 2**number)
            time.sleep(random.uniform(0, delay))  # noqa: S311 - jitter, no secret
    raise UnavailableError(
        _("Too many changes at once. Nothing was changed; please try again.")
    )


def conditional_write(write: Callable[[], object]) -> bool:
    """Put, update or delete one item and return whether its condition held.

    Retries after conflicts with transactions, which botocore does not. Other errors
    are not caught.
    """

    def attempt() -> bool:
        try:
            write()
        except PynamoDBException as error:
            if is_condition_failure(error):
                return False
            if _code_of(error) == "TransactionConflictException":
                raise WriteConflictError([]) from error
            raise
        return True

    return retry_on_conflict(attempt)


def is_condition_failure(error: PynamoDBException) -> bool:
    """Check whether a single-item write was refused by its condition."""
    return _code_of(error) == "ConditionalCheckFailedException"


def in_halves(items: Sequence[T], write: Callable[[Sequence[T]], int]) -> int:
    """Write items in one transaction, or in several if it is too large.

    write: writes items in a transaction of their own, and returns their number. For
    items of unknown size, such as those that are deleted. Returns the number of all.
    """
    try:
        return write(items)
    except TransactWriteError as error:
        if _code_of(error) != "ValidationException" or len(items) < 2:
            raise
    middle = len(items) // 2
    return in_halves(items[:middle], write) + in_halves(items[middle:], write)


def _code_of(error: PynamoDBException) -> str | None:
    """Return AWS's error code, or None if AWS did not respond.

    PynamoDB's own `cause_response_code` fails without a response.
    """
    response: Any = getattr(error.cause, "response", None) or {}
    code: str | None = response.get("Error", {}).get("Code")
    return code


def is_outage(error: BaseException) -> bool:
    """Check whether an error is an outage of AWS (answered with 503) and not a bug."""
    if isinstance(error, TransactWriteError) and _THROTTLED & _cancellation_codes(
        error
    ):
        return True
    cause: BaseException | None = error
    if isinstance(error, PynamoDBException):
        cause = botocore_error(error)
    if isinstance(cause, ClientError):
        response: Any = cause.response
        status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return (
            status == 429
            or status >= 500
            or response.get("Error", {}).get("Code") in _OUTAGE_CODES
        )
    return isinstance(cause, BotoCoreError)


__all__ = [
    "Action",
    "MoneyAttribute",
    "Table",
    "Transaction",
    "UsersMeta",
    "VersionAttribute",
    "WriteConflictError",
    "conditional_write",
    "connection",
    "in_halves",
    "is_condition_failure",
    "is_outage",
    "retry_on_conflict",
]
