"""Fonts of the PDF: any text prints correctly, or with a visible replacement."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reportlab.pdfbase import pdfmetrics

from reports import fonts

SCRIPTS = {
    "Latin": "Grüße, naïve café",
    "Cyrillic": "Продукты їжа",
    "Greek": "Ψώνια και γάλα",
    "Arabic": "مواصلات قهوة",
    "Hebrew": "מתנות לחג",
    "Chinese": "餐饮 和朋友吃饭 漢語",
    "Japanese": "東京でのランチ カタカナ",
    "Korean": "한국 식당",
    "Thai": "อาหาร",
    "Devanagari": "हिन्दी",
    "emoji": "🍕🎂🛒😀",
    "money": "€ £ ¥ ₹ ₽ ₺ –—…•",
}


def shows(run: fonts.Run) -> bool:
    glyphs = pdfmetrics.getFont(run.font).face.charToGlyph
    return all(ord(character) in glyphs for character in run.text)


@pytest.mark.parametrize("bold", [False, True])
@pytest.mark.parametrize("script", SCRIPTS)
def test_every_script_has_a_font(script, bold):
    runs = fonts.lay(SCRIPTS[script], bold=bold)

    assert all(shows(run) for run in runs)
    assert fonts.REPLACEMENT not in "".join(run.text for run in runs)


@pytest.mark.parametrize("bold", [False, True])
def test_characters_without_a_font_get_a_visible_replacement(bold):
    runs = fonts.lay("a\U0001fadf\ue000b", bold=bold)

    assert all(shows(run) for run in runs)
    assert "".join(run.text for run in runs) == f"a{fonts.REPLACEMENT * 2}b"


def test_right_to_left_text_is_reordered():
    (run,) = fonts.lay("שלום")

    assert run.text == "םולש"


def test_numbers_in_right_to_left_text_keep_their_order():
    text = "".join(run.text for run in fonts.lay("קפה 12.50 היום"))

    assert "12.50" in text
    assert text.startswith("םויה")


def test_arabic_letters_are_joined():
    (run,) = fonts.lay("قهوة")

    assert all("\ufe70" <= character <= "\ufeff" for character in run.text)


def test_family_emoji_show_their_members_without_joiners():
    text = "".join(run.text for run in fonts.lay("👨\u200d👩\u200d👧 ❤\ufe0f"))

    assert text == "👨👩👧 ❤"


def test_control_characters_become_spaces_and_direction_marks_are_removed():
    text = "".join(run.text for run in fonts.lay("a\x00b\x1b[0m\u202ec\nd"))

    assert text == "a b [0mcd".replace("cd", "c d")


def test_lines_break_at_spaces_and_fit():
    text = "one two three four five six seven"

    lines = fonts.wrap(text, 60, 9)

    assert " ".join(lines) == text
    assert len(lines) > 2
    assert all(fonts.width(line, 9) <= 60 for line in lines)


def test_a_long_word_is_broken():
    lines = fonts.wrap("餐" * 50, 100, 9)

    assert "".join(lines) == "餐" * 50
    assert all(fonts.width(line, 9) <= 100 for line in lines)


WORDS = st.lists(
    st.text(st.sampled_from("ilWm.1àЖψ餐🍕\u05e9\u0633\u0648"), min_size=1), min_size=1
)


@settings(deadline=None)  # the first text of a script loads its font
@given(words=WORDS, room=st.floats(20, 300), bold=st.booleans())
def test_any_text_is_broken_into_lines_that_fit_without_loss(words, room, bold):
    text = " ".join(words)

    lines = fonts.wrap(text, room, 9, bold=bold)

    joined = "".join(run.text for run in fonts.lay(text, bold=bold))
    shown = "".join(run.text for line in lines for run in fonts.lay(line, bold=bold))
    assert sorted(shown.replace(" ", "")) == sorted(joined.replace(" ", ""))
    for line in lines:
        assert len(line) == 1 or fonts.width(line, 9, bold=bold) <= room + 1e-6


@settings(deadline=None)  # the first text of a script loads its font
@given(words=WORDS, room=st.floats(20, 300), most=st.integers(1, 3))
def test_a_text_is_cut_after_the_most_lines_and_only_if_it_is_longer(words, room, most):
    text = " ".join(words)

    whole, lines = fonts.wrap(text, room, 9), fonts.wrap(text, room, 9, max_lines=most)

    assert len(lines) == min(most, len(whole))
    assert lines[-1].endswith("…") == (len(whole) > most)
    assert lines[:-1] == whole[: len(lines) - 1]


def test_text_that_does_not_fit_ends_in_an_ellipsis():
    (line,) = fonts.wrap("one two three four five six seven", 80, 9, max_lines=1)

    assert line.endswith("…")
    assert fonts.width(line, 9) <= 80


def test_empty_text_has_no_width():
    assert fonts.wrap("", 80, 9) == [""]
    assert fonts.wrap("\u200b", 80, 9) == [""]
    assert fonts.width("", 9) == 0


def test_all_digits_have_the_same_width():
    for bold in (False, True):
        assert len({fonts.width(figure, 9, bold=bold) for figure in "0123456789"}) == 1
