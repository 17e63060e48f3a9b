"""Check what the web servers need: certificate, platform and DNS."""

import datetime
import socket
from collections.abc import Iterable, Iterator
from typing import Any

from infra.deploy import GONE, platform_version
from infra.preflight.findings import Finding, ok, stop, warning
from infra.preflight.plan import Plan
from infra.writers import ENVIRONMENT

BRANCH = "Docker running on 64bit Amazon Linux 2023"
# Platforms fetch secrets since then (docs/aws.md#secrets-as-variables).
FETCHES_SECRETS = datetime.datetime(2025, 3, 26, tzinfo=datetime.UTC)


def check_certificate(plan: Plan) -> Iterator[Finding]:
    """Check that the certificate is issued and has the host of AppUrl."""
    acm = plan.client("acm")
    arn = plan.get("CertificateArn")
    if not arn:
        yield _suggestion(acm, plan.host)
        return
    try:
        certificate = acm.describe_certificate(CertificateArn=arn)["Certificate"]
    except acm.exceptions.ResourceNotFoundException:
        yield stop(f"CertificateArn {arn} does not exist in {plan.region}")
        return
    names = [certificate["DomainName"], *certificate["SubjectAlternativeNames"]]
    if certificate["Status"] == "PENDING_VALIDATION":
        yield from _records(certificate)
    elif certificate["Status"] != "ISSUED":
        yield stop(f"the certificate is {certificate['Status']}", _request(plan.host))
    elif not _covers(names, plan.host):
        yield stop(
            f"the certificate is for {', '.join(sorted(set(names)))}, not for"
            f" {plan.host}",
            _request(plan.host),
        )
    else:
        yield ok(f"the certificate for {plan.host} is issued")
    if certificate.get("Type") == "IMPORTED":
        yield warning(f"AWS does not renew the certificate ({certificate['NotAfter']})")


def _request(host: str) -> str:
    return (
        "aws acm request-certificate --validation-method DNS --domain-name"
        f" {host or 'HOST'}"
    )


def _suggestion(acm: Any, host: str) -> Finding:
    """Return the finding for a missing ARN, with one that would fit if any."""
    pages = acm.get_paginator("list_certificates").paginate()
    for summary in pages.search("CertificateSummaryList"):
        names = [summary["DomainName"], *summary.get(NAMES, [])]
        if host and _covers(names, host):
            return stop(
                "CertificateArn is missing",
                f'"CertificateArn": "{summary["CertificateArn"]}"',
            )
    return stop("CertificateArn is missing", _request(host))


NAMES = "SubjectAlternativeNameSummaries"


def _records(certificate: Any) -> Iterator[Finding]:
    yield stop("the certificate waits for its DNS record")
    for option in certificate.get("DomainValidationOptions", []):
        if record := option.get("ResourceRecord"):
            yield stop(
                f"{option['DomainName']} is not validated",
                f"DNS: {record['Name']} {record['Type']} {record['Value']}",
            )


def _covers(names: Iterable[str], host: str) -> bool:
    """Return whether a name is the host's; `*` stands for one label."""
    wildcard = "*." + host.partition(".")[2]
    return not {host, wildcard}.isdisjoint(name.lower() for name in names)


def check_platform(plan: Plan) -> Iterator[Finding]:
    """Check that PlatformArn exists, fetches secrets and is the newest."""
    client = plan.client("elasticbeanstalk")
    pages = client.get_paginator("list_platform_versions").paginate(
        Filters=[
            {"Type": "PlatformBranchName", "Operator": "=", "Values": [BRANCH]},
            {"Type": "PlatformStatus", "Operator": "=", "Values": ["Ready"]},
        ]
    )
    arns = list(pages.search("PlatformSummaryList[].PlatformArn"))
    if not arns:
        yield stop(f"{plan.region} has no platform {BRANCH}")
        return
    newest = max(arns, key=platform_version)
    given = plan.get("PlatformArn")
    use = f'"PlatformArn": "{newest}"'
    if given not in arns:
        text = f"{given} does not exist" if given else "is missing"
        yield stop(f"PlatformArn {text}", use)
        return
    described = client.describe_platform_version(PlatformArn=given)
    if described["PlatformDescription"]["DateCreated"] < FETCHES_SECRETS:
        yield stop("PlatformArn is older than March 2025: it fetches no secrets", use)
    elif given == newest:
        yield ok("PlatformArn is the newest")
    elif plan.stack("web") is None:
        yield warning("PlatformArn is not the newest", use)
    else:  # managed updates raise the running one
        yield ok("PlatformArn exists")


def check_environment(plan: Plan) -> Iterator[Finding]:
    """Check that EnvironmentId is the id of the stage's own environment."""
    given = plan.get("EnvironmentId")
    described = plan.client("elasticbeanstalk").describe_environments(
        EnvironmentNames=[f"{plan.prefix}{ENVIRONMENT}"], IncludeDeleted=False
    )["Environments"]
    own = [e["EnvironmentId"] for e in described if e["Status"] not in GONE]
    if given in own:
        yield ok(f"EnvironmentId is {given}")
    elif given != "*":
        yield stop(
            f"EnvironmentId {given} is not the stage's environment, whose servers could"
            " not fetch their bundle; deploy roles with it",
            '"EnvironmentId": "*"',
        )
    elif own:
        yield warning(
            "servers can read files of other environments; deploy roles with it",
            f'"EnvironmentId": "{own[0]}"',
        )


def check_dns(plan: Plan) -> Iterator[Finding]:
    """Check where the host of AppUrl leads."""
    host = plan.host
    here = _addresses(host)
    web = plan.stack("web")
    if web is None:
        if here:
            yield stop(
                f"{host} leads to {', '.join(sorted(here))} already, so the smoke test"
                " of the first deployment would request a page there: remove the"
                " record, or set AppUrl to another name until then"
            )
        else:
            yield ok(f"{host} has no DNS record yet; it needs one after the deployment")
        return
    outputs = {o["OutputKey"]: o["OutputValue"] for o in web.get("Outputs", [])}
    endpoint = outputs.get("EndpointUrl", "")
    if not here:
        yield warning(f"{host} has no DNS record", f"DNS: {host} CNAME {endpoint}")
    elif here.isdisjoint(_addresses(endpoint)):
        yield warning(f"{host} does not lead to the load balancer, {endpoint}")
    else:
        yield ok(f"{host} leads to the load balancer")


def _addresses(host: str) -> set[str]:
    """Return the IP addresses of a host; empty if it has none."""
    if not host:
        return set()
    try:
        resolved = socket.getaddrinfo(host, 443, proto=socket.IPPROTO_TCP)
    except (socket.gaierror, UnicodeError):
        return set()
    return {str(address[4][0]) for address in resolved}
