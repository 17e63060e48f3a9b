"""infra/canary.yaml: when the canary runs, and when its alarm goes off."""

import pytest

from infra import templates


@pytest.fixture(scope="module")
def resources():
    return templates.read("canary")["Resources"]


def test_the_alarm_goes_off_for_failed_runs_and_for_missing_ones(resources):
    """Lambda reports the number of errors, also zero, for each run."""
    alarm = resources["CanaryAlarm"]["Properties"]

    assert (alarm["Namespace"], alarm["MetricName"]) == ("AWS/Lambda", "Errors")
    assert alarm["Dimensions"] == [
        {"Name": "FunctionName", "Value": {"Ref": "CanaryFunction"}}
    ]
    assert alarm["ComparisonOperator"] == "GreaterThanThreshold"
    assert alarm["Threshold"] == 0
    assert alarm["TreatMissingData"] == "breaching"
    # One failure can be a deployment or a lost packet.
    assert (alarm["DatapointsToAlarm"], alarm["EvaluationPeriods"]) == (2, 3)
    assert alarm["AlarmActions"][0]["Sub"].endswith(":${ResourcePrefix}operators-topic")


def test_the_alarm_expects_one_run_in_each_period(resources):
    rule = resources["CanaryRule"]["Properties"]

    assert rule["ScheduleExpression"] == "rate(5 minutes)"
    assert resources["CanaryAlarm"]["Properties"]["Period"] == 5 * 60


def test_a_failed_run_is_not_repeated(resources):
    attempts = resources["CanaryAttempts"]["Properties"]
    (target,) = resources["CanaryRule"]["Properties"]["Targets"]

    assert attempts["MaximumRetryAttempts"] == 0
    assert target["RetryPolicy"]["MaximumRetryAttempts"] == 0


def test_without_a_schedule_there_is_no_alarm_either(resources):
    conditional = {
        name
        for name, resource in resources.items()
        if resource.get("Condition") == "IsScheduled"
    }

    assert conditional == {"CanaryRule", "CanaryRulePermission", "CanaryAlarm"}


def test_the_password_is_not_in_the_environment(resources):
    function = resources["CanaryFunction"]["Properties"]
    secret = templates.read("data")["Resources"]["CanaryPassword"]["Properties"]

    assert function["Environment"]["Variables"] == {
        "APP_URL": {"Ref": "AppUrl"},
        "PASSWORD_ARN": {"Ref": "CanaryPasswordArn"},
        "STAGE": {"Sub": "${ResourcePrefix}smart-budget"},
    }
    assert function["Role"]["Sub"].endswith("role/${ResourcePrefix}smart-budget-canary")
    assert secret["GenerateSecretString"]["PasswordLength"] >= 40
