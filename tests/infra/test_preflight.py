"""The preflight, against moto and, where moto lacks a call, botocore's Stubber."""

import ast
import datetime
import json
import re
import socket
import sys

import boto3
import pytest
from botocore import xform_name
from botocore.exceptions import ClientError, NoCredentialsError
from botocore.stub import Stubber

from infra import templates
from infra.build_lambdas import ROOT
from infra.preflight import __main__ as preflight
from infra.preflight import account, keys, mail, names, network, stacks, values, web
from infra.preflight.findings import Level
from infra.preflight.plan import PARTS, READ_ONLY, Plan
from tests import quick_moto

REGION = quick_moto.REGION
ACCOUNT = quick_moto.ACCOUNT_ID
CERTIFICATE = f"arn:aws:acm:{REGION}:{ACCOUNT}:certificate/1"
PLATFORM = f"arn:aws:elasticbeanstalk:{REGION}::platform/{web.BRANCH}"
PARAMETERS = {
    "ResourcePrefix": "",
    "ReceiptsBucketName": "example-receipts",
    "CodeBucket": "example-code",
    "AppUrl": "https://budget.example.com",
    "AllowedHosts": "budget.example.com",
    "CertificateArn": CERTIFICATE,
    "PlatformArn": f"{PLATFORM}/4.6.1",
    "OperatorsEmail": "ops@example.com",
    "SupportEmail": "help@example.com",
    "GitHubRepository": "owner/name",
    "GitHubOwnerId": "123456",
    "GitHubRepositoryId": "456789",
    "GitHubEnvironment": "production",
}
LARGE = {"NotificationConcurrency": "200", "DailyCheckSegments": "0,1,2,3"}


class Prepared(Plan):
    """A stage whose stacks are given, and whose clients can be stubbed."""

    def __init__(self, changes, existing):
        super().__init__(PARAMETERS | changes, boto3.Session(region_name=REGION))
        self.existing = existing
        self.resources: set[str] = set()
        self.stubbers: dict[str, Stubber] = {}

    def stack(self, part):
        return self.existing.get(part)

    def has(self, part, physical_id):
        return physical_id in self.resources

    def answer(self, service, operation, response=None, error=None):
        """Answer the next call of an operation with a response or an error code."""
        if service not in self.stubbers:
            self.stubbers[service] = Stubber(self.client(service))
            self.stubbers[service].activate()
        stubber = self.stubbers[service]
        if error:
            stubber.add_client_error(operation, error)
        else:
            stubber.add_response(operation, response or {})


def plan(existing=None, **changes):
    return Prepared(changes, existing or {})


DEPLOYED = {"StackStatus": "CREATE_COMPLETE", "EnableTerminationProtection": True}


def results(check, on):
    """Return the findings of a check as {level: joined texts and commands}."""
    texts: dict[str, str] = {}
    for finding in preflight.findings(check, on):
        line = f"{finding.text}\n{finding.command}\n"
        texts[finding.level] = texts.get(finding.level, "") + line
    return texts


def is_fine(check, on):
    return set(results(check, on)) <= {Level.OK}


@pytest.fixture
def account_in_moto(aws):
    """Empty the services that the preflight asks."""
    for service in ("cloudformation", "ec2", "ecr", "elasticbeanstalk", "iam", "kms"):
        quick_moto.backend(service).reset()
    for service in ("lambda", "logs", "s3", "secretsmanager", "sns", "sqs"):
        quick_moto.backend(service).reset()
    yield
    quick_moto.asked |= {"s3", "sns", "sqs", "email"}  # filled again for other tests


# -- only reading


@pytest.mark.parametrize(
    ("service", "call", "request_"),
    [
        ("s3", "delete_bucket", {"Bucket": "example-code"}),
        ("iam", "create_role", {"RoleName": "a", "AssumeRolePolicyDocument": "{}"}),
        ("cloudformation", "execute_change_set", {"ChangeSetName": "a"}),
    ],
)
def test_a_call_that_changes_anything_is_refused(service, call, request_):
    with pytest.raises(PermissionError, match="must not call"):
        getattr(plan().client(service), call)(**request_)


def test_the_source_has_no_call_that_changes_anything():
    files = (ROOT / "infra/preflight").glob("*.py")
    source = "".join(path.read_text() for path in files)
    services = set(re.findall(r'client\("([\w-]+)"\)', source))
    calls = {
        xform_name(operation)
        for service in services
        for operation in boto3.client(service).meta.service_model.operation_names
    }
    used = calls & {
        node.attr
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute)
    }

    assert len(services) > 12
    assert len(used) > 25
    assert all(call.startswith(tuple(map(str.lower, READ_ONLY))) for call in used)


# -- what is denied


def denied(operation, code="AccessDenied"):
    error = {"Error": {"Code": code, "Message": "You may not."}}
    return ClientError(error, operation)


def test_a_denied_check_is_neither_fine_nor_hides_what_was_found():
    def check(_):
        yield from values.check_trust(plan())
        raise denied("DescribeVpcs", "UnauthorizedOperation")

    (fine, not_checked) = preflight.findings(check, plan())

    assert fine.level == Level.OK
    assert not_checked.level == Level.UNKNOWN
    assert "DescribeVpcs failed with UnauthorizedOperation" in not_checked.text


