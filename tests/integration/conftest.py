"""Fixtures of tests on the local AWS."""

import pytest

from smartbudget.local import deploy
from smartbudget.local.settings import TEMPLATE_PARAMETERS
from tests.integration.faults import FaultyWeb
from tests.integration.stages import OTHER, deploy_template
from tests.stack import Stack, lambdas


@pytest.fixture(scope="session")
def other_stage(stack: Stack) -> dict[str, str]:
    """Return the outputs of a stage `test-`, whose data has its own key."""
    session = stack.admin_session()
    key = deploy_template(session, "key", {"ResourcePrefix": OTHER})["KmsKeyArn"]
    parameters = {
        **TEMPLATE_PARAMETERS,
        "ResourcePrefix": OTHER,
        "ReceiptsBucketName": f"{OTHER}smart-budget-receipts",
        "KmsKeyArn": key,
        "OperatorsEmail": "operators@example.com",
        "AppUrl": "https://test.example.com",
        "LoadBalancer": "app/awseb-x/0123456789abcdef",
        "TargetGroup": "targetgroup/awseb-x/0123456789abcdef",
        "SweepSchedule": "rate(1 day)",  # it has no work
        "DailyCheckSegments": "0,1",
    }
    outputs, _ = deploy.deploy(session, lambdas(), parameters)
    return {**outputs, "KmsKeyArn": key}


@pytest.fixture(scope="session")
def faulty_web(stack, tmp_path_factory):
    """Run a second web server, whose calls to AWS can be made to fail."""
    faulty = FaultyWeb(stack, tmp_path_factory.mktemp("web"), processes=1)
    yield faulty
    faulty.end()


@pytest.fixture
def web(faulty_web):
    """Return the same server, restarted if the last test killed it."""
    faulty_web.wait()
    return faulty_web
