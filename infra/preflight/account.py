"""Check credentials, quotas and settings of the account and region."""

import fnmatch
from collections.abc import Iterator
from typing import Any

from infra.preflight.findings import Finding, ok, stop, warning
from infra.preflight.plan import Plan

SERVICE_LINKED_ROLES = {  # (docs/aws.md#service-linked-roles)
    "AWSServiceRoleForAutoScaling": "autoscaling.amazonaws.com",
    "AWSServiceRoleForElasticLoadBalancing": "elasticloadbalancing.amazonaws.com",
    "AWSServiceRoleForElasticBeanstalk": "elasticbeanstalk.amazonaws.com",
    "AWSServiceRoleForElasticBeanstalkManagedUpdates": (
        "managedupdates.elasticbeanstalk.amazonaws.com"
    ),
}
ROLES = 16  # more than one stage has
CONCURRENCY = 100  # Lambdas at once; fewer would throttle users' reports
OTHERS = 50  # for reports, sweeps, mail events and the canary
UNRESERVED = 100  # of the quota (docs/aws.md#reserved-concurrency)


def check_identity(plan: Plan) -> Iterator[Finding]:
    """Name the account and region, and warn of the root user."""
    arn = plan.identity["Arn"]
    yield ok(f"account {plan.identity['Account']}, region {plan.region}, as {arn}")
    if arn.endswith(":root"):
        yield warning("these are credentials of the root user; use a role instead")
    for name in ("CertificateArn", "PlatformArn", "KmsKeyArn"):
        parts = plan.get(name).split(":")
        if len(parts) > 5 and parts[3] != plan.region:
            yield stop(f"{name} is of {parts[3]}, not of {plan.region}")
        if len(parts) > 5 and parts[4] not in {"", plan.identity["Account"]}:
            yield stop(f"{name} is of another account, {parts[4]}")


def check_account(plan: Plan) -> Iterator[Finding]:
    """Check the root user and the number of roles."""
    summary = plan.client("iam").get_account_summary()["SummaryMap"]
    if summary.get("AccountAccessKeysPresent"):
        yield warning("the root user has access keys; delete them")
    if not summary.get("AccountMFAEnabled"):
        yield warning("the root user has no MFA")
    left = summary["RolesQuota"] - summary["Roles"]
    if left < ROLES and plan.stack("roles") is None:
        yield stop(
            f"only {left} more roles fit into the account",
            "aws service-quotas request-service-quota-increase --service-code iam"
            " --quota-code L-FE177D64 --desired-value 2000 --region us-east-1",
        )
    else:
        yield ok(f"{left} more roles fit into the account")


def check_service_linked_roles(plan: Plan) -> Iterator[Finding]:
    """Check that the roles exist that the pipeline may not create."""
    iam = plan.client("iam")
    missing = []
    for name, service in SERVICE_LINKED_ROLES.items():
        try:
            iam.get_role(RoleName=name)
        except iam.exceptions.NoSuchEntityException:
            missing.append(name)
            yield stop(
                f"the service-linked role {name} is missing",
                f"aws iam create-service-linked-role --aws-service-name {service}",
            )
    if not missing:
        yield ok("the service-linked roles exist")


def check_concurrency(plan: Plan) -> Iterator[Finding]:
    """Check how many Lambdas may run at once; new accounts have only ten."""
    limit = plan.client("lambda").get_account_settings()["AccountLimit"]
    number = limit["ConcurrentExecutions"]
    busy = int(plan.get("NotificationConcurrency")) + len(
        plan.get("DailyCheckSegments").split(",")
    )
    needed = max(CONCURRENCY, busy + OTHERS)
    reserved = int(plan.get("ReportConcurrency"))
    if reserved and number < reserved + UNRESERVED:
        yield stop(
            f"only {number} Lambdas run at once, and {UNRESERVED} can't be reserved:"
            f" {reserved} for reports are refused",
            '"ReportConcurrency": "0"',
        )
    if number < needed:
        yield warning(
            f"only {number} Lambdas run at once; below {needed}, e-mails and reports"
            " may be throttled",
            "aws service-quotas request-service-quota-increase --service-code lambda"
            f" --quota-code L-B99A9384 --desired-value {max(1000, 2 * needed)}",
        )
    else:
        yield ok(f"{number} Lambdas can run at once")