@pytest.mark.parametrize("level", Level)
def test_the_exit_code_depends_on_the_level_of_findings(level, monkeypatch, capsys):
    finding = values.Finding(level, "a reason", "aws fix it")
    monkeypatch.setattr(preflight, "CHECKS", {"disks": lambda _: iter([finding])})

    code = preflight.report(plan())

    assert code == (level in {Level.STOP, Level.UNKNOWN})
    output = capsys.readouterr().out
    assert f"{level:8}disks: a reason\n          aws fix it\n" in output


def test_without_credentials_nothing_else_is_checked(monkeypatch, capsys):
    on = plan()
    monkeypatch.setattr(on, "client", failing(NoCredentialsError()))

    assert preflight.report(on) == 1
    assert capsys.readouterr().out.splitlines() == [
        "UNKNOWN credentials: not checked: Unable to locate credentials"
    ]


def failing(error):
    def fail(*_, **__):
        raise error

    return fail


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"AppUrl": "https://a"}'])
def test_a_file_of_another_form_is_refused(text, tmp_path, monkeypatch):
    path = tmp_path / "stage.json"
    path.write_text(text)
    monkeypatch.setattr(sys, "argv", ["preflight", str(path)])

    with pytest.raises(SystemExit, match='"Parameters"'):
        preflight.main()


def test_the_region_is_the_one_of_the_aws_cli(tmp_path, monkeypatch):
    """boto3 itself reads only AWS_DEFAULT_REGION."""
    path = tmp_path / "stage.json"
    path.write_text(json.dumps({"Parameters": PARAMETERS}))
    monkeypatch.setattr(sys, "argv", ["preflight", str(path)])
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    regions = []
    monkeypatch.setattr(preflight, "report", lambda plan: regions.append(plan.region))

    with pytest.raises(SystemExit):
        preflight.main()

    assert regions == ["eu-central-1"]


def test_without_a_region_nothing_is_checked(tmp_path, monkeypatch):
    path = tmp_path / "stage.json"
    path.write_text(json.dumps({"Parameters": PARAMETERS}))
    monkeypatch.setattr(sys, "argv", ["preflight", str(path)])
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.delenv("AWS_DEFAULT_REGION")

    with pytest.raises(SystemExit, match="export AWS_REGION"):
        preflight.main()


# -- parameters


def test_the_parameters_of_a_whole_stage_fit():
    assert is_fine(values.check_values, plan(**LARGE))


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"AppURL": "https://a"}, "AppURL is not a parameter.*is it AppUrl?"),
        ({"MinInstances": 2}, "MinInstances must be a string"),
        ({"MinInstances": "0"}, "MinInstances does not fit"),
        ({"MinInstances": "two"}, "MinInstances does not fit"),
        ({"RecoveryDays": "36"}, "RecoveryDays does not fit"),
        ({"CodeBucket": "No.Dots"}, "CodeBucket does not fit"),
        ({"DailyCheckSegments": "0,1,"}, "DailyCheckSegments does not fit"),
        ({"DailyCheckSegments": "a"}, "DailyCheckSegments does not fit"),
        ({"EmailTransport": "smtp"}, "EmailTransport does not fit"),
        ({"ResourcePrefix": "test"}, "ResourcePrefix does not fit"),
        ({"Release": "1"}, "Release is set by the deployment"),
        ({"LoadBalancer": "app/a/1"}, "LoadBalancer is set by the deployment"),
    ],
)
def test_a_parameter_that_cloudformation_would_refuse_stops(changes, text):
    stopped = results(values.check_values, plan(**changes))[Level.STOP]

    assert re.search(text, stopped)


@pytest.mark.parametrize(
    "name", ["CodeBucket", "GitHubRepositoryId", "AllowedHosts", "GitHubOwnerId"]
)
def test_a_missing_parameter_stops(name):
    on = plan()
    del on.parameters[name]

    assert f"{name} is missing" in results(values.check_values, on)[Level.STOP]


def test_every_required_parameter_is_checked_or_given_by_the_deployment():
    required = {
        name
        for name, declaration in values.declared().items()
        if "Default" not in declaration
    }
    on = plan()
    on.parameters = {}

    stopped = results(values.check_values, on)[Level.STOP]

    for name in required - values.OF_THE_DEPLOYMENT - values.LOOKED_UP:
        if any(name in templates.read(part)["Parameters"] for part in values.PARTS):
            assert f"{name} is missing" in stopped


@pytest.mark.parametrize(
    "changes",
    [
        {"AppUrl": "http://budget.example.com"},
        {"AppUrl": "https://budget.example.com/"},
        {"AppUrl": "https://budget.example.com:8443"},
        {"AppUrl": ""},
        {"AllowedHosts": "example.com"},
    ],
)
def test_an_address_that_pages_would_refuse_stops(changes):
    assert Level.STOP in results(values.check_address, plan(**changes))


def test_missing_email_addresses_are_warnings():
    warned = results(values.check_address, plan(OperatorsEmail="", SupportEmail=""))

    assert "OperatorsEmail" in warned[Level.WARNING]
    assert "SupportEmail" in warned[Level.WARNING]
    assert Level.STOP not in warned


def test_the_role_must_trust_the_environment_of_the_workflow():
    assert is_fine(values.check_trust, plan())
    assert Level.STOP in results(values.check_trust, plan(GitHubEnvironment=""))


