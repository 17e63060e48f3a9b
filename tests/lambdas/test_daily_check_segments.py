"""The daily check in segments: a chain of runs for each, whatever happens to a run."""

import dataclasses
import json
from collections import Counter
from decimal import Decimal

import pytest
import time_machine
from botocore.exceptions import ReadTimeoutError
from hypothesis import given
from hypothesis import strategies as st

from budgets import checks
from budgets.models import Budget
from expenses.models import Expense
from infra import templates
from lambdas.budget_alert import handler as module
from lambdas.budget_alert.handler import handler
from smartbudget.core import aws, log
from smartbudget.core.config import config
from smartbudget.core.user import User
from tests.conftest import empty_aws
from tests.lambdas.events import Context, recorded
from tests.money_builders import NOON, SHAPES, TODAY, alerts, make_budget
from tests.notifications.builders import make_account
from tests.sampling import sampled

HOUR = 3600
USERS = [
    User(
        user_id=f"user-{number}",
        username=f"user-{number}",
        email=f"user-{number}@example.com",
        budget_shapes=SHAPES,
    )
    for number in range(9)
]
SEGMENTS = [1, 2, 8]


class KilledError(BaseException):
    """The end of a run that Lambda stops in the middle."""


class Lambda:
    """Lambda's asynchronous invocations, which repeat runs that fail."""

    def __init__(self, troubles=()):
        self.waiting = [recorded("schedule_daily")]
        self.troubles = list(troubles)
        self.checked = Counter()
        self._kill_after = None
        self._lost_reply = False
        self._check_user = checks._check_user
        self._client = aws.client

    def client(self, service, attempts=2):
        return self if service == "lambda" else self._client(service, attempts)

    def invoke(self, **call):
        assert call["FunctionName"] == "budget_alert:live"
        assert call["InvocationType"] == "Event"
        self.waiting.append(json.loads(call["Payload"]))
        if self._lost_reply:
            self._lost_reply = False
            raise ReadTimeoutError(endpoint_url="lambda")

    def check_user(self, user_id, items, result):
        if self._kill_after == 0:
            raise KilledError
        if self._kill_after:
            self._kill_after -= 1
        self.checked[user_id] += 1
        self._check_user(user_id, items, result)

    def run_next(self):
        event = self.waiting.pop(0)
        trouble = self.troubles.pop(0) if self.troubles else None
        if trouble == "twice":
            self.waiting.append(event)
        self._kill_after = trouble if isinstance(trouble, int) else None
        self._lost_reply = trouble == "reply lost"
        try:
            handler(event, Context(60_000))  # the time of one page
        except (KilledError, ReadTimeoutError):
            self.waiting.append(event)

    def run_all(self):
        while self.waiting:
            self.run_next()


@pytest.fixture
def on(monkeypatch):
    """Return a function that starts the check on a Lambda with some segments."""

    def start(segments, troubles=()):
        stand_in = Lambda(troubles)
        settings = dataclasses.replace(config, daily_check_segments=segments)
        monkeypatch.setattr(module, "config", settings)
        monkeypatch.setattr(aws, "client", stand_in.client)
        monkeypatch.setattr(checks, "_check_user", stand_in.check_user)
        return stand_in

    monkeypatch.setattr(checks, "PAGE_SIZE", 2)
    return start


def make_people():
    """Create users with an expense that their budget's total does not include."""
    for user in USERS:
        make_account(user.user_id, subscribed=False)
        make_budget(user)
        Expense(
            expense_id=user.user_id,
            user_id=user.user_id,
            date=str(TODAY),
            amount=Decimal("85.00"),
            category="Groceries",
            category_key="groceries",
            created_at=NOON.isoformat(),
            updated_at=NOON.isoformat(),
        ).save()


def totals():
    return [budget.spent for budget in Budget.by_user.scan()]


def alerted():
    return {tuple(alerts(user)) for user in USERS}


def finished(capsys):
    """Return the numbers of the segments that were counted as finished."""
    lines = capsys.readouterr().err.splitlines()
    records = [json.loads(line) for line in lines if "DailyCheckFinished" in line]
    return [record["Segment"] for record in records]


@pytest.mark.parametrize("segments", SEGMENTS)
def test_every_user_is_checked_once(on, clock, capsys, segments):
    make_people()
    clock.shift(HOUR)
    check = on(segments)

    check.run_all()

    assert check.checked == dict.fromkeys((user.user_id for user in USERS), 1)
    assert totals() == [85] * len(USERS)
    assert alerted() == {("budget_threshold",)}
    assert sorted(finished(capsys)) == [str(number) for number in range(segments)]


# A run is killed after some users, delivered twice, or repeated since the reply to its
# last call was lost.
TROUBLES = st.lists(
    st.none() | st.integers(0, 2) | st.sampled_from(["twice", "reply lost"]),
    max_size=12,
)


