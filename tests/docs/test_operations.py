"""The operations guide matches templates and alarms."""

import re
import shlex

import pytest
from django.core.management import get_commands

from benchmarks import costs, scale
from infra import restore, rotate_key, stage, templates
from infra.preflight import account
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


def test_the_preflight_looks_for_the_service_linked_roles_of_the_environment():
    (environment,) = re.findall(r"OptionSettings:.*", TEMPLATES["web"], re.S)
    options = set(re.findall(r"OptionName: (\w+)", environment))
    services = {f"{service}.amazonaws.com" for service in SERVICE_LINKED.values()}

    assert set(SERVICE_LINKED) <= options
    assert services == set(account.SERVICE_LINKED_ROLES.values())


# A step of a command for operators; `restore` and `rotate` are short for these.
STEP = re.compile(r"\b(restore|rotate) ((?:[a-z]+)(?: +--[^`#\n]+)?|status)")


@pytest.mark.parametrize("name", ["account", "backup", "firewall", "vault"])
def test_options_name_the_parameters_that_their_templates_need(name):
    declared = templates.read(name)["Parameters"]

    assert f"deploy {name}`" in GUIDE
    for parameter, declaration in declared.items():
        assert "Default" in declaration or f"`{parameter}`" in GUIDE


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


def test_the_management_commands_exist():
    assert set(re.findall(r"manage\.py (\w+)", GUIDE)) <= set(get_commands())


def test_the_cost_table_is_up_to_date():
    assert costs.table() in GUIDE
    assert costs.options_table() in GUIDE


def test_the_tables_of_limits_are_up_to_date():
    """After a change, paste what `make bench ARGS=scale` prints."""
    assert scale.table() in GUIDE
    assert scale.settings_table() in GUIDE
    assert f"{scale.without_failure() / 1e6:.2g} million users" in GUIDE


def test_each_limit_that_fails_has_a_change_to_the_code():
    failing = [limit for limit in scale.LIMITS if limit.fails(scale.SIZES[-1])]
    changes = GUIDE.split("**A hundred million users**")[1].split("\n### ")[0]

    assert len(re.findall(r"^\d\. ", changes, re.MULTILINE)) == len(failing)


# Capitalized words in code style: parameters of templates and environments.
PARAMETER = re.compile(r"`([A-Z][a-z]+(?:[A-Z][a-z]+)+)`")


def test_every_named_parameter_exists():
    # Outputs and names of AWS.
    others = {"CodeBucket", "EndpointUrl", "ConcurrentExecutions", "EmailsThrottled"}
    others |= {"CountedRequests", "MaxSendRate", "WarmThroughput", "Ready"}
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