@pytest.mark.parametrize(
    ("changes", "level"),
    [
        ({"MinInstances": "4", "MaxInstances": "4"}, None),
        ({"MinInstances": "5", "MaxInstances": "4"}, Level.STOP),
        ({"NotificationTimeoutSeconds": "60"}, None),
        ({"NotificationTimeoutSeconds": "61"}, Level.WARNING),
        ({"NotificationTimeoutSeconds": "361"}, Level.STOP),
    ],
)
def test_parameters_that_depend_on_each_other_must_agree(changes, level):
    assert list(results(values.check_relations, plan(**changes))) == [level] * bool(
        level
    )


# -- account


def test_credentials_and_region_are_named(account_in_moto):
    fine = results(account.check_identity, plan())

    assert f"account {ACCOUNT}, region {REGION}" in fine[Level.OK]


@pytest.mark.parametrize(
    "arn",
    [
        CERTIFICATE.replace(REGION, "eu-south-2"),
        CERTIFICATE.replace(ACCOUNT, "999999999999"),
    ],
    ids=["region", "account"],
)
def test_an_arn_of_elsewhere_stops(account_in_moto, arn):
    stopped = results(account.check_identity, plan(CertificateArn=arn))

    assert "CertificateArn is of" in stopped[Level.STOP]


def summary(on, **changes):
    values = {"AccountMFAEnabled": 1, "Roles": 9, "RolesQuota": 1000, **changes}
    on.answer("iam", "get_account_summary", {"SummaryMap": values})
    return results(account.check_account, on)


def test_root_keys_and_missing_mfa_are_warnings():
    assert set(summary(plan())) == {Level.OK}
    assert "access keys" in summary(plan(), AccountAccessKeysPresent=1)[Level.WARNING]
    assert "no MFA" in summary(plan(), AccountMFAEnabled=0)[Level.WARNING]


def test_the_roles_of_a_new_stage_must_fit():
    assert Level.STOP in summary(plan(), Roles=985)
    assert Level.STOP not in summary(plan(), Roles=984)
    assert Level.STOP not in summary(plan({"roles": DEPLOYED}), Roles=985)


def test_roles_of_a_stage_are_not_more_than_the_check_expects():
    kinds = [
        resource["Type"]
        for part in ("roles", "delivery")
        for _, resource in templates.resources(templates.read(part))
    ]

    assert kinds.count("AWS::IAM::Role") <= account.ROLES


def test_missing_service_linked_roles_stop_with_the_command(account_in_moto):
    roles = list(account.SERVICE_LINKED_ROLES)
    for role in roles[:2]:
        create_role(role)

    stopped = results(account.check_service_linked_roles, plan())[Level.STOP]

    assert "AWSServiceRoleForElasticLoadBalancing" not in stopped
    for service in ("elasticbeanstalk", "managedupdates.elasticbeanstalk"):
        command = "aws iam create-service-linked-role --aws-service-name"
        assert f"{command} {service}.amazonaws.com\n" in stopped
    for role in roles[2:]:
        create_role(role)
    assert is_fine(account.check_service_linked_roles, plan())


def create_role(name):
    boto3.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument="{}")


@pytest.mark.parametrize(
    ("number", "changes", "level"),
    [
        (99, {}, Level.WARNING),
        (100, {}, Level.OK),
        (253, LARGE, Level.WARNING),
        (254, LARGE, Level.OK),
    ],
)
def test_too_few_concurrent_lambdas_are_a_warning(number, changes, level):
    on = plan(**changes)
    limit = {"AccountLimit": {"ConcurrentExecutions": number}}
    on.answer("lambda", "get_account_settings", limit)

    assert set(results(account.check_concurrency, on)) == {level}


@pytest.mark.parametrize(
    ("number", "reserved", "stops"),
    [(10, "0", False), (10, "10", True), (109, "10", True), (110, "10", False)],
)
def test_concurrency_that_cannot_be_reserved_stops(number, reserved, stops):
    on = plan(ReportConcurrency=reserved)
    limit = {"AccountLimit": {"ConcurrentExecutions": number}}
    on.answer("lambda", "get_account_settings", limit)

    assert ("STOP" in results(account.check_concurrency, on)) == stops


@pytest.mark.parametrize(
    ("quota", "level"),
    [(5, Level.STOP), (6, Level.WARNING), (15, Level.WARNING), (16, Level.OK)],
)
def test_the_quota_of_processors_must_fit_a_deployment(quota, level):
    on = plan()
    processors = {"InstanceTypes": [{"VCpuInfo": {"DefaultVCpus": 2}}]}
    on.answer("ec2", "describe_instance_types", processors)
    on.answer("service-quotas", "get_service_quota", {"Quota": {"Value": quota}})

    assert set(results(account.check_servers, on)) == {level}


