"""Texts in a CSV file: never a formula, with any delimiter."""

import csv
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expenses.export import with_formulas, without_formulas

INVISIBLE = "\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"
SIGNS = "=+-@\uff1d\uff0b\uff0d\uff20"
DELIMITERS = ",;|\t\n\r"
TEXTS = st.text(st.sampled_from(f"ab 1'\"{SIGNS}{DELIMITERS}{INVISIBLE}"), max_size=12)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("=1+1", "'=1+1"),
        (" =1+1", "' =1+1"),
        (";=1+1", ";'=1+1"),
        ("a;=1+1", "a;'=1+1"),
        ("a; =1+1", "a;' =1+1"),
        ("a,@SUM(A1)", "a,'@SUM(A1)"),
        ("a|-1", "a|'-1"),
        ("a\n+1", "a\n'+1"),
        ('a"=1', "a\"'=1"),
        ("a;\uff1d1", "a;'\uff1d1"),
        ("\u200b=1", "'\u200b=1"),
        ("a; \u200f\ufeff@SUM(A1)", "a;' \u200f\ufeff@SUM(A1)"),
        ("\ttab", "'\ttab"),
        ("'=1", "''=1"),
        ("a;'=1", "a;''=1"),
        ("'\ttab", "''\ttab"),
    ],
)
def test_no_part_after_a_delimiter_is_a_formula(text, written):
    assert without_formulas(text) == written


@pytest.mark.parametrize(
    "text", ["", "Café", "1+1=2", "a - b", "e-mail", "a; b", "x@example.com", "it's"]
)
def test_other_texts_are_unchanged(text):
    assert without_formulas(text) == text


@given(texts=st.lists(TEXTS, min_size=1, max_size=3))
def test_no_cell_is_a_formula_with_any_delimiter(texts):
    file = io.StringIO(newline="")
    csv.writer(file).writerow(["2026-03-18", *map(without_formulas, texts), "1.00"])
    for delimiter in DELIMITERS:
        # Without a closing quote at a cell's end, quotes are ordinary characters.
        for cell in file.getvalue().split(delimiter):
            for part in re.split(r"[\r\n]", cell):
                seen = re.sub(rf"^[\s{INVISIBLE}]+", "", part.strip('"'))
                assert not seen.startswith(tuple(SIGNS))


@given(text=TEXTS)
def test_only_apostrophes_are_inserted(text):
    assert without_formulas(text).replace("'", "") == text.replace("'", "")


@given(text=TEXTS)
def test_the_original_text_can_be_restored(text):
    assert with_formulas(without_formulas(text)) == text