def check_servers(plan: Plan) -> Iterator[Finding]:
    """Check the quota of virtual processors, which is small in new accounts."""
    kind = plan.get("InstanceType")
    if kind[0] not in "acdhimrtz":
        yield warning(f"the quota for {kind} was not checked")
        return
    (described,) = plan.client("ec2").describe_instance_types(InstanceTypes=[kind])[
        "InstanceTypes"
    ]
    processors = described["VCpuInfo"]["DefaultVCpus"]
    quota = _quota(plan.client("service-quotas"), "ec2", "L-1216C47A")
    # A deployment adds a server; a change of settings starts as many as there are.
    least = (int(plan.get("MinInstances")) + 1) * processors
    most = 2 * int(plan.get("MaxInstances")) * processors
    command = (
        "aws service-quotas request-service-quota-increase --service-code ec2"
        f" --quota-code L-1216C47A --desired-value {max(most, 32)}"
    )
    text = f"{quota:.0f} virtual processors for servers"
    if quota < least:
        yield stop(f"{text}; a deployment needs {least}", command)
    elif quota < most:
        yield warning(f"{text}; with MaxInstances, a deployment needs {most}", command)
    else:
        yield ok(text)


def _quota(quotas: Any, service: str, code: str) -> float:
    """Return the value of a quota, or AWS's default if it was never set."""
    request = {"ServiceCode": service, "QuotaCode": code}
    try:
        quota = quotas.get_service_quota(**request)
    except quotas.exceptions.NoSuchResourceException:
        quota = quotas.get_aws_default_service_quota(**request)
    return float(quota["Quota"]["Value"])


def check_disks(plan: Plan) -> Iterator[Finding]:
    """Check that new disks are encrypted, and that servers can use their key."""
    ec2 = plan.client("ec2")
    if not ec2.get_ebs_encryption_by_default()["EbsEncryptionByDefault"]:
        yield warning(
            "new disks are not encrypted; uploads above 2.5 MB are there for a moment",
            "aws ec2 enable-ebs-encryption-by-default",
        )
        return
    key = ec2.get_ebs_default_kms_key_id()["KmsKeyId"]
    if key.endswith("alias/aws/ebs"):
        yield ok("new disks are encrypted")
    else:
        yield warning(
            f"new disks are encrypted with {key}; without a grant for"
            " AWSServiceRoleForAutoScaling, no server starts",
            f"aws kms list-grants --key-id {key}",
        )


def check_scans(plan: Plan) -> Iterator[Finding]:
    """Check that ECR scans images when they are pushed."""
    ecr = plan.client("ecr")
    scanning = ecr.get_registry_scanning_configuration()["scanningConfiguration"]
    if scanning.get("scanType") == "ENHANCED":
        if _is_scanned(f"{plan.prefix}smart-budget-planner", scanning):
            yield ok("Inspector scans images")
        else:
            yield stop(
                "Inspector does not scan the repository, and no image is deployed"
                " without a scan",
                "aws ecr put-registry-scanning-configuration --scan-type ENHANCED"
                " --rules 'scanFrequency=SCAN_ON_PUSH,"
                "repositoryFilters=[{filter=*,filterType=WILDCARD}]'",
            )
        return
    version = ecr.get_account_setting(name="BASIC_SCAN_TYPE_VERSION")["value"]
    if version == "AWS_NATIVE":
        yield ok("ECR scans images")
    else:
        yield stop(
            f"ECR scans with {version}, which does not support Debian 13",
            "aws ecr put-account-setting --name BASIC_SCAN_TYPE_VERSION"
            " --value AWS_NATIVE",
        )


def _is_scanned(repository: str, scanning: Any) -> bool:
    """Return whether a rule of the registry includes a repository."""
    return any(
        fnmatch.fnmatchcase(repository, f"*{entry['filter'].strip('*')}*")
        if "*" not in entry["filter"]
        else fnmatch.fnmatchcase(repository, entry["filter"])
        for rule in scanning.get("rules", [])
        if rule["scanFrequency"] != "MANUAL"
        for entry in rule["repositoryFilters"]
    )