def test_new_disks_without_encryption_are_a_warning(account_in_moto):
    ec2 = boto3.client("ec2", region_name=REGION)
    warned = results(account.check_disks, plan())[Level.WARNING]
    ec2.enable_ebs_encryption_by_default()
    on = plan()

    assert "aws ec2 enable-ebs-encryption-by-default" in warned
    assert ec2.get_ebs_encryption_by_default()["EbsEncryptionByDefault"]
    on.client("ec2").get_ebs_default_kms_key_id = lambda: {"KmsKeyId": "alias/aws/ebs"}
    assert is_fine(account.check_disks, on)
    on.client("ec2").get_ebs_default_kms_key_id = lambda: {"KmsKeyId": "arn:aws:key/1"}
    assert "AWSServiceRoleForAutoScaling" in results(account.check_disks, on)["warning"]


def scanning(kind, *rules):
    frequency, filters = "SCAN_ON_PUSH", {"filterType": "WILDCARD"}
    return {
        "scanningConfiguration": {
            "scanType": kind,
            "rules": [
                {
                    "scanFrequency": frequency,
                    "repositoryFilters": [filters | {"filter": rule}],
                }
                for rule in rules
            ],
        }
    }


@pytest.mark.parametrize(
    ("version", "level"), [("AWS_NATIVE", Level.OK), ("CLAIR", Level.STOP)]
)
def test_basic_scans_must_know_the_images_system(version, level):
    on = plan()
    on.answer("ecr", "get_registry_scanning_configuration", scanning("BASIC"))
    on.answer("ecr", "get_account_setting", {"value": version})

    assert set(results(account.check_scans, on)) == {level}


@pytest.mark.parametrize(
    ("rules", "level"),
    [
        (["*"], Level.OK),
        (["smart-*"], Level.OK),
        (["budget"], Level.OK),
        ([], Level.STOP),
        (["other-*"], Level.STOP),
    ],
)
def test_inspector_must_scan_the_repository(rules, level):
    on = plan()
    on.answer(
        "ecr", "get_registry_scanning_configuration", scanning("ENHANCED", *rules)
    )

    assert set(results(account.check_scans, on)) == {level}


# -- names


def test_free_names_are_fine(account_in_moto):
    assert is_fine(names.check_buckets, plan())
    assert is_fine(names.check_names, plan(ResourcePrefix="test-"))


def make_bucket(name):
    boto3.client("s3", region_name=REGION).create_bucket(Bucket=name)


def test_a_bucket_outside_of_the_stacks_stops(account_in_moto):
    make_bucket("example-receipts")
    on = plan({"data": DEPLOYED})

    assert "outside of the stage's" in results(names.check_buckets, on)[Level.STOP]
    on.resources.add("example-receipts")
    assert is_fine(names.check_buckets, on)


def test_another_bucket_than_the_deployed_one_stops(account_in_moto):
    stopped = results(names.check_buckets, plan({"data": DEPLOYED}))[Level.STOP]

    assert "would replace by an empty one" in stopped


def test_a_bucket_of_another_account_stops():
    on = plan()
    client = on.client("s3")
    client.head_bucket = failing(
        ClientError({"ResponseMetadata": {"HTTPStatusCode": 403}}, "HeadBucket")
    )

    assert "belongs to another account" in results(names.check_buckets, on)[Level.STOP]


def test_two_buckets_need_two_names(account_in_moto):
    stopped = results(names.check_buckets, plan(CodeBucket="example-receipts"))

    assert "same name" in stopped[Level.STOP]


def test_names_that_are_taken_before_the_stacks_exist_stop(account_in_moto):
    prefix = {"ResourcePrefix": "test-"}
    create_role("test-smart-budget-web")
    logs = boto3.client("logs", region_name=REGION)
    logs.create_log_group(logGroupName="/aws/lambda/test-budget_alert")
    boto3.client("sqs", region_name=REGION).create_queue(
        QueueName="test-failed-events-queue"
    )
    boto3.client("ecr", region_name=REGION).create_repository(
        repositoryName="test-smart-budget-planner"
    )
    boto3.client("sns", region_name=REGION).create_topic(Name="test-operators-topic")
    secrets = boto3.client("secretsmanager", region_name=REGION)
    secrets.create_secret(Name="test-smart-budget-secret-key", SecretString="a")
    secrets.delete_secret(SecretId="test-smart-budget-secret-key")  # in 30 days

    stopped = results(names.check_names, plan(**prefix))[Level.STOP]

    for name in (
        "Role test-smart-budget-web",
        "LogGroup /aws/lambda/test-budget_alert",
        "Queue test-failed-events-queue",
        "Repository test-smart-budget-planner",
        "Secret test-smart-budget-secret-key",
        "Topic test-operators-topic",
    ):
        assert f"{name} exists already" in stopped
    assert stopped.count("exists already") == 6
    deployed = dict.fromkeys(PARTS, DEPLOYED)
    assert is_fine(names.check_names, plan(deployed, **prefix))


# -- network


def test_the_default_network_is_fine(account_in_moto):
    ec2 = boto3.client("ec2", region_name=REGION)
    (vpc,) = ec2.describe_vpcs()["Vpcs"]
    connect(ec2, vpc["VpcId"])

    texts = results(network.check_network, plan())

    assert texts[Level.OK].startswith("the default VPC: 6 subnets")
    assert "us-east-1e does not offer t3.small" in texts.pop(Level.WARNING)  # true
    assert set(texts) == {Level.OK}


