"""Citations of docs/aws.md and docs/decisions.md in the code."""

import re
import subprocess

import pytest

from smartbudget.local.settings import ROOT

FACTS = (ROOT / "docs/aws.md").read_text()
DECISIONS = (ROOT / "docs/decisions.md").read_text()


def anchors(document, level="#+"):
    """Return the anchors of a document's headings, as GitHub creates them."""
    headings = re.findall(rf"^{level} (.+)$", document, re.MULTILINE)
    return {re.sub(r"[^a-z0-9 -]", "", h.lower()).replace(" ", "-") for h in headings}


def cited(document):
    """Return {anchor: files that cite it}."""
    result = subprocess.run(
        ["git", "grep", "-noE", document + "#[A-Za-z0-9-]+"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    places: dict[str, set[str]] = {}
    for line in result.stdout.splitlines():
        path, _, citation = line.split(":", 2)
        places.setdefault(citation.partition("#")[2], set()).add(path)
    return places


@pytest.mark.parametrize(
    ("name", "document"), [("aws.md", FACTS), ("decisions.md", DECISIONS)]
)
def test_every_citation_resolves(name, document):
    missing = {
        anchor: sorted(files)
        for anchor, files in cited(name).items()
        if anchor not in anchors(document)
    }
    assert missing == {}


def test_every_decision_is_cited_by_the_code_it_explains():
    code = {
        anchor
        for anchor, files in cited("docs/decisions.md").items()
        if any(file.endswith((".py", ".toml")) for file in files)
    }
    assert anchors(DECISIONS, "##") == code


def test_every_fact_names_its_source():
    entries = re.split(r"^### ", FACTS, flags=re.MULTILINE)[1:]
    unsourced = [
        entry.splitlines()[0] for entry in entries if not re.search(r"\*[^*]+\*", entry)
    ]
    assert unsourced == []
