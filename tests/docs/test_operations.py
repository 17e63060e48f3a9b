"""The operations guide speaks of what is there."""

import re

import pytest

from benchmarks import costs
from smartbudget.local.settings import ROOT

GUIDE = (ROOT / "docs/operations.md").read_text()
TEMPLATES = {path.stem: path.read_text() for path in ROOT.glob("infra/*.yaml")}


def alarms():
    """The names of all alarms, without their stage; of a loop the name is <name>."""
    name = re.compile(r'AlarmName:[^"]*"\$\{ResourcePrefix\}(smart-budget-[^"]+)"')
    found = name.findall(TEMPLATES["observability"])
    return {each.replace("${Name}", "<name>") for each in found}


def test_every_alarm_has_advice_and_no_other():
    headings = re.findall(r"^### (smart-budget-\S+)$", GUIDE, re.MULTILINE)

    assert len(headings) == len(set(headings))
    assert set(headings) == alarms()


def test_the_table_of_costs_is_that_of_today():
    assert costs.table() in GUIDE


# Words in capitals that stand alone: parameters of the templates and environment's.
PARAMETER = re.compile(r"`([A-Z][a-z]+(?:[A-Z][a-z]+)+)`")


@pytest.mark.parametrize("name", sorted(set(PARAMETER.findall(GUIDE))))
def test_what_is_called_a_parameter_is_one(name):
    # The last are outputs, and words of AWS's own.
    others = {"CodeBucket", "EndpointUrl", "ConcurrentExecutions", "MaximumConcurrency"}
    others |= {"WarmThroughput", "Ready"}
    known = re.compile(rf"^  {name}:$", re.MULTILINE)

    assert name in others or any(known.search(text) for text in TEMPLATES.values())


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(([^)]+)\)", GUIDE))))
def test_links_lead_somewhere(target):
    path, _, fragment = target.partition("#")
    page = ROOT / "docs" / path if path else ROOT / "docs/operations.md"
    text = page.read_text()

    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    anchors = {
        re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings
    }
    assert not fragment or fragment in anchors