def connect(ec2, vpc):
    """Give a VPC a route to the internet."""
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    filters = [{"Name": "vpc-id", "Values": [vpc]}]
    (table,) = ec2.describe_route_tables(Filters=filters)["RouteTables"]
    ec2.create_route(
        RouteTableId=table["RouteTableId"],
        DestinationCidrBlock="0.0.0.0/0",
        GatewayId=gateway,
    )


def test_a_region_without_a_default_network_stops(account_in_moto):
    on = plan()
    on.client("ec2").describe_vpcs = lambda **_: {"Vpcs": []}

    assert "create-default-vpc" in results(network.check_network, on)[Level.STOP]


@pytest.fixture
def subnets(account_in_moto):
    """Return a function that creates a VPC with subnets and returns parameters."""
    ec2 = boto3.client("ec2", region_name=REGION)

    def create(*zones, connected=True, public=True):
        vpc = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
        if connected:
            connect(ec2, vpc)
        identities = []
        for number, zone in enumerate(zones):
            subnet = ec2.create_subnet(
                VpcId=vpc,
                CidrBlock=f"10.1.{number}.0/24",
                AvailabilityZone=REGION + zone,
            )["Subnet"]["SubnetId"]
            ec2.modify_subnet_attribute(
                SubnetId=subnet, MapPublicIpOnLaunch={"Value": public}
            )
            identities.append(subnet)
        joined = ",".join(identities)
        return {"VpcId": vpc, "InstanceSubnets": joined, "LoadBalancerSubnets": joined}

    return create


def test_given_subnets_in_two_zones_are_fine(subnets):
    assert is_fine(network.check_network, plan(**subnets("a", "b")))


@pytest.mark.parametrize(
    ("zones", "options", "text"),
    [
        ("aa", {}, "two zones"),
        ("ab", {"connected": False}, "no route to the internet"),
        ("ab", {"public": False}, "no public address"),
    ],
)
def test_subnets_in_which_nothing_would_start_stop(subnets, zones, options, text):
    given = subnets(*zones, **options)

    assert text in results(network.check_network, plan(**given))[Level.STOP]


def test_parts_of_a_network_stop(subnets):
    given = subnets("a", "b")
    other = subnets("a", "b")

    for changes, text in (
        ({"VpcId": ""}, "together"),
        ({"VpcId": other["VpcId"]}, "not all in"),
        ({"InstanceSubnets": given["InstanceSubnets"] + ",subnet-1"}, "does not exist"),
    ):
        stopped = results(network.check_network, plan(**{**given, **changes}))
        assert text in stopped[Level.STOP]


def test_a_zone_without_the_type_of_servers_is_a_warning(subnets):
    on = plan(**subnets("a", "b"))
    on.client("ec2").describe_instance_type_offerings = lambda **_: {
        "InstanceTypeOfferings": [{"Location": f"{REGION}a"}]
    }

    assert (
        f"{REGION}b does not offer t3.small"
        in results(network.check_network, on)[Level.WARNING]
    )


# -- certificate, platform, DNS


def certificate(status="ISSUED", *names, **others):
    names = names or ("budget.example.com",)
    detail = {
        "CertificateArn": CERTIFICATE,
        "DomainName": names[0],
        "SubjectAlternativeNames": list(names),
        "Status": status,
    }
    return {"Certificate": detail | others}


@pytest.mark.parametrize(
    ("names", "level"),
    [
        (["budget.example.com"], Level.OK),
        (["example.com", "*.example.com"], Level.OK),
        (["example.com"], Level.STOP),
        (["*.budget.example.com"], Level.STOP),
        (["*.com"], Level.STOP),
    ],
)
def test_the_certificate_must_have_the_host(names, level):
    on = plan()
    on.answer("acm", "describe_certificate", certificate("ISSUED", *names))

    assert set(results(web.check_certificate, on)) == {level}


def test_a_certificate_that_waits_names_its_dns_records():
    on = plan()
    record = {"Name": "_1.budget.example.com.", "Type": "CNAME", "Value": "_2.acm."}
    option = {"DomainName": "budget.example.com", "ResourceRecord": record}
    waiting = certificate("PENDING_VALIDATION", DomainValidationOptions=[option])
    on.answer("acm", "describe_certificate", waiting)

    stopped = results(web.check_certificate, on)[Level.STOP]

    assert "DNS: _1.budget.example.com. CNAME _2.acm." in stopped


def test_other_certificates_stop():
    for status in ("EXPIRED", "FAILED", "REVOKED"):
        on = plan()
        on.answer("acm", "describe_certificate", certificate(status))
        assert f"is {status}" in results(web.check_certificate, on)[Level.STOP]
    on = plan()
    on.answer("acm", "describe_certificate", error="ResourceNotFoundException")
    assert "does not exist" in results(web.check_certificate, on)[Level.STOP]


def test_an_imported_certificate_is_a_warning():
    on = plan()
    ends = datetime.datetime(2027, 1, 1, tzinfo=datetime.UTC)
    imported = certificate(Type="IMPORTED", NotAfter=ends)
    on.answer("acm", "describe_certificate", imported)

    assert "2027-01-01" in results(web.check_certificate, on)[Level.WARNING]


