"""Documents link only to pages and files that exist."""

import re

import pytest

from smartbudget.local.settings import ROOT

PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]
LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)]*))?\)")
NAMED = re.compile(r"`((?:[\w.-]+/)+[\w-]+\.(?:py|md|txt|toml|yaml|html|css|js|sh))`")


def anchors(page):
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in headings}


def leads_nowhere(page, target, anchor):
    path = page.parent / target if target else page
    return not path.exists() or bool(anchor and anchor not in anchors(path))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_resolves(page):
    links = LINK.findall(page.read_text())

    assert [link for link in links if leads_nowhere(page, *link)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_named_file_exists(page):
    places = (ROOT, ROOT / "docs", ROOT / "tests")
    named = set(NAMED.findall(page.read_text()))

    assert {n for n in named if not any((p / n).exists() for p in places)} == set()
