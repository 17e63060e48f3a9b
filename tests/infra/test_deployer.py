"""The pipeline's own role allows the AWS calls of the pipeline's code."""

import ast
import re

import boto3
from botocore import xform_name

from infra import iam_table
from infra.build_lambdas import ROOT

FILES = ("changesets", "deploy", "scan")
SERVICES = ("cloudformation", "ecr", "elasticbeanstalk", "lambda", "s3")
# Actions whose names differ from those of the calls.
ACTIONS = {
    "get_resources": "tag:GetResources",
    "invoke": "lambda:InvokeFunction",
    "list_objects_v2": "s3:ListBucket",
}


# By `docker push` (docs/aws.md#pushing-an-image), and by handing a role on.
INDIRECT = {
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:CompleteLayerUpload",
    "ecr:GetAuthorizationToken",
    "ecr:InitiateLayerUpload",
    "ecr:PutImage",
    "ecr:UploadLayerPart",
    "iam:PassRole",
}


def called() -> set[str]:
    """Return the actions of all calls, by boto3 and by the AWS CLI."""
    known = dict(ACTIONS)
    for service in SERVICES:
        for operation in boto3.client(service).meta.service_model.operation_names:
            known.setdefault(xform_name(operation), f"{service}:{operation}")
    names = set()
    for file in FILES:
        for node in ast.walk(ast.parse((ROOT / "infra" / f"{file}.py").read_text())):
            if isinstance(node, ast.Attribute):
                names.add(node.attr)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                names.add(node.value)  # of a paginator
    script = (ROOT / "scripts/push_image.sh").read_text()
    names |= {n.replace("-", "_") for n in re.findall(r"aws ecr (describe\S+)", script)}
    return {known[name] for name in names & known.keys()}


def test_the_deployer_may_make_exactly_the_calls_of_the_pipeline():
    allowed = {
        action
        for right in iam_table.rights("delivery")
        if right.holder == "DeployerRole" and right.effect == "Allow"
        for action in right.actions
    }
    calls = called()

    assert {"cloudformation:DescribeStackEvents", "ecr:DescribeImages"} <= calls
    assert len(calls) > 12
    assert calls | INDIRECT == allowed