def test_a_missing_certificate_is_looked_up():
    summary = {"CertificateArn": CERTIFICATE, "DomainName": "*.example.com"}
    on = plan(CertificateArn="")
    on.answer("acm", "list_certificates", {"CertificateSummaryList": [summary]})
    assert f'"{CERTIFICATE}"' in results(web.check_certificate, on)[Level.STOP]

    on = plan(CertificateArn="")
    on.answer("acm", "list_certificates", {"CertificateSummaryList": []})
    assert (
        "request-certificate --validation-method DNS --domain-name budget.example.com"
        in results(web.check_certificate, on)[Level.STOP]
    )


def platform(existing=None, given="4.6.1", made=(2026, 1, 1), versions=()):
    on = plan(existing, PlatformArn=given and f"{PLATFORM}/{given}")
    listed = [{"PlatformArn": f"{PLATFORM}/{version}"} for version in versions]
    on.answer(
        "elasticbeanstalk", "list_platform_versions", {"PlatformSummaryList": listed}
    )
    date = datetime.datetime(*made, tzinfo=datetime.UTC)
    described = {"PlatformDescription": {"DateCreated": date}}
    on.answer("elasticbeanstalk", "describe_platform_version", described)
    return results(web.check_platform, on)


def test_the_newest_platform_is_fine():
    assert set(platform(versions=["4.6.0", "4.6.1"])) == {Level.OK}


def test_a_platform_that_is_missing_or_unknown_stops_and_names_the_newest():
    for given in ("", "4.5.0"):
        stopped = platform(given=given, versions=["4.9.0", "4.10.0"])[Level.STOP]
        assert f'"PlatformArn": "{PLATFORM}/4.10.0"' in stopped
    assert Level.STOP in platform(versions=[])


@pytest.mark.parametrize(
    ("made", "level"), [((2025, 3, 25), Level.STOP), ((2025, 3, 26), Level.WARNING)]
)
def test_a_platform_that_fetches_no_secrets_stops(made, level):
    assert level in platform(made=made, versions=["4.6.1", "4.10.0"])


def test_managed_updates_overtake_the_parameter():
    older = platform({"web": DEPLOYED}, versions=["4.6.1", "4.10.0"])

    assert set(older) == {Level.OK}


OTHER = {"EnvironmentId": "e-other"}
OWN = {"EnvironmentId": "e-own"}


@pytest.mark.parametrize(
    ("changes", "environments", "expected"),
    [
        ({}, [], {}),  # the first deployment
        (OWN, [{**OWN, "Status": "Ready"}], {Level.OK: ""}),
        ({}, [{**OWN, "Status": "Ready"}], {Level.WARNING: '"EnvironmentId": "e-own"'}),
        (OTHER, [{**OWN, "Status": "Ready"}], {Level.STOP: '"EnvironmentId": "*"'}),
        (OTHER, [{**OTHER, "Status": "Terminated"}], {Level.STOP: '"*"'}),
        (OTHER, [], {Level.STOP: '"*"'}),  # copied from another stage
    ],
)
def test_environment_id_is_of_the_stages_own_environment(
    changes, environments, expected
):
    on = plan(**changes)
    answer = {"Environments": environments}
    on.answer("elasticbeanstalk", "describe_environments", answer)

    found = results(web.check_environment, on)

    assert set(found) == set(expected)
    assert all(remedy in found[level] for level, remedy in expected.items())


def resolving(**hosts):
    """Return a getaddrinfo that knows hosts, written with _ for dots."""

    def resolve(host, *_, **__):
        address = hosts.get(host.replace(".", "_"))
        if address is None:
            raise socket.gaierror
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443))]

    return resolve


WEB = DEPLOYED | {
    "Outputs": [{"OutputKey": "EndpointUrl", "OutputValue": "lb.amazonaws.com"}]
}


