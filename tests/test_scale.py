"""The limits that `make bench ARGS=scale` computes, and what they are computed from."""

import re

import pytest

from benchmarks import costs, scale, sweep
from infra import templates
from smartbudget.local.settings import ROOT
from tests.infra import rendering

PACKAGES = sorted({path.parts[-2] for path in ROOT.glob("*/__init__.py")} - {"tests"})
FUNCTIONS = templates.read("functions")["Parameters"]


@pytest.mark.parametrize("limit", scale.LIMITS, ids=lambda limit: limit.what)
@pytest.mark.parametrize("kind", ["first", "most"])
def test_a_limit_is_enough_for_exactly_as_many_users(limit, kind):
    value = getattr(limit, kind)
    if value is None:
        assert not limit.fails(scale.EVERYONE)
        return

    users = limit.users(value)

    assert limit.need(max(1, users)) <= value or users == 0
    assert limit.need(users + 1) > value or users == scale.EVERYONE
    assert limit.is_reached(users + 1) or kind == "most" or users == scale.EVERYONE


def test_nothing_fails_up_to_the_number_that_is_printed():
    most = scale.without_failure()

    assert not [limit.what for limit in scale.LIMITS if limit.fails(most)]
    assert [limit.what for limit in scale.LIMITS if limit.fails(most + 1)]
    assert most > scale.SIZES[1]


@pytest.mark.parametrize("users", [1, *scale.SIZES])
def test_the_templates_allow_the_parameters(users):
    highest = {name: FUNCTIONS[name].get("MaxValue") for name in FUNCTIONS}
    lowest = {name: FUNCTIONS[name].get("MinValue") for name in FUNCTIONS}
    rows = (row.split(" | ") for row in scale.settings_table().splitlines()[2:])
    values = {row[0].strip("| `"): row[1:] for row in rows}

    for name in ("NotificationConcurrency", "SweepLimit", "ReportConcurrency"):
        for value in values[name]:
            number = int(value.strip("| ").replace(",", ""))
            assert lowest[name] <= number <= highest[name]
    assert scale.sweep_limit(users) <= highest["SweepLimit"]


def test_a_segment_more_than_the_last_does_not_fit_in_the_stack(monkeypatch):
    most = max(limit.most for limit in scale.LIMITS if limit.need is scale.segments)
    numbers = ",".join(str(number) for number in range(int(most)))
    template = templates.read("observability")
    template["Parameters"]["DailyCheckSegments"]["Default"] = numbers
    monkeypatch.setattr(templates, "read", lambda name: template)

    resources = rendering.resources("observability")

    assert len(resources) == scale.STACK_RESOURCES
    assert len(numbers) < 4096  # docs/aws.md#resources-of-a-stack
    assert all(
        re.fullmatch(FUNCTIONS["DailyCheckSegments"]["AllowedPattern"], number)
        for number in numbers.split(",")
    )


def test_a_small_simulated_monday_takes_as_long_as_computed():
    users = scale.SIZES[0]
    setup = sweep.Setup(scale.concurrency(users), scale.sweep_limit(users), 1)

    outcome = sweep.Monday(setup, users // sweep.SCALE).run()

    assert outcome.summaries / 60 == pytest.approx(scale.monday(users), rel=0.05)


def test_the_assumed_settings_are_those_of_the_templates():
    resources = rendering.resources("functions")
    workflow = (ROOT / ".github/workflows/deploy-stage.yml").read_text()

    assert len(resources["SweepRule"]["Properties"]["Targets"]) == sweep.PARTS
    assert FUNCTIONS["SweepSchedule"]["Default"] == "rate(5 minutes)"
    assert f"timeout-minutes: {scale.RELEASE_MINUTES}\n" in workflow


def test_the_bill_has_all_alarms():
    resources = {
        **rendering.resources("observability"),
        **rendering.resources("canary"),
    }
    alarms = [
        resource["Properties"]
        for resource in resources.values()
        if resource["Type"] == "AWS::CloudWatch::Alarm"
    ]
    queries = [alarm for alarm in alarms if "Metrics" in alarm]

    assert len(queries) == costs.QUERY_ALARMS
    assert len(alarms) == costs.ALARMS + costs.QUERY_ALARMS


def test_the_bill_has_all_metrics():
    call = re.compile(r"\blog\.(?:count|metric)\(\s*\"(\w+)\"")
    sources = [
        path.read_text()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
    ]
    in_code = {name for source in sources for name in call.findall(source)}
    in_filters = {
        transformation["MetricName"].removeprefix(rendering.LONGEST_PREFIX)
        for resource in rendering.every_resource().values()
        if resource["Type"] == "AWS::Logs::MetricFilter"
        for transformation in resource["Properties"]["MetricTransformations"]
    }

    assert in_code | in_filters == set(costs.METRICS)
