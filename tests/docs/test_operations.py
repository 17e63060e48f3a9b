"""The operations guide matches templates and alarms."""

import re
import shlex

from benchmarks import costs
from infra import restore, rotate_key, stage, templates
from smartbudget.local.settings import ROOT

GUIDE = (ROOT / "docs/operations.md").read_text()
TEMPLATES = {path.stem: path.read_text() for path in ROOT.glob("infra/*.yaml")}


def alarms():
    """Return the names of all alarms without their stage; loops contain <name>."""
    name = re.compile(r'AlarmName:[^"]*"\$\{ResourcePrefix\}(smart-budget-[^"]+)"')
    matches = name.findall("".join(TEMPLATES.values()))
    return {re.sub(r"\$\{(\w+)\}", _in_brackets, name) for name in matches}


def _in_brackets(variable):
    return f"<{variable[1].lower()}>"


def test_exactly_the_existing_alarms_have_advice():
    headings = re.findall(r"^### (smart-budget-\S+)$", GUIDE, re.MULTILINE)

    assert len(headings) == len(set(headings))
    assert set(headings) == alarms()


# Settings for which Elastic Beanstalk needs a role that exists once per account.
SERVICE_LINKED = {
    "LoadBalancerType": "elasticloadbalancing",
    "MaxSize": "autoscaling",
    "EnvironmentType": "elasticbeanstalk",
    "ServiceRoleForManagedUpdates": "managedupdates.elasticbeanstalk",
}


def test_service_linked_roles_are_created_before_the_first_deployment():
    (roles,) = re.findall(r"for s in ([^;]+); do aws iam create-service-linked", GUIDE)
    (environment,) = re.findall(r"OptionSettings:.*", TEMPLATES["web"], re.S)
    options = set(re.findall(r"OptionName: (\w+)", environment))

    assert set(SERVICE_LINKED) <= options
    assert set(roles.split()) == set(SERVICE_LINKED.values())
    assert GUIDE.index(roles) < GUIDE.index("1. Deploy these by hand")


def test_the_commands_pass_every_required_parameter():
    """CloudFormation rejects a stack without them."""
    first = GUIDE.split("## What it costs")[0].replace("\\\n", " ")
    (function,) = re.findall(r"^ *deploy\(\) \{.*", first, re.MULTILINE)
    always = set(re.findall(r"(\w+)=\$STAGE", function))

    assert "--stack-name ${STAGE}smart-budget-$1" in function
    for name in ("key", "roles", "data", "delivery"):
        (parameters, *_) = re.findall(rf"^ *deploy {name}\b(.*)", first, re.MULTILINE)
        parameters = always | set(re.findall(r"(\w+)=", parameters))
        declared = templates.read(name)["Parameters"]
        assert parameters <= set(declared)
        assert {
            n for n, parameter in declared.items() if "Default" not in parameter
        } <= parameters


# A step of a command for operators; `restore` and `rotate` are short for these.
STEP = re.compile(r"\b(restore|rotate) ((?:[a-z]+)(?: +--[^`#\n]+)?|status)")
COMMANDS = {"restore": restore.main, "rotate": rotate_key.main}


def test_the_steps_of_operators_exist(monkeypatch):
    steps = []
    monkeypatch.setattr(stage, "run", lambda options, _: steps.append(options.step))
    sections = GUIDE.split("## Backup and restore")[1].split("## Dead letters")[0]
    code = re.findall(r"`([^`\n]+)`|^ {4,}(.+)$", sections, re.MULTILINE)

    for command, arguments in STEP.findall("\n".join(map("".join, code))):
        time = arguments.replace("$AT", "2026-11-24T10:15:00Z")
        COMMANDS[command]([*shlex.split(time), "--stage", "main"])

    assert {*restore.STEPS, *rotate_key.STEPS} == set(steps)


def test_the_cost_table_is_up_to_date():
    assert costs.table() in GUIDE


# Capitalized words in code style: parameters of templates and environments.
PARAMETER = re.compile(r"`([A-Z][a-z]+(?:[A-Z][a-z]+)+)`")


def test_every_named_parameter_exists():
    # Outputs and names of AWS.
    others = {"CodeBucket", "EndpointUrl", "ConcurrentExecutions", "EmailsThrottled"}
    others |= {"MaxSendRate", "WarmThroughput", "Ready"}
    declared = re.findall(r"^  (\w+):$", "\n".join(TEMPLATES.values()), re.MULTILINE)

    assert set(PARAMETER.findall(GUIDE)) - others - set(declared) == set()


def test_links_resolve():
    targets = set(re.findall(r"\]\(([^)]+)\)", GUIDE))

    assert {target for target in targets if not leads_somewhere(target)} == set()


def leads_somewhere(target):
    path, _, fragment = target.partition("#")
    page = ROOT / "docs" / path if path else ROOT / "docs/operations.md"
    if not page.exists():
        return False
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    anchors = {
        re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
        for heading in headings
    }
    return not fragment or fragment in anchors
