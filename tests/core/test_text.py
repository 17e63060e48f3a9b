"""Cleaning, comparison and search of texts."""

import functools
import sys
import unicodedata

import pytest
import regex
from hypothesis import example, given
from hypothesis import strategies as st

from smartbudget.core.errors import InvalidError
from smartbudget.core.text import casefold_key, search_key, validate_text

IGNORABLE = regex.compile(r"\p{Default_Ignorable_Code_Point}")
SPACE = regex.compile(r"\p{White_Space}")

ENGLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"
SCOTLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"
FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"


@functools.cache
def characters() -> list[str]:
    """Return all characters of Unicode."""
    return [chr(n) for n in range(sys.maxunicode + 1) if not 0xD800 <= n < 0xE000]


def folded_to(form: str) -> set[str]:
    """Return the characters whose comparison key is this text."""
    others = [character for character in characters() if character != "|"]
    forms = casefold_key("|".join(["", *others, ""])).split("|")[1:-1]
    return {
        character
        for character, folded in zip(others, forms, strict=True)
        if folded == form
    }


def test_exactly_the_ignorable_characters_of_unicode_are_ignored():
    assert folded_to("") == set(filter(IGNORABLE.match, characters()))


def test_exactly_the_white_space_of_unicode_compares_as_a_space():
    # str.isspace includes four control characters, which are rejected elsewhere.
    spaces = folded_to(" ") - set("\x1c\x1d\x1e\x1f")

    assert spaces == set(filter(SPACE.match, characters()))


@pytest.mark.parametrize(
    "other",
    [
        "Eating\u00a0out",
        "Eating  out",
        "Eating \u200bout",
        "EA\u00adTING\u2003OUT\ufeff",
        "\u2068Eating out\u2069",
        "\u3164Eating\u202f\u3000out",
        "E\ufe0fating \U000e0101out",
    ],
)
def test_texts_that_look_the_same_are_equal(other):
    assert casefold_key(other) == casefold_key("Eating out")


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("Eating out", "Eatingout"),
        ("m2", "m²"),
        ("A", "\uff21"),  # fullwidth characters look different
        ("Cafe", "Café"),
        (ENGLAND, SCOTLAND),
        (ENGLAND, "\U0001f3f4"),
    ],
)
def test_texts_that_look_different_are_not_equal(text, other):
    assert casefold_key(text) != casefold_key(other)


@given(st.text())
@example("ΐ")
@example("\u1f80\u0345")
@example("e\u034f\u0301")
def test_the_comparison_key_ignores_case_and_composition(text):
    key = casefold_key(text)

    assert casefold_key(key) == key
    for form in ("NFC", "NFD"):
        assert casefold_key(unicodedata.normalize(form, text)) == key
    assert casefold_key(text.casefold()) == key


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("  Eating \u00a0 out\u2003", "Eating out"),
        (FAMILY, FAMILY),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("\u2764\ufe0f Gifts", "\u2764\ufe0f Gifts"),
    ],
)
def test_a_name_keeps_its_characters_with_single_spaces(typed, stored):
    assert validate_text(typed, "category", min_length=1, max_length=50) == stored


@pytest.mark.parametrize(
    "typed", ["", " ", "\u200b", "\u00a0\u2060", "\u3164", "\ufe0f", "\U000e0020"]
)
def test_invisible_text_is_empty(typed):
    assert validate_text(typed, "description", max_length=500, lines=True) == ""
    with pytest.raises(InvalidError, match="empty"):
        validate_text(typed, "category", min_length=1, max_length=50)


@pytest.mark.parametrize("character", ["\t", "\n", "\x1c", "\x00", "\x85", "\ud800"])
def test_control_characters_are_rejected(character):
    with pytest.raises(InvalidError, match="Control"):
        validate_text(f"a{character}b", "category", min_length=1, max_length=50)


def test_lines_and_keys_keep_their_spaces():
    assert (
        validate_text("a \n  b", "description", max_length=9, lines=True) == "a \n  b"
    )
    assert (
        validate_text("a  b", "Idempotency-Key", max_length=9, verbatim=True) == "a  b"
    )


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("cafe", "Café"),
        ("CAFÉ", "cafe\u0301"),
        ("ol", "Øl"),
        ("lodz", "Łódź"),
        ("izmir", "İzmir"),
        ("strasse", "Straße"),
        ("STRASSE", "straße"),
        ("aether", "Æther"),
        ("елка", "Ёлка"),
        ("abc", "\uff21\uff22\uff23"),
        ("שלום", "שָׁלוֹם"),
        ("eating out", "Eating\u00a0 \u200bout"),
        ("ガス", "\uff76\uff9e\uff7d"),
    ],
)
def test_a_search_ignores_accents(words, text):
    assert search_key(words) in search_key(text)


@pytest.mark.parametrize(
    ("words", "text"), [("か", "が"), ("कि", "कु"), ("แม", "แม่"), ("oe", "ö")]
)
def test_a_mark_that_makes_a_different_letter_is_not_an_accent(words, text):
    assert search_key(words) != search_key(text)


@given(st.text())
def test_every_text_is_found_by_searching_for_itself(text):
    assert search_key(text) == search_key(search_key(text))
    assert search_key(casefold_key(text)) == search_key(text)
