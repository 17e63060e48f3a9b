"""The security page lists every requirement, and only existing files and tests."""

import re

import pytest

from smartbudget.local.settings import ROOT

PAGE = (ROOT / "docs/security.md").read_text()
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in PAGE.splitlines()
    if re.match(r"\| \d+\.\d+\.\d+", line)
]

# The number of requirements of levels 1 and 2 in each section of ASVS 5.0.
SECTIONS = """
    1.1 2, 1.2 9, 1.3 11, 1.4 3, 1.5 2, 2.1 3, 2.2 3, 2.3 4, 2.4 1, 3.2 2, 3.3 4, 3.4 6,
    3.5 5, 3.7 2, 4.1 3, 4.2 1, 4.3 2, 4.4 4, 5.1 1, 5.2 3, 5.3 2, 5.4 3, 6.1 3, 6.2 12,
    6.3 4, 6.4 4, 6.5 5, 6.6 3, 6.8 4, 7.1 3, 7.2 4, 7.3 2, 7.4 5, 7.5 2, 7.6 2, 8.1 2,
    8.2 3, 8.3 1, 8.4 1, 9.1 3, 9.2 4, 10.1 2, 10.2 2, 10.3 4, 10.4 11, 10.5 5, 10.6 2,
    10.7 3, 11.1 2, 11.2 3, 11.3 3, 11.4 4, 11.5 1, 11.6 1, 12.1 3, 12.2 2, 12.3 4,
    13.1 1, 13.2 5, 13.3 2, 13.4 5, 14.1 2, 14.2 4, 14.3 3, 15.1 3, 15.2 3, 15.3 7,
    16.1 1, 16.2 5, 16.3 4, 16.4 3, 16.5 3, 17.1 1, 17.2 4, 17.3 2
"""
REQUIREMENTS = [
    f"{section}.{number}"
    for section, count in (pair.split() for pair in SECTIONS.split(","))
    for number in range(1, int(count) + 1)
]


def test_every_requirement_has_one_row():
    named = [number.strip() for row in ROWS for number in row[0].split(",")]

    assert sorted(named) == sorted(REQUIREMENTS)


def test_the_totals_match_the_rows():
    states = ["met", "partly", "not met", "n/a"]
    counts = dict.fromkeys(states, 0)
    for row in ROWS:
        counts[row[2].strip("*")] += len(row[0].split(","))

    sums = " | ".join(str(counts[state]) for state in states)
    assert f"| {len(REQUIREMENTS)} | {sums} |" in PAGE


def test_every_row_names_evidence_or_a_reason():
    bad = [f"{len(row)} cells: {row}" for row in ROWS if len(row) != 5]
    for row in (row for row in ROWS if len(row) == 5):
        state, where, evidence = row[2:]
        if not (where or evidence):
            bad.append(f"{row[0]}: nothing says where or what shows it")
        elif state != "met" and not where:
            bad.append(f"{row[0]} is {state!r}, and nothing says why")

    assert bad == []


NAMED = re.compile(r"`([\w./-]+)::([^`]+)`")


def test_every_met_requirement_names_its_evidence():
    """Evidence is a test, code or chapter as file::name, and exists."""
    bad = [
        f"{row[0]} is met, and names nothing that shows it"
        for row in ROWS
        if row[2] == "met" and not NAMED.search(" ".join(row[3:]))
    ]
    bad += [
        f"{path}::{name} does not exist"
        for path, name in sorted(set(NAMED.findall(PAGE)))
        if not is_there(path, name)
    ]

    assert bad == []


def is_there(path: str, name: str) -> bool:
    """Return whether a file has a function, class, constant or text of this name."""
    file = ROOT / path
    text = file.read_text() if file.is_file() else ""
    if file.suffix != ".py":
        return name in text.replace("\n ", " ")
    word = re.escape(name)
    definition = rf"^\s*(async )?(def|class) {word}\b|^{word}\b.*="
    return bool(re.search(definition, text, re.MULTILINE))


@pytest.mark.parametrize(
    ("path", "name", "exists"),
    [
        ("tests/docs/test_security.py", "is_there", True),
        ("tests/docs/test_security.py", "is_ther", False),
        ("tests/docs/test_security.py", "NAMED", True),
        ("tests/docs/no_such.py", "is_there", False),
        ("docs/security.md", "Cryptography", True),
        ("docs/security.md", "Alchemy", False),
    ],
)
def test_names_are_looked_up_in_their_files(path, name, exists):
    assert is_there(path, name) is exists


PATHS = re.compile(
    r"(?:`|\]\()((?:\.\./)?[\w.-]+(?:/[\w.-]+)*\.(?:py|md|txt|yaml|js|html|toml))[`)#]"
)


def test_every_named_file_exists():
    named = set(PATHS.findall(PAGE))
    places = (ROOT, ROOT / "docs")

    missing = {name for name in named if not any((p / name).exists() for p in places)}
    assert missing == set()