@sampled(examples=12, soak=300)
@given(segments=st.sampled_from(SEGMENTS), troubles=TROUBLES)
def test_every_user_is_checked_whatever_happens_to_runs(segments, troubles):
    with (
        empty_aws(),
        pytest.MonkeyPatch.context() as patch,
        time_machine.travel(NOON, tick=False) as clock,
    ):
        counted = []
        patch.setattr(log, "count", lambda name, **more: counted.append((name, more)))
        make_people()
        clock.shift(HOUR)
        check = on.__wrapped__(patch)(segments, troubles)

        check.run_all()

        ended = {more["Segment"] for name, more in counted if "Finished" in name}
        assert set(check.checked) == {user.user_id for user in USERS}
        assert totals() == [85] * len(USERS)
        assert alerted() == {("budget_threshold",)}
        assert ended == {str(number) for number in range(segments)}


def test_two_overlapping_days_send_each_alert_once(on, clock):
    make_people()
    clock.shift(HOUR)
    check = on(2)
    for _ in range(4):
        check.run_next()
    check.waiting.append(recorded("schedule_daily"))
    clock.shift(HOUR)

    check.run_all()

    assert min(check.checked.values()) >= 1
    assert alerted() == {("budget_threshold",)}


def test_a_chain_keeps_its_segments_when_their_number_changes(on, clock, monkeypatch):
    make_people()
    clock.shift(HOUR)
    check = on(2)
    check.run_next()
    check.run_next()
    monkeypatch.setattr(
        module, "config", dataclasses.replace(config, daily_check_segments=8)
    )

    check.run_all()

    assert check.checked == dict.fromkeys((user.user_id for user in USERS), 1)


def test_a_chain_of_an_earlier_version_is_continued(on, clock, capsys):
    make_people()
    clock.shift(HOUR)
    check = on(8)
    first = Budget.by_user.scan(page_size=2)
    page = next(first.page_iter)
    check.waiting = [{"position": page["LastEvaluatedKey"]}]

    check.run_all()

    assert len(check.checked) == len(USERS) - len(page["Items"])
    assert finished(capsys) == ["0"]


def test_a_segment_is_not_finished_before_its_end(on, clock, capsys):
    make_people()
    clock.shift(HOUR)
    check = on(1)

    check.run_next()

    assert check.waiting
    assert finished(capsys) == []


@pytest.mark.parametrize(("hours", "counted"), [(23, ["0"]), (24, [])])
def test_a_segment_that_takes_a_day_is_not_counted_as_finished(
    on, clock, capsys, hours, counted
):
    make_people()
    check = on(1)
    check.run_next()
    clock.shift(hours * HOUR)

    check.run_all()

    assert finished(capsys) == counted
    assert len(check.checked) == len(USERS)


def test_the_alarms_count_finished_segments(on, clock, capsys):
    loop = templates.read("observability")["Resources"]["Fn::ForEach::DailyCheckAlarms"]
    (variable, numbers, repeated) = loop
    (alarm,) = [resource["Properties"] for resource in repeated.values()]
    check = on(2)
    check.run_all()
    lines = capsys.readouterr().err.splitlines()
    (line, _) = [json.loads(line) for line in lines if '"_aws"' in line]
    (directive,) = line["_aws"]["CloudWatchMetrics"]

    assert numbers == {"Ref": "DailyCheckSegments"}
    assert (alarm["Namespace"], alarm["MetricName"]) == (
        directive["Namespace"],
        directive["Metrics"][0]["Name"],
    )
    dimensions = {item["Name"]: item["Value"] for item in alarm["Dimensions"]}
    assert [sorted(dimensions)] == [sorted(names) for names in directive["Dimensions"]]
    assert dimensions["Segment"] == {"Ref": variable}
    assert dimensions["Stage"] == {"Sub": "${ResourcePrefix}smart-budget"}
    assert (alarm["Statistic"], alarm["Threshold"]) == ("Sum", 1)
    assert alarm["ComparisonOperator"] == "LessThanThreshold"


def test_the_alarms_are_silent_until_the_first_check_and_go_off_without_data():
    """A new alarm has no data, and a change to that state is what notifies."""
    loop = templates.read("observability")["Resources"]["Fn::ForEach::DailyCheckAlarms"]
    (alarm,) = [resource["Properties"] for resource in loop[2].values()]

    assert alarm["TreatMissingData"] == "missing"
    assert alarm["InsufficientDataActions"] == alarm["AlarmActions"]
    assert alarm["Period"] * alarm["EvaluationPeriods"] > 24 * HOUR


def test_both_templates_get_the_same_segments():
    functions = templates.read("functions")
    function = functions["Resources"]["BudgetAlertFunction"]["Properties"]
    variables = function["Environment"]["Variables"]

    assert variables["DAILY_CHECK_SEGMENTS"] == {
        "Join": [",", {"Ref": "DailyCheckSegments"}]
    }
    for template in (functions, templates.read("observability")):
        assert template["Parameters"]["DailyCheckSegments"]["Default"] == "0"
