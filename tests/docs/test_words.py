"""People read plain English: no sentence has a word or phrase of the old style."""

import re

import pytest
import yaml

from smartbudget.local.catalogs import extracted
from smartbudget.local.settings import ROOT

# Whole words or phrases, as regular expressions, in any case.
BANNED = [
    r"told|tells?|telling",
    r"(is|are|was|were|being|been) (nearly |about to be )?passed",
    r"budgets? (not )?passed|you pass|to pass",
    r"made|makes?",  # create, add
    r"goes(?! over)",
    r"kinds?",  # type
    r"whom|whoever|who asks?",
    r"somebody|nobody|everybody",
    r"nothing (here|of|went|at|to do|more|else)",
    r"asked|asks",
    r"just (now|then)",
    r"meanwhile",
    r"in (the|its) (way|place)",
    r"it is there|there already|is there any",
    r"(was|were) (gone|so)|so already|already so",
    r"in hand",
    r"dearest",
    r"as in",
    r"takes? (back|no)",
    r"leads? (back|to)",
    r"way in",
    r"unlike",
    r"ticks?|ticked",
    r"good for",
    r"case does not count|in capitals",
    r"wholly|the whole of",
    r"present (password|amount)",
    r"(sign|signs|signed|signing) (in|out)",  # log in, log out
    r"looked at|look among",
    r"leaf through",
    r"no such",
    r"lapsed",
    r"so far; (it|go)|going on|go on",
    r"adds? .* up|added up",
    r"of (yours|ours)",
    r"if not given|left out",
    r"be had|had here",
    r"(is|are) not over",
    r"cannot",  # can't
    r"in words",
    r"bookings?(?! date)",  # transaction
    r"colours?|\w*(recogn|categor)is(e|es|ed|ing)",  # American spelling
]
CODE = re.compile(r"`[^`]*`|\{\w*\}|%\(\w+\)s|<[^>]*>")
PATTERN = re.compile(rf"\b({'|'.join(BANNED)})\b", re.IGNORECASE)


ALLOWED = {
    "Checked just now. Reload to check again.",
    "No notifications yet. We'll tell you when a budget gets close to its limit or"
    " goes over.",
    "Reload to see the latest version, then make your change again.",
}


def banned_in(texts):
    """Return the texts with a banned word, and the word."""
    checked = set(texts) - ALLOWED
    matches = {text: PATTERN.search(CODE.sub(" ", text)) for text in checked}
    return {text: match[0] for text, match in matches.items() if match}


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("You are told at 80%.", "told"),
        ("The budget is passed by $5.", "is passed"),
        ("Nothing of that kind.", "Nothing of"),
        ("Sign out", "Sign out"),
        ("This is {kind} and `said` as `told`.", None),
        ("The retold story outgoes none.", None),
    ],
)
def test_only_whole_words_outside_code_are_banned(text, word):
    assert banned_in([text]) == ({text: word} if word else {})


def test_no_message_has_a_banned_word():
    messages = [
        text
        for message in extracted()
        if message.id
        for text in ([message.id] if isinstance(message.id, str) else message.id)
    ]

    assert banned_in(messages) == {}


def test_no_description_of_the_api_has_a_banned_word():
    schema = yaml.load((ROOT / "docs/openapi.yaml").read_text(), yaml.CSafeLoader)

    assert banned_in(descriptions(schema)) == {}


def descriptions(node):
    """Yield every title, summary and description of a schema."""
    children = node.items() if isinstance(node, dict) else enumerate(node)
    for name, child in children:
        if isinstance(child, dict | list):
            yield from descriptions(child)
        elif name in {"title", "summary", "description"} and isinstance(child, str):
            yield " ".join(child.split())
