"""Facts about AWS that code and documents cite are in docs/aws.md."""

import re
import subprocess

from smartbudget.local.settings import ROOT

FACTS = (ROOT / "docs/aws.md").read_text()


def anchors(document):
    """Return the anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", document, re.MULTILINE)
    return {re.sub(r"[^a-z0-9 -]", "", h.lower()).replace(" ", "-") for h in headings}


def cited():
    """Return {anchor: files that cite it}."""
    found = subprocess.run(
        ["git", "grep", "-noE", r"aws\.md#[A-Za-z0-9-]+"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    places: dict[str, set[str]] = {}
    for line in found.stdout.splitlines():
        path, _, citation = line.split(":", 2)
        places.setdefault(citation.partition("#")[2], set()).add(path)
    return places


def test_every_cited_fact_is_there():
    missing = {
        anchor: sorted(files)
        for anchor, files in cited().items()
        if anchor not in anchors(FACTS)
    }
    assert missing == {}


def test_every_fact_names_its_source():
    entries = re.split(r"^### ", FACTS, flags=re.MULTILINE)[1:]
    unsourced = [
        entry.splitlines()[0] for entry in entries if not re.search(r"\*[^*]+\*", entry)
    ]
    assert unsourced == []
