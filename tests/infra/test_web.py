"""Settings in infra/web.yaml, which the local AWS cannot deploy."""

import json
from typing import Any

import boto3
import pytest

from infra import templates
from smartbudget import gunicorn_conf
from smartbudget.core.config import Config
from tests.infra import rendering

SECRETS = "aws:elasticbeanstalk:application:environmentsecrets"
PROPERTIES = "aws:elasticbeanstalk:application:environment"


@pytest.fixture(scope="module")
def web() -> dict[str, Any]:
    return templates.read("web")


@pytest.fixture(scope="module")
def options(web) -> dict[tuple[str, str], Any]:
    """Return {(namespace, option): value}, including conditional options."""
    declared = web["Resources"]["Environment"]["Properties"]["OptionSettings"]
    flat = [option["If"][1] if "If" in option else option for option in declared]
    return {
        (option["Namespace"], option["OptionName"]): option["Value"] for option in flat
    }


def test_the_environment_properties_configure_the_program():
    declared = rendering.resources("web")["Environment"]["Properties"]["OptionSettings"]
    env = {
        option["OptionName"]: option["Value"]
        for option in declared
        if option["Namespace"] in {PROPERTIES, SECRETS}
    }

    config = Config.from_env(env)

    assert config.secret_key
    assert config.proxy_count == 2
    assert not config.local


def test_the_secret_key_is_not_an_environment_property(web, options):
    data = templates.read("data")
    secret = data["Resources"]["SecretKey"]

    assert (PROPERTIES, "SECRET_KEY") not in options
    assert options[SECRETS, "SECRET_KEY"] == {"Ref": "SecretKeyArn"}
    assert options[SECRETS, "HEALTH_KEY"] == {"Ref": "HealthKeyArn"}
    for arn in ("SecretKeyArn", "HealthKeyArn"):  # infra/deploy.py passes them on
        assert data["Outputs"][arn]["Value"] == {"Ref": arn.removesuffix("Arn")}
        assert arn in web["Parameters"]
    assert secret["UpdateReplacePolicy"] == "Retain"
    assert secret["Properties"]["GenerateSecretString"]["PasswordLength"] >= 50


def test_each_timeout_is_longer_than_the_one_it_waits_for(options):
    process = "aws:elasticbeanstalk:environment:process:default"
    delay = int(options[process, "DeregistrationDelay"])
    idle = int(options["aws:elbv2:loadbalancer", "IdleTimeout"])

    assert delay > gunicorn_conf.graceful_timeout
    assert idle < gunicorn_conf.keepalive
    assert options[process, "HealthCheckPath"] == "/health"


def test_tls_is_terminated_with_the_given_certificate(options):
    listener = "aws:elbv2:listener:443"

    assert options[listener, "Protocol"] == "HTTPS"
    assert options[listener, "SSLCertificateArns"] == {"Ref": "CertificateArn"}
    assert options[listener, "SSLPolicy"].startswith("ELBSecurityPolicy-TLS13-1-2-Res-")


def test_credentials_are_requested_with_retries(options):
    """The default of boto3 is one attempt with a timeout of one second."""
    assert int(options[PROPERTIES, "AWS_METADATA_SERVICE_NUM_ATTEMPTS"]) > 1
    assert int(options[PROPERTIES, "AWS_METADATA_SERVICE_TIMEOUT"]) > 1


def test_access_logs_go_to_the_permitted_prefix(options):
    balancer = "aws:elbv2:loadbalancer"
    data = templates.read("data")["Resources"]
    policy = data["AccessLogsBucketPolicy"]["Properties"]["PolicyDocument"]
    write = {
        statement["Principal"]["Service"]: statement["Resource"]["Sub"]
        for statement in policy["Statement"]
        if statement["Effect"] == "Allow"
    }
    receipts = data["ReceiptsBucket"]["Properties"]["LoggingConfiguration"]["If"][1]

    assert options[balancer, "AccessLogsS3Bucket"] == {"Ref": "AccessLogsBucketName"}
    prefix = options[balancer, "AccessLogsS3Prefix"]
    assert write["logdelivery.elasticloadbalancing.amazonaws.com"].endswith(
        f"/{prefix}/AWSLogs/${{AWS::AccountId}}/*"
    )
    assert write["logging.s3.amazonaws.com"].endswith(f"/{receipts['LogFilePrefix']}*")
    assert receipts["DestinationBucketName"] == {"Ref": "AccessLogsBucket"}


def test_imdsv1_is_off_and_deployments_keep_full_capacity(options):
    launch, command = (
        "aws:autoscaling:launchconfiguration",
        "aws:elasticbeanstalk:command",
    )

    assert options[launch, "DisableIMDSv1"] == "true"
    assert options[command, "DeploymentPolicy"] == "RollingWithAdditionalBatch"


def test_client_errors_do_not_affect_environment_health(options):
    document = options["aws:elasticbeanstalk:healthreporting:system", "ConfigDocument"]
    rules = json.loads(document)["Rules"]["Environment"]

    assert rules["Application"]["ApplicationRequests4xx"]["Enabled"] is False
    assert rules["ELB"]["ELBRequests4xx"]["Enabled"] is False


def test_logs_are_streamed_and_expire(options):
    for kind in ("logs", "logs:health"):
        namespace = f"aws:elasticbeanstalk:cloudwatch:{kind}"
        assert options[namespace, "RetentionInDays"] == {"Sub": "${LogRetentionDays}"}


def test_the_environment_uses_existing_roles(options, web):
    names = {
        role["Properties"]["RoleName"]["Sub"]
        for _, role in templates.resources(templates.read("roles"))
        if role["Type"] == "AWS::IAM::Role"
    }
    launch = options["aws:autoscaling:launchconfiguration", "IamInstanceProfile"]
    service = options["aws:elasticbeanstalk:environment", "ServiceRole"]
    operations = web["Resources"]["Environment"]["Properties"]["OperationsRole"]

    assert launch["Sub"] in names
    for arn in (service, operations):
        assert arn["Sub"].rpartition("role/")[2] in names


def test_elastic_beanstalk_accepts_application_and_environment(aws, web):
    """moto checks names, and that the environment belongs to the application."""
    client = boto3.client("elasticbeanstalk", region_name="us-east-1")
    declared = web["Resources"]["Environment"]["Properties"]
    names = [
        error["Sub"].replace("${ResourcePrefix}", "a" * 15 + "-")  # the longest
        for error in (
            web["Resources"]["Application"]["Properties"]["ApplicationName"],
            declared["EnvironmentName"],
        )
    ]

    client.create_application(ApplicationName=names[0])
    environment = client.create_environment(
        ApplicationName=names[0],
        EnvironmentName=names[1],
        SolutionStackName="64bit Amazon Linux 2023 v4.6.1 running Docker",
    )

    assert environment["EnvironmentArn"].endswith(f"environment/{names[0]}/{names[1]}")
    assert len(names[1]) <= 40
