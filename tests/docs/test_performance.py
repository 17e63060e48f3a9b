"""The pictures of docs/performance.md show the numbers of its tables."""

import re
from xml.etree import ElementTree

from benchmarks import plots

PAGE = plots.PAGE.read_text()


def test_each_picture_shows_the_tables():
    """After a change, run `python -m benchmarks.plots`."""
    stored = {path.name: path.read_text() for path in plots.FOLDER.iterdir()}

    assert stored == plots.pictures(PAGE)


def test_the_page_names_each_picture():
    named = set(re.findall(r"!\[[^]]+\]\(performance/(.+?)\)", PAGE))

    assert named == set(plots.pictures(PAGE))


def test_pictures_are_small_and_have_a_title_and_two_colour_schemes():
    for picture in plots.pictures(PAGE).values():
        assert ElementTree.fromstring(picture).find("{*}title") is not None
        assert "prefers-color-scheme: dark" in picture
        assert len(picture) < 8_000


def test_a_table_is_read_with_ranges_and_separators():
    rows = (
        "| page | a | b | c |",
        "| --- |",
        "| x | 33 to 36 | 1,042.5 | |",
        "| y | | 1 |",
    )

    assert plots.table("\n".join(rows), "page", 2) == {"x": [36, 1042.5]}
