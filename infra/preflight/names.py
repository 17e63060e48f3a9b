"""Check that the names of what will be created are free."""

from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import ClientError

from infra import templates
from infra.preflight.findings import Finding, ok, stop
from infra.preflight.plan import PARTS, Plan

BUCKETS = {
    "ReceiptsBucketName": "data",
    "AccessLogsBucketName": "data",
    "CodeBucket": "delivery",
}


def check_buckets(plan: Plan) -> Iterator[Finding]:
    """Check that buckets can be created, or belong to the stage already."""
    names = [plan.get(parameter) for parameter in BUCKETS if plan.get(parameter)]
    if len(set(names)) < len(names):
        yield stop("two buckets have the same name")
    for parameter, part in BUCKETS.items():
        if name := plan.get(parameter):
            yield _bucket(plan, parameter, name, part)


def _bucket(plan: Plan, parameter: str, name: str, part: str) -> Finding:
    status = _status(plan.client("s3"), name)
    if status == 404:
        if plan.stack(part) is None or parameter == "AccessLogsBucketName":
            return ok(f"the name {name} is free")
        return stop(
            f"{part} is deployed with another bucket, which {parameter} {name} would"
            " replace by an empty one"
        )
    if plan.has(part, name):
        return ok(f"{name} is the stage's own bucket")
    if status == 200:
        return stop(
            f"{parameter} {name} exists already, outside of the stage's stacks;"
            " choose another name, or delete it",
            f"aws s3api delete-bucket --bucket {name}",
        )
    return stop(f"{parameter} {name} belongs to another account; choose another name")


def _status(s3: Any, name: str) -> int:
    try:
        return int(s3.head_bucket(Bucket=name)["ResponseMetadata"]["HTTPStatusCode"])
    except ClientError as exc:
        status = int(exc.response["ResponseMetadata"]["HTTPStatusCode"])
        if status not in {301, 400, 403, 404}:
            raise
        return status


def check_names(plan: Plan) -> Iterator[Finding]:
    """Check that nothing with a stage's names exists before its stacks do."""
    for part in PARTS:
        if plan.stack(part) is not None:
            continue
        taken = list(_taken(plan, part))
        for kind, name in taken:
            yield stop(
                f"{kind} {name} exists already, so {part} cannot be created: delete"
                " or import it, or choose another ResourcePrefix",
                COMMANDS.get(kind, "").format(name),
            )
        if not taken:
            yield ok(f"the names in {part} are free")


def _taken(plan: Plan, part: str) -> Iterator[tuple[str, str]]:
    for _, resource in templates.resources(templates.read(part)):
        if resource["Type"] in EXISTS:
            key, exists = EXISTS[resource["Type"]]
            name = resource["Properties"][key]["Sub"]
            name = name.replace("${ResourcePrefix}", plan.prefix)
            if exists(plan, name):
                yield resource["Type"], name


def _has_role(plan: Plan, name: str) -> bool:
    return _exists(plan.client("iam").get_role, "NoSuchEntity", RoleName=name)


def _has_table(plan: Plan, name: str) -> bool:
    describe = plan.client("dynamodb").describe_table
    return _exists(describe, "ResourceNotFoundException", TableName=name)


def _has_secret(plan: Plan, name: str) -> bool:
    """Return whether a name is taken, also by a secret that is being deleted."""
    describe = plan.client("secretsmanager").describe_secret
    return _exists(describe, "ResourceNotFoundException", SecretId=name)


def _has_queue(plan: Plan, name: str) -> bool:
    none = "AWS.SimpleQueueService.NonExistentQueue"
    return _exists(plan.client("sqs").get_queue_url, none, QueueName=name)


def _has_repository(plan: Plan, name: str) -> bool:
    describe = plan.client("ecr").describe_repositories
    return _exists(describe, "RepositoryNotFoundException", repositoryNames=[name])


def _has_log_group(plan: Plan, name: str) -> bool:
    groups = plan.client("logs").describe_log_groups(logGroupNamePrefix=name)
    return any(group["logGroupName"] == name for group in groups["logGroups"])


def _has_topic(plan: Plan, name: str) -> bool:
    arn = plan.arn("sns", name)
    return _exists(plan.client("sns").get_topic_attributes, "NotFound", TopicArn=arn)


def _has_function(plan: Plan, name: str) -> bool:
    call = plan.client("lambda").get_function_configuration
    return _exists(call, "ResourceNotFoundException", FunctionName=name)


def _has_application(plan: Plan, name: str) -> bool:
    describe = plan.client("elasticbeanstalk").describe_applications
    return bool(describe(ApplicationNames=[name])["Applications"])


def _exists(call: Callable[..., Any], none: str, **request: Any) -> bool:
    """Return whether a call succeeds. none: its error if there is nothing."""
    try:
        call(**request)
    except ClientError as exc:
        if exc.response["Error"]["Code"] == none:
            return False
        raise
    return True


EXISTS = {  # the property with the name, and a function that looks for it
    "AWS::DynamoDB::Table": ("TableName", _has_table),
    "AWS::ECR::Repository": ("RepositoryName", _has_repository),
    "AWS::ElasticBeanstalk::Application": ("ApplicationName", _has_application),
    "AWS::IAM::Role": ("RoleName", _has_role),
    "AWS::Lambda::Function": ("FunctionName", _has_function),
    "AWS::Logs::LogGroup": ("LogGroupName", _has_log_group),
    "AWS::SNS::Topic": ("TopicName", _has_topic),
    "AWS::SQS::Queue": ("QueueName", _has_queue),
    "AWS::SecretsManager::Secret": ("Name", _has_secret),
}
COMMANDS = {
    "AWS::Logs::LogGroup": "aws logs delete-log-group --log-group-name {}",
    "AWS::SecretsManager::Secret": (
        "aws secretsmanager delete-secret --force-delete-without-recovery"
        " --secret-id {}"
    ),
}
