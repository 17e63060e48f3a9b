"""Commands of the AWS CLI in documents have existing operations and options."""

import functools
import re
import shlex

import botocore.session
import pytest
from botocore import xform_name

from smartbudget.local.settings import ROOT

PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]
# A span, which may continue on the next line, or a line of an indented or fenced block.
CODE = re.compile(r"`([^`]+)`|^(?: {4,}|(?=\w+=|aws |for ))(.+)$", re.MULTILINE)
COMMAND = re.compile(r"(?:^|(?<=[\s(;]))aws(?: +[a-z0-9-]+){2}\b.*", re.DOTALL)
SERVICES = {"s3api": "s3"}  # that the CLI names differently
GLOBAL = {"output", "profile", "query", "region"}
PAGING = {"max-items", "page-size", "starting-token"}
# Commands that the CLI adds: {operation: (required options, others)}.
ADDED = {
    "cloudformation deploy": (
        {"stack-name", "template-file"},
        {"capabilities", "no-fail-on-empty-changeset", "parameter-overrides", "tags"},
    ),
}
# Positional arguments, which replace an option.
POSITIONAL = {"lambda invoke": 1}


def commands(text):
    """Return the commands in a document's code, each as a list of words."""
    text = re.sub(r"\\\n\s*", " ", text)
    return [
        words for code in CODE.finditer(text) for words in parse(code[1] or code[2])
    ]


def parse(code):
    """Return the commands in a line of shell, also those in substitutions."""
    found = []
    while inner := re.search(r"\$\(([^()]*)\)", code):
        found += parse(inner[1])
        code = code[: inner.start()] + "SUBSTITUTED" + code[inner.end() :]
    if match := COMMAND.search(code):
        lexer = shlex.shlex(match[0], posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        lexer.commenters = "#"
        words = list(lexer)
        end = next(
            (i for i, word in enumerate(words) if set(word) <= set("|&;<>()")), None
        )
        found.append(words[:end])
        if end:
            found += parse(shlex.join(words[end + 1 :]))
    return found


@functools.cache
def service_model(name):
    return botocore.session.get_session().get_service_model(SERVICES.get(name, name))


def operations(service):
    """Return {name in the CLI: model of the operation}."""
    model = service_model(service)
    return {xform_name(name, "-"): name for name in model.operation_names}


def flaws(words):
    """Return what the AWS CLI would refuse in a command."""
    _, service, operation, *arguments = words
    options = {word[2:].partition("=")[0] for word in arguments if word[:2] == "--"}
    known = botocore.session.get_session().get_available_services()
    if SERVICES.get(service, service) not in known:
        return [f"no service {service}"]
    if operation == "wait":
        return waiter_flaws(service, arguments)
    if f"{service} {operation}" in ADDED:
        required, others = ADDED[f"{service} {operation}"]
        return compare(options, required if arguments else set(), required | others)
    if operation not in operations(service):
        return [f"no operation {service} {operation}"]
    model = service_model(service).operation_model(operations(service)[operation])
    members = model.input_shape.members if model.input_shape else {}
    names = {xform_name(name, "-"): shape for name, shape in members.items()}
    required = model.input_shape.required_members if model.input_shape else ()
    negated = {f"no-{n}" for n, s in names.items() if s.type_name == "boolean"}
    flaws = compare(
        {word.removeprefix("no-") if word in negated else word for word in options},
        {xform_name(name, "-") for name in required} if arguments else set(),
        {*names, *PAGING},
    )
    values = arguments[-1:] if f"{service} {operation}" in POSITIONAL else ["out"]
    if not values or values[0].startswith("--"):
        flaws.append("no file for the output")
    return flaws


def compare(options, required, allowed):
    unknown = options - allowed - GLOBAL
    return [
        *(f"no option --{name}" for name in sorted(unknown)),
        *(f"--{name} is missing" for name in sorted(required - options)),
    ]


def waiter_flaws(service, arguments):
    config = botocore.session.get_session().get_waiter_model(service)
    names = {xform_name(name, "-") for name in config.waiter_names}
    return [] if arguments[0] in names else [f"no waiter {arguments[0]}"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_in_documents_exist(page):
    wrong = {
        " ".join(words): reasons
        for words in commands(page.read_text())
        if (reasons := flaws(words))
    }

    assert wrong == {}


def test_commands_are_found():
    text = """
`aws sqs purge-queue
--queue-url ...` ends it, `aws iam`, and
    for s in a b; do aws iam create-service-linked-role --aws-service-name $s.x; done
    KEY=$(aws kms describe-key --key-id $(aws kms list-aliases --output text)) | jq .
       deploy() { aws cloudformation deploy --stack-name $1 --template-file x; }
    aws s3api list-buckets \\
      --query 'Buckets[?a && b].[Name]' > out  # all
"""
    assert [" ".join(words[1:]) for words in commands(text)] == [
        "sqs purge-queue --queue-url ...",
        "iam create-service-linked-role --aws-service-name $s.x",
        "kms list-aliases --output text",
        "kms describe-key --key-id SUBSTITUTED",
        "cloudformation deploy --stack-name $1 --template-file x",
        "s3api list-buckets --query Buckets[?a && b].[Name]",
    ]


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("aws sqss purge-queue", "no service sqss"),
        ("aws sqs purge", "no operation sqs purge"),
        ("aws sqs purge-queue --url x", "no option --url"),
        ("aws sqs purge-queue --region x", "--queue-url is missing"),
        ("aws dynamodb wait table-there --table-name x", "no waiter table-there"),
        ("aws cloudformation deploy --stack-name x", "--template-file is missing"),
        ("aws lambda invoke --function-name=x", "no file for the output"),
    ],
)
def test_a_wrong_command_is_rejected(command, reason):
    (words,) = parse(command)

    assert reason in flaws(words)


def test_operations_without_options_are_mentioned():
    (words,) = parse("aws cloudformation create-stack")

    assert flaws(words) == []
