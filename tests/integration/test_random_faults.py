"""Random actions with random faults, compared with a model of alerts.

In process, on moto: fast enough for many sequences. `make soak` runs all of it.
"""

import datetime
import json
from collections import Counter, deque
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from urllib.parse import urlsplit

import botocore.endpoint
import pytest
import time_machine
from botocore.exceptions import ConnectionClosedError, EndpointConnectionError
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)

from accounts.models import Account
from budgets import checks
from lambdas.notification_processor.handler import handler
from notifications import subscriptions
from notifications.models import Notification
from notifications.sweep import enqueue_overdue
from profiles import services
from smartbudget.core import aws
from smartbudget.core.config import config
from smartbudget.core.dynamodb import is_outage
from smartbudget.core.errors import DomainError
from tests.budgets.test_random_writes import (
    CATEGORIES,
    Model,
    Writer,
    amounts,
    assert_totals_correct,
    categories,
    picks,
    writing,
)
from tests.conftest import empty_aws
from tests.lambdas.events import Context
from tests.money_builders import ALICE, NOON, TODAY
from tests.notifications import faults
from tests.notifications.builders import (
    confirm,
    leave_unconfirmed,
    mails,
    make_account,
    sns,
    stored,
)
from tests.sampling import sampled

SETTINGS = sampled(8, soak=200, stateful_step_count=30, print_blob=True)

OTHER_WISHES = ["few mails", "no mails", "no confirmation"]
spending = st.tuples(
    st.just("add"), amounts, categories, st.just(TODAY), st.just("expense")
)

FAULTS = ["down", "throttled", "reply lost", "dies before", "dies after"]


def fault_strategy(*services: str, skipped: int) -> st.SearchStrategy:
    """Draw a service, calls to let through first, the fault, and its count."""
    return st.tuples(
        st.sampled_from(services),
        st.integers(0, skipped),
        st.sampled_from(FAULTS),
        st.sampled_from([1, 1, 3, 6]),
    )


troubles = st.none() | fault_strategy("dynamodb", "sqs", "sns", skipped=4)
delivery_troubles = (
    st.none()
    | fault_strategy("sns", skipped=1)
    | fault_strategy("dynamodb", "sqs", skipped=5)
    | st.just(("sns", 0, "down", 6))  # until it has failed for good
)
NEED_WRITE = {"reply lost", "dies before", "dies after"}
WRITES = {
    "TransactWriteItems",
    "UpdateItem",
    "SendMessageBatch",
    "Publish",
    "Subscribe",
    "Unsubscribe",
    "SetSubscriptionAttributes",
}
THROTTLED = {
    "dynamodb": '{"__type": "com.amazonaws.dynamodb#ThrottlingException"}',
    "sqs": '{"__type": "com.amazonaws.sqs#RequestThrottled"}',
    "sns": (
        "<ErrorResponse><Error><Type>Sender</Type><Code>Throttled</Code>"
        "<Message>slower</Message></Error></ErrorResponse>"
    ),
}


class Weather:
    """The faults of the next calls; a hook for `faults.hooked`.

    Each fault applies to one call of its service, "calm" lets one through. Lost replies
    and crashes wait for a write.
    """

    def __init__(self) -> None:
        self.on = False
        self.coming: dict[str, deque[str]] = {}
        self.deliveries: list[Delivery] = []

    def expect(self, trouble) -> None:
        if trouble:
            service, skip, fault, times = trouble
            coming = self.coming.setdefault(service, deque())
            coming.extend(["calm"] * skip)
            coming.extend([fault] * (1 if fault.startswith("dies") else times))

    def clear_up(self) -> None:
        self.coming.clear()

    def __call__(self, request, operation):
        if not self.on:
            return None
        service = urlsplit(request.url).hostname.partition(".")[0]
        fault = self._next(service, operation)
        self._note(request, operation, fault)
        if fault == "down":
            raise EndpointConnectionError(endpoint_url=request.url)
        if fault == "throttled":
            status = 429 if service == "sns" else 400
            return faults.answer(request, status, THROTTLED[service])
        if fault == "dies before":
            raise faults.KilledError
        if fault != "calm":
            faults.execute_without_reply(request, operation)
            raise faults.KilledError if fault == "dies after" else _lost(request)
        return None

    def _next(self, service: str, operation: str) -> str:
        coming = self.coming.get(service)
        if not coming or (coming[0] in NEED_WRITE and operation not in WRITES):
            return "calm"
        return coming.popleft()

    def _note(self, request, operation: str, fault: str) -> None:
        if operation == "UpdateItem":
            body = json.loads(request.body)
            names = body["ExpressionAttributeNames"].values()
            # Postponing a delivery sets them back.
            if "attempts" in names and "ADD" in body["UpdateExpression"]:
                claimed = body["Key"]["notification_id"]["S"]
                self.deliveries.append(Delivery(claimed))
        if self.deliveries:
            latest = self.deliveries[-1]
            if operation == "Publish":
                latest.published = fault in {"calm", "reply lost", "dies after"}
            latest.spoiled |= fault != "calm"


