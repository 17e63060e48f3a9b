"""Stack updates through change sets, on the local AWS."""

import uuid

import pytest
import yaml

from infra.changesets import DeployError, Stacks, State
from tests.stack import wait_until

NAME = f"changes-{uuid.uuid4().hex[:8]}"
PREFIX = f"{NAME}-"


def template(*queues: str) -> str:
    return yaml.safe_dump(
        {
            "Parameters": {"Prefix": {"Type": "String"}},
            "Resources": {
                name: {
                    "Type": "AWS::SQS::Queue",
                    "Properties": {"QueueName": {"Fn::Sub": "${Prefix}" + name}},
                }
                for name in queues
            },
            "Outputs": {"First": {"Value": {"Ref": queues[0]}}},
        }
    )


def state(*queues: str) -> State:
    return State(template(*queues), {"Prefix": PREFIX, "Other": "of another template"})


@pytest.fixture
def stacks(stack):
    output: list[str] = []
    formation = stack.admin_session().client("cloudformation")
    stacks = Stacks(
        formation, tags={"stage": "test"}, print_line=output.append, poll_seconds=0.05
    )
    stacks.output = output
    yield stacks
    formation.delete_stack(StackName=NAME)
    wait_until(lambda: stacks.state(NAME) is None)


def test_a_new_stack_is_created_and_its_changes_are_printed(stacks):
    assert stacks.deploy(NAME, state("one"))

    assert stacks.output == [f"{NAME}: add one (AWS::SQS::Queue)"]
    assert stacks.outputs(NAME)["First"].endswith(f"{PREFIX}one")
    assert stacks.state(NAME) == State(template("one"), {"Prefix": PREFIX})
    (stack,) = stacks.formation.describe_stacks(StackName=NAME)["Stacks"]
    assert stack["Tags"] == [{"Key": "stage", "Value": "test"}]


def test_a_stack_is_updated_and_can_be_rolled_back(stacks):
    stacks.deploy(NAME, state("one"))
    before = stacks.state(NAME)

    assert stacks.deploy(NAME, state("one", "two"))
    assert stacks.deploy(NAME, before)

    assert stacks.state(NAME) == before


class Formation:
    """CloudFormation with some answers replaced by a test."""

    def __init__(self, real, **answers):
        self.real = real
        self.answers = answers

    def __getattr__(self, name):
        return self.answers.get(name) or getattr(self.real, name)


def failing(reason):
    def describe_change_set(**request):
        return {"Status": "FAILED", "StatusReason": reason, "Changes": []}

    return describe_change_set


@pytest.mark.parametrize(
    "reason",
    [
        "The submitted information didn't contain changes. Submit different information"
        " to create a change set.",
        "No updates are to be performed.",
    ],
)
def test_an_empty_change_set_is_not_an_error(stacks, reason):
    stacks.deploy(NAME, state("one"))
    stacks.formation = Formation(
        stacks.formation,
        describe_change_set=failing(reason),
        execute_change_set=pytest.fail,
    )

    assert not stacks.deploy(NAME, state("one"))


def test_a_failed_change_set_is_reported_with_its_reason(stacks):
    stacks.deploy(NAME, state("one"))
    stacks.formation = Formation(
        stacks.formation, describe_change_set=failing("Access denied for x.")
    )

    with pytest.raises(DeployError, match="Access denied for x"):
        stacks.deploy(NAME, state("two"))


def test_the_status_from_before_an_execution_is_not_its_result(stacks):
    """AWS promises no order between a request to execute and the stack's status."""
    stacks.deploy(NAME, state("one"))
    real = stacks.formation
    waiting: list[dict] = []

    def execute_change_set(**request):
        waiting.append(request)

    def describe_change_set(**request):
        if len(waiting) == 1:  # it begins only now
            waiting.append(request)
            answer = real.describe_change_set(**request)
            real.execute_change_set(**waiting[0])
            return answer
        return real.describe_change_set(**request)

    stacks.formation = Formation(
        real,
        execute_change_set=execute_change_set,
        describe_change_set=describe_change_set,
    )

    assert stacks.deploy(NAME, state("one", "two"))

    stacks.formation = real
    assert stacks.state(NAME).template == template("one", "two")
    (stack,) = real.describe_stacks(StackName=NAME)["Stacks"]
    assert stack["StackStatus"] == "UPDATE_COMPLETE"


def rolled_back(formation):
    """Return a describe_stacks that reports a rollback after an update."""

    def describe_stacks(StackName):  # noqa: N803 - boto3's name
        answer = formation.real.describe_stacks(StackName=StackName)
        if formation.executed:
            answer["Stacks"][0]["StackStatus"] = "UPDATE_ROLLBACK_COMPLETE"
        return answer

    return describe_stacks


def test_a_rolled_back_update_is_an_error(stacks):
    stacks.deploy(NAME, state("one"))
    formation = stacks.formation = Formation(stacks.formation)
    formation.executed = []
    formation.answers["execute_change_set"] = lambda **call: formation.executed.append(
        call
    )
    formation.answers["describe_stacks"] = rolled_back(formation)
    formation.answers["describe_change_set"] = lambda **request: (
        formation.real.describe_change_set(**request)
        | ({"ExecutionStatus": "EXECUTE_FAILED"} if formation.executed else {})
    )

    with pytest.raises(DeployError, match="UPDATE_ROLLBACK_COMPLETE"):
        stacks.deploy(NAME, state("one", "two"))
    assert formation.executed


def test_a_stack_in_a_final_failed_state_is_not_changed(stacks):
    stacks.deploy(NAME, state("one"))
    real = stacks.formation

    def describe_stacks(**request):
        answer = real.describe_stacks(**request)
        answer["Stacks"][0]["StackStatus"] = "ROLLBACK_COMPLETE"
        return answer

    stacks.formation = Formation(
        real, describe_stacks=describe_stacks, create_change_set=pytest.fail
    )

    with pytest.raises(DeployError, match="delete it"):
        stacks.deploy(NAME, state("two"))
