"""Check the parameters themselves, without AWS."""

import difflib
import functools
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import yaml

from infra import templates
from infra.build_lambdas import ROOT
from infra.preflight.findings import Finding, ok, stop, warning
from infra.preflight.plan import PARTS, Plan, declared, fits

# infra/deploy.py adds these, and all keys of zips.
OF_THE_DEPLOYMENT = {
    "BundleKey",
    "LambdaRuntime",
    "LoadBalancer",
    "Local",
    "Release",
    "TargetGroup",
    *(templates.read("data")["Outputs"].keys() - templates.read("data")["Parameters"]),
    *(name for name in declared() if name.endswith("CodeKey")),
}
LOOKED_UP = {"CertificateArn", "PlatformArn"}  # by other checks


def check_values(plan: Plan) -> Iterator[Finding]:
    """Compare the parameters with the templates' declarations."""
    known = declared()
    wrong = False
    for name, value in plan.parameters.items():
        for text in _errors(name, value, known):
            wrong = True
            yield stop(text)
    for name in sorted(_required() - set(plan.parameters)):
        wrong = True
        yield stop(f"{name} is missing: {known[name].get('Description', '')}".strip())
    if not wrong:
        yield ok(f"all {len(plan.parameters)} parameters fit the templates")


@functools.cache
def _required() -> frozenset[str]:
    """Return the parameters without a default that an operator has to give."""
    return frozenset(
        name
        for part in PARTS
        for name, declaration in templates.read(part)["Parameters"].items()
        if "Default" not in declaration
    ).difference(OF_THE_DEPLOYMENT, LOOKED_UP)


def _errors(name: str, value: Any, known: dict[str, Any]) -> Iterator[str]:
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1)
        hint = f"; is it {close[0]}?" if close else ""
        yield f"{name} is not a parameter of any template{hint}"
    elif name in OF_THE_DEPLOYMENT:
        yield f"{name} is set by the deployment; leave it out"
    elif not isinstance(value, str):
        yield f"{name} must be a string in quotes"
    elif not fits(value, known[name]):
        yield f"{name} does not fit: {value!r}. {known[name].get('Description', '')}"


def check_relations(plan: Plan) -> Iterator[Finding]:
    """Check parameters that depend on each other."""
    least, most = int(plan.get("MinInstances")), int(plan.get("MaxInstances"))
    if least > most:
        yield stop(f"MinInstances, {least}, is more than MaxInstances, {most}")
    visible = int(plan.get("QueueVisibilitySeconds"))
    longest = int(plan.get("NotificationTimeoutSeconds"))
    if visible < longest:
        yield stop("Lambda refuses QueueVisibilitySeconds below its own timeout")
    elif visible < 6 * longest:
        yield warning(
            "QueueVisibilitySeconds should be six times NotificationTimeoutSeconds"
        )


def check_address(plan: Plan) -> Iterator[Finding]:
    """Check AppUrl, AllowedHosts and e-mail addresses."""
    url = urlsplit(plan.get("AppUrl"))
    if url.scheme != "https" or not url.hostname or url.path or url.port:
        yield stop("AppUrl must be https:// and a host name, with nothing after it")
    elif url.hostname not in plan.get("AllowedHosts").split(","):
        yield stop(
            "AllowedHosts does not have the host of AppUrl, so all pages are refused",
            f'"AllowedHosts": "{url.hostname}"',
        )
    else:
        yield ok(f"the pages are at {plan.get('AppUrl')}")
    if not plan.get("OperatorsEmail"):
        yield warning("without OperatorsEmail, alarms send no e-mail")
    if not plan.get("SupportEmail"):
        yield warning("without SupportEmail, pages name no address for help")


def check_trust(plan: Plan) -> Iterator[Finding]:
    """Compare GitHubEnvironment with the environment of the deploying job."""
    text = (ROOT / ".github/workflows/deploy.yml").read_text()
    jobs = yaml.safe_load(text)["jobs"].values()
    names = {job["with"]["environment"] for job in jobs if "with" in job}
    given = plan.get("GitHubEnvironment")
    if given in names:
        yield ok(f"GitHub's environment {given} may deploy")
    else:
        yield stop(
            f"GitHubEnvironment is {given!r}, but the workflow Deploy runs in"
            f" {' or '.join(sorted(names))}: AWS would refuse its token"
        )