def _lost(request) -> ConnectionClosedError:
    return ConnectionClosedError(endpoint_url=request.url)


@dataclass
class Delivery:
    """A lease and the result of its delivery."""

    notification_id: str
    published: bool = False
    spoiled: bool = False  # by any fault during it


@dataclass
class Message:
    body: str
    task: dict
    received: int = 0

    def record(self, message_id: str) -> dict:
        return {
            "messageId": message_id,
            "receiptHandle": message_id,  # unknown, so its visibility stays
            "body": self.body,
            "attributes": {"ApproximateReceiveCount": str(self.received)},
            "messageAttributes": {"task": {"stringValue": self.task["StringValue"]}},
        }


class Faults(RuleBasedStateMachine):
    """A user's budgets and mails, while AWS fails and processes die."""

    def __init__(self) -> None:
        super().__init__()
        self.world = ExitStack()
        self.world.enter_context(empty_aws())
        self.clock = self.world.enter_context(time_machine.travel(NOON, tick=True))
        patch = self.world.enter_context(pytest.MonkeyPatch.context())
        patch.setattr(botocore.endpoint, "time", SimpleNamespace(sleep=lambda _: None))
        make_account(subscribed=False)
        self.weather = Weather()
        self.world.enter_context(faults.hooked("*", self.weather))
        self.writer, self.model = Writer(), Model()
        self.queue: list[Message] = []
        self.dead_letters: list[Message] = []
        self.published: Counter[str] = Counter()
        # Mails that were sent but not recorded: each may be sent once more.
        self.repeatable: Counter[str] = Counter()

    @initialize(amount=amounts, other=amounts)
    def begin(self, amount, other):
        subscriptions.subscribe(ALICE)
        for category, limit in zip(CATEGORIES, (amount, other), strict=True):
            self.write(None, ("budget", [category], limit, 80))

    @contextmanager
    def with_faults(self, trouble):
        """Run a request or Lambda run with faults.

        Unused faults apply to the next ones.
        """
        self.weather.expect(trouble)
        self.weather.on = True
        self.weather.deliveries.clear()
        try:
            yield
        except (faults.KilledError, DomainError):
            pass
        except Exception as error:
            if not is_outage(error):
                raise
        finally:
            self.weather.on = False
            self.receive()

    # ------------------------------------------------------------------ user actions

    @rule(trouble=troubles, write=writing | spending)
    def write(self, trouble, write):
        with self.with_faults(trouble):
            self.writer.do(write)
        self.model.look()

    # Mails are mostly wanted, otherwise there would be few.
    @rule(trouble=troubles, wish=st.sampled_from(["mails"] * 5 + OTHER_WISHES))
    def choose(self, trouble, wish):
        if wish == "no confirmation":  # moto treats every subscription as confirmed
            account = Account.get(ALICE.user_id)
            if account.subscription_arn in sns().subscriptions:
                leave_unconfirmed(account)
            return
        with self.with_faults(trouble):
            if wish == "no mails":
                subscriptions.unsubscribe(ALICE)
                return
            few = {"budget_threshold": wish == "mails"}
            services.update_profile(ALICE, email_preferences=few)
            account = subscriptions.subscribe(ALICE)
            if account.subscription_arn in sns().subscriptions:
                confirm(account)

    # -------------------------------------------------------------- background work

    # One rule, because Hypothesis omits some rules in each sequence.
    @rule(
        trouble=delivery_troubles,
        action=st.sampled_from(["deliver", "deliver", "sweep", "redrive", "day"]),
        first=picks,
        count=st.integers(1, 10),
        times=st.sampled_from([1, 1, 1, 2, 5]),
    )
    def go_on(self, trouble, action, first, count, times):
        if action == "deliver":
            self.deliver(trouble, first, count, times)
        elif action == "sweep":
            self.sweep(trouble)
        elif action == "redrive":  # as new messages
            self.queue += [
                Message(letter.body, letter.task) for letter in self.dead_letters
            ]
            self.dead_letters.clear()
        else:
            self.a_day_passes(trouble)

    def deliver(self, trouble, first, count, times):
        """Deliver some messages in one batch, possibly more than once."""
        first %= len(self.queue) or 1
        batch = self.queue[first : first + count]
        del self.queue[first : first + count]
        for _ in range(times):
            failed = self.run(trouble, batch)
        self.give_back(failed)

    def run(self, trouble, batch):
        """Run the Lambda; return the messages that stay in SQS."""
        for message in batch:
            message.received += 1
        records = [message.record(str(number)) for number, message in enumerate(batch)]
        failed = batch
        with self.with_faults(trouble):
            summary = handler({"Records": records}, Context())
            failed_ids = [
                failure["itemIdentifier"] for failure in summary["batchItemFailures"]
            ]
            failed = [batch[int(number)] for number in failed_ids]
        self.count_mails()
        return failed

    def give_back(self, messages):
        for message in messages:
            enough = message.received >= config.max_receive_count
            (self.dead_letters if enough else self.queue).append(message)

    def count_mails(self):
        """Add up the mails published, and those of them not recorded as sent."""
        published = [
            attempt for attempt in self.weather.deliveries if attempt.published
        ]
        for notification_id in {attempt.notification_id for attempt in published}:
            mine = [
                attempt
                for attempt in published
                if attempt.notification_id == notification_id
            ]
            repeatable = len(mine) - (stored(notification_id).status == "sent")
            assert repeatable <= sum(attempt.spoiled for attempt in mine)
            self.published[notification_id] += len(mine)
            self.repeatable[notification_id] += repeatable

    def a_day_passes(self, trouble):
        self.clock.shift(datetime.timedelta(days=1))
        with self.with_faults(trouble):
            checks.check_all(None, lambda: True)
        # Without faults at the end, or a rise and fall might be missed.
        checks.check_all(None, lambda: True)
        self.model.look()
        self.receive()

    def sweep(self, trouble):
        self.clock.shift(400)
        with self.with_faults(trouble):
            enqueue_overdue()

    def receive(self):
        """Receive the visible messages."""
        sqs, url = aws.client("sqs"), aws.queue_url()
        while messages := sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        ).get("Messages"):
            for message in messages:
                task = message["MessageAttributes"]["task"]
                self.queue.append(Message(message["Body"], task))
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    # ---------------------------------------------------------------- recovery

    def teardown(self):
        try:
            self.recover()
            self.check()
        finally:
            self.world.close()

    def recover(self):
        """Wait, sweep and deliver until nothing is left."""
        self.weather.clear_up()
        for _ in range(config.max_receive_count):
            self.sweep(None)
            while self.queue:
                batch, self.queue = self.queue[:10], self.queue[10:]
                self.give_back(self.run(None, batch))
            if not list(Notification.scan(Notification.status == "queued")):
                return

    def check(self):
        notifications = list(Notification.by_user.query(ALICE.user_id))
        assert (
            Counter(notification.type for notification in notifications)
            == +self.model.alerts
        )
        assert {notification.status for notification in notifications} <= {
            "sent",
            "failed",
            "skipped",
        }
        for notification in notifications:
            once = notification.status == "sent"
            again = self.repeatable[notification.notification_id]
            assert self.published[notification.notification_id] == once + again
        assert len(mails()) == self.published.total()
        assert_totals_correct()


@pytest.mark.soak
def test_after_any_faults_every_alert_is_one_notification_and_one_mail():
    run_state_machine_as_test(Faults, settings=SETTINGS)