@pytest.mark.parametrize(
    ("existing", "hosts", "level"),
    [
        ({}, {}, Level.OK),
        ({}, {"budget_example_com": "192.0.2.9"}, Level.STOP),
        ({"web": WEB}, {"lb_amazonaws_com": "192.0.2.1"}, Level.WARNING),
        (
            {"web": WEB},
            {"lb_amazonaws_com": "192.0.2.1", "budget_example_com": "192.0.2.9"},
            Level.WARNING,
        ),
        (
            {"web": WEB},
            {"lb_amazonaws_com": "192.0.2.1", "budget_example_com": "192.0.2.1"},
            Level.OK,
        ),
        ({"web": DEPLOYED}, {}, Level.WARNING),
    ],
)
def test_the_host_leads_to_the_load_balancer(existing, hosts, level, monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", resolving(**hosts))

    assert set(results(web.check_dns, plan(existing))) == {level}


# -- mail

MAIL = {"EmailSender": "Planner <accounts@example.com>", "EmailIdentity": "example.com"}
VERIFIED = {"VerifiedForSendingStatus": True, "DkimAttributes": {"Status": "SUCCESS"}}
PRODUCTION = {
    "ProductionAccessEnabled": True,
    "SendingEnabled": True,
    "EnforcementStatus": "HEALTHY",
    "SendQuota": {"Max24HourSend": 50_000, "MaxSendRate": 1_000},
}


def mails(identity=VERIFIED, account=PRODUCTION, **changes):
    on = plan(**{**MAIL, **changes})
    on.answer("sesv2", "get_email_identity", identity)
    on.answer("sesv2", "get_account", account)
    return results(mail.check_mail, on)


def test_a_verified_identity_with_production_access_is_fine():
    assert set(mails()) == {Level.OK}


def test_no_sender_is_a_warning():
    assert set(mails(EmailSender="", EmailIdentity="")) == {Level.WARNING}


def test_notifications_through_ses_need_a_sender():
    none = {"EmailSender": "", "EmailIdentity": ""}

    assert Level.STOP in mails(EmailTransport="ses", **none)
    assert set(mails(EmailTransport="ses")) == {Level.OK}


@pytest.mark.parametrize(
    ("sender", "identity", "level"),
    [
        ("a@example.com", "a@example.com", Level.OK),
        ("a@mail.example.com", "example.com", Level.OK),
        ("a@Example.com", "example.com", Level.OK),
        ("a@example.org", "example.com", Level.STOP),
        ("a@notexample.com", "example.com", Level.STOP),
        ("a@example.com", "", Level.STOP),
        ("", "example.com", Level.STOP),
    ],
)
def test_the_sender_must_be_in_the_identity(sender, identity, level):
    assert set(mails(EmailSender=sender, EmailIdentity=identity)) == {level}


@pytest.mark.parametrize(
    ("identity", "account", "level", "text"),
    [
        ({"VerifiedForSendingStatus": False}, {}, Level.STOP, "has not verified"),
        ({"DkimAttributes": {"Status": "PENDING"}}, {}, Level.WARNING, "DKIM"),
        ({}, {"ProductionAccessEnabled": False}, Level.WARNING, "sandbox"),
        ({}, {"SendingEnabled": False}, Level.STOP, "paused"),
        ({}, {"EnforcementStatus": "PROBATION"}, Level.WARNING, "PROBATION"),
    ],
)
def test_what_keeps_ses_from_sending_is_named(identity, account, level, text):
    assert text in mails(VERIFIED | identity, PRODUCTION | account)[level]


def test_an_unknown_identity_stops_with_the_command():
    on = plan(**MAIL)
    on.answer("sesv2", "get_email_identity", error="NotFoundException")
    on.answer("sesv2", "get_account", PRODUCTION)

    assert (
        "create-email-identity --email-identity example.com"
        in results(mail.check_mail, on)["STOP"]
    )


@pytest.mark.parametrize(
    ("rate", "changes", "warned"),
    [
        (49, {}, True),  # the default is 10, and a run sends 5 a second
        (50, {}, False),
        (14, {"NotificationConcurrency": "2"}, False),
        (1, {"NotificationConcurrency": "2"}, False),  # the least possible
    ],
)
def test_more_lambdas_than_ses_sends_for_are_a_warning(rate, changes, warned):
    quota = {"SendQuota": {"Max24HourSend": 50_000, "MaxSendRate": rate}}

    texts = mails(account=PRODUCTION | quota, **changes)

    assert (Level.WARNING in texts) == warned


# -- stacks, provider, operators, key


@pytest.mark.parametrize(
    ("status", "level", "command"),
    [
        ("UPDATE_COMPLETE", Level.OK, ""),
        ("UPDATE_ROLLBACK_COMPLETE", Level.OK, ""),
        ("REVIEW_IN_PROGRESS", Level.OK, ""),
        ("UPDATE_IN_PROGRESS", Level.WARNING, ""),
        ("ROLLBACK_COMPLETE", Level.STOP, "delete-stack"),
        ("CREATE_FAILED", Level.STOP, "delete-stack"),
        ("DELETE_FAILED", Level.STOP, "delete-stack"),
        ("UPDATE_ROLLBACK_FAILED", Level.STOP, "continue-update-rollback"),
        ("UPDATE_FAILED", Level.STOP, "rollback-stack"),
    ],
)
def test_a_stack_that_cannot_be_changed_stops(status, level, command):
    on = plan({"web": {"StackStatus": status}}, ResourcePrefix="test-")

    texts = results(stacks.check_stacks, on)

    assert set(texts) == {level}
    assert command in texts[level]
    assert "test-smart-budget-web" in texts[level]


def test_stacks_by_hand_should_be_protected():
    unprotected = {"StackStatus": "CREATE_COMPLETE"}

    assert (
        "update-termination-protection"
        in results(stacks.check_stacks, plan({"data": unprotected}))["warning"]
    )
    assert is_fine(stacks.check_stacks, plan({"data": DEPLOYED, "web": unprotected}))


@pytest.mark.parametrize("part", templates.NAMES)
def test_the_stacks_of_all_templates_are_checked(part):
    on = plan({part: {"StackStatus": "ROLLBACK_COMPLETE"}})

    assert f"smart-budget-{part} is" in results(stacks.check_stacks, on)[Level.STOP]


def test_existing_stacks_are_found_by_name(account_in_moto):
    body = json.dumps({"Resources": {"A": {"Type": "AWS::S3::Bucket"}}})
    client = boto3.client("cloudformation", region_name=REGION)
    client.create_stack(StackName="test-smart-budget-data", TemplateBody=body)
    on = Plan({"ResourcePrefix": "test-"}, boto3.Session(region_name=REGION))

    (resource,) = client.describe_stack_resources(StackName="test-smart-budget-data")[
        "StackResources"
    ]
    assert on.stack("data")["StackStatus"] == "CREATE_COMPLETE"
    assert on.has("data", resource["PhysicalResourceId"])
    assert on.stack("web") is None
    assert not on.has("web", resource["PhysicalResourceId"])


PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{stacks.GITHUB}"


def make_provider(*audiences):
    boto3.client("iam").create_open_id_connect_provider(
        Url=f"https://{stacks.GITHUB}", ClientIDList=audiences, ThumbprintList=[]
    )


def test_an_account_has_one_provider_for_github(account_in_moto):
    check = stacks.check_provider
    assert is_fine(check, plan())
    assert Level.STOP in results(check, plan(GitHubProviderArn=PROVIDER))

    make_provider("sts.amazonaws.com")

    assert f'"GitHubProviderArn": "{PROVIDER}"' in results(check, plan())[Level.STOP]
    assert is_fine(check, plan(GitHubProviderArn=PROVIDER))
    own = plan({"delivery": DEPLOYED})
    own.resources.add(PROVIDER)
    assert is_fine(check, own)


def test_the_provider_must_accept_the_audience_of_aws(account_in_moto):
    make_provider("another")

    stopped = results(stacks.check_provider, plan(GitHubProviderArn=PROVIDER))

    assert "add-client-id-to-open-id-connect-provider" in stopped[Level.STOP]


def operators(*arns):
    """Return the findings about subscriptions of OperatorsEmail."""
    on = plan({"observability": DEPLOYED})
    on.identity = {"Arn": "arn:aws:iam::1:user/a", "Account": "1"}
    listed = [{"Endpoint": "ops@example.com", "SubscriptionArn": arn} for arn in arns]
    answer = {"Subscriptions": listed}
    on.answer("sns", "list_subscriptions_by_topic", answer)
    return results(stacks.check_operators, on)


def test_operators_must_confirm_their_subscription():
    assert set(operators("arn:aws:sns:eu-west-1:1:operators-topic:1")) == {Level.OK}
    for subscriptions in ((), ("PendingConfirmation",)):  # it is deleted in two days
        text = operators(*subscriptions)[Level.WARNING]
        assert f":{REGION}:1:operators-topic --protocol email" in text
    assert not results(stacks.check_operators, plan())


@pytest.fixture
def key(account_in_moto):
    """Return a key with the policy of key.yaml, and a function to change it."""
    client = boto3.client("kms", region_name=REGION)
    arn = client.create_key()["KeyMetadata"]["Arn"]
    client.enable_key_rotation(KeyId=arn)
    policy = {
        "Statement": [
            {
                "Effect": "Allow",
                "Action": "kms:*",
                "Resource": "*",
                "Principal": {"Service": sorted(keys._services(keys._wanted(REGION)))},
            }
        ]
    }

    def put():
        client.put_key_policy(
            KeyId=arn, PolicyName="default", Policy=json.dumps(policy)
        )

    put()
    (statement,) = policy["Statement"]
    return client, arn, statement["Principal"]["Service"], put, statement


def test_a_key_with_the_policy_of_the_template_is_fine(key):
    _, arn, services, *_ = key

    assert f"logs.{REGION}.amazonaws.com" in services
    assert is_fine(keys.check_key, plan(KmsKeyArn=arn))
    assert not results(keys.check_key, plan())


def test_a_key_that_a_service_cannot_use_stops(key):
    _, arn, services, put, _ = key
    services.remove("events.amazonaws.com")
    put()

    stopped = results(keys.check_key, plan(KmsKeyArn=arn))[Level.STOP]

    assert "does not allow events.amazonaws.com" in stopped


def test_a_condition_that_a_service_does_not_fulfil_stops(key):
    """EventBridge sends no aws:SourceAccount."""
    _, arn, services, put, statement = key
    statement["Condition"] = {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
    put()

    stopped = results(keys.check_key, plan(KmsKeyArn=arn))[Level.STOP]

    assert "does not allow events.amazonaws.com," in stopped
    assert "sns.amazonaws.com" not in stopped
    assert len(services) > 3


def test_a_key_that_is_disabled_missing_or_not_rotated_is_reported(key):
    client, arn, *_ = key
    client.disable_key_rotation(KeyId=arn)
    assert "rotation" in results(keys.check_key, plan(KmsKeyArn=arn))[Level.WARNING]
    client.disable_key(KeyId=arn.rpartition("/")[2])
    assert "enable-key --key-id" in results(keys.check_key, plan(KmsKeyArn=arn))["STOP"]
    other = arn.rpartition("/")[0] + "/00000000-0000-0000-0000-000000000000"
    assert "does not exist" in results(keys.check_key, plan(KmsKeyArn=other))["STOP"]


# -- the guide

GUIDE = (ROOT / "docs/operations.md").read_text().split("## Verify on the first")[0]


def test_the_guide_runs_the_preflight_before_anything_is_deployed():
    assert GUIDE.index("python -m infra.preflight stage.json") < GUIDE.index(
        "deploy roles"
    )


def test_the_parameters_in_the_guide_are_complete_and_fit():
    """With all that CloudFormation would refuse a stack without."""
    (example,) = re.findall(
        r'^ *({"Parameters".*?}})$', GUIDE, re.DOTALL | re.MULTILINE
    )
    on = plan()
    on.parameters = json.loads(example)["Parameters"]

    for check in (values.check_values, values.check_address, values.check_trust):
        assert is_fine(check, on)
