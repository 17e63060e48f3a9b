import codecs
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expenses.imports.encoding import (
    ENCODINGS,
    SAMPLE_LENGTH,
    SAMPLES,
    decode,
    is_guess,
    samples,
)
from smartbudget.core.errors import InvalidError

GERMAN = "Datum;Text;Betrag\n03.11.2026;Müller & Söhne, 5 € Übertrag;-12,50\n"
XML = '<?xml version="1.0" encoding="ISO-8859-15"?><a>5 € für Müller</a>'
OFX = "OFXHEADER:100\nDATA:OFXSGML\nENCODING:USASCII\nCHARSET:1250\n\n<NAME>Kč Žižka"


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (GERMAN.encode(), "utf-8"),
        (codecs.BOM_UTF8 + GERMAN.encode(), "utf-8"),
        (codecs.BOM_UTF16_LE + GERMAN.encode("utf-16-le"), "utf-16-le"),
        (codecs.BOM_UTF16_BE + GERMAN.encode("utf-16-be"), "utf-16-be"),
        (codecs.BOM_UTF32_LE + GERMAN.encode("utf-32-le"), "utf-32-le"),
        (GERMAN.encode("utf-16-le"), "utf-16-le"),
        (GERMAN.encode("utf-16-be"), "utf-16-be"),
        (GERMAN.encode("cp1252"), "cp1252"),
    ],
)
def test_encodings_are_recognized(content, encoding):
    assert decode(content, {}) == (GERMAN, encoding)


@pytest.mark.parametrize(
    ("text", "python", "encoding"),
    [(XML, "iso8859-15", "iso8859-15"), (OFX, "cp1250", "cp1250")],
)
def test_a_declared_encoding_is_used(text, python, encoding):
    assert decode(text.encode(python), {}) == (text, encoding)


def test_utf_8_wins_over_a_declared_encoding():
    assert decode(XML.encode(), {}) == (XML, "utf-8")


@pytest.mark.parametrize("end", [b"\0", b"\0" * 100, b"\x1a", b"\x1a\0\0"])
@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_zero_bytes_at_the_end_are_ignored(end, encoding):
    assert decode(GERMAN.encode(encoding) + end, {}) == (GERMAN, encoding)


@pytest.mark.parametrize("name", ["zlib", "unicode_escape", "idna", "nothing", "1"])
def test_odd_declared_encodings_are_ignored(name):
    text = f'<?xml version="1.0" encoding="{name}"?><a>Müller</a>'

    assert decode(text.encode("cp1252"), {}) == (text, "cp1252")


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (codecs.BOM_UTF8 + b"a\nb\nc\xfc", 3),  # of UTF-8 by its mark
        ("Müller\nSöhne\n".encode() + b"Stra\xdfe", 3),  # damaged UTF-8
        (b"Stra\xdfe\r\nx\x81", 2),  # no character of cp1252
        (b"Stra\xdfe\rx\x81", 2),
        (GERMAN.encode("utf-16-le")[:-1], 2),  # cut in half
        (codecs.BOM_UTF16_BE + GERMAN.encode("utf-16-be")[:-1], 2),
        (codecs.BOM_UTF16_LE + b"\n\x00\x3d\xd8", 2),  # half a pair
        (b"a;b\nc\x00d;e\n", 2),
        (b"GIF89a\x00\x00\x01\x00\xff\xfe", 1),
    ],
)
def test_what_cannot_be_decoded_is_refused_with_its_line(content, line):
    with pytest.raises(InvalidError, match=rf"^Line {line} contains characters"):
        decode(content, {})


def test_a_chosen_encoding_is_used():
    content = "Kč Žižka".encode("cp1250")

    assert decode(content, {})[0] == "Kè \u017di\u017eka"
    assert decode(content, {"encoding": "cp1250"}) == ("Kč Žižka", "cp1250")


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_each_choice_exists(encoding):
    assert decode("abc".encode(encoding), {"encoding": encoding})[0] == "abc"


@pytest.mark.parametrize("encoding", ["zlib", "rot13", "utf-7", 8, ["utf-8"]])
def test_other_encodings_cannot_be_chosen(encoding):
    with pytest.raises(InvalidError, match="Choose another encoding"):
        decode(b"abc", {"encoding": encoding})


@pytest.mark.parametrize(
    ("content", "is_guessed"),
    [
        (GERMAN.encode("cp1252"), True),
        (GERMAN.encode(), False),
        (codecs.BOM_UTF16_LE + GERMAN.encode("utf-16-le"), False),
        (b"abc", False),
        (XML.encode("iso8859-15"), False),
        (XML.replace("ISO-8859-15", "windows-1252").encode("cp1252"), False),
        (OFX.replace("1250", "1252").replace("č Ž", "é z").encode("cp1252"), False),
        (OFX.replace("1250", "NONE").encode("cp1250"), True),
    ],
)
def test_the_usual_encoding_is_a_guess_unless_the_file_declares_it(content, is_guessed):
    _text, encoding = decode(content, {})

    assert is_guess(content, encoding, {}) == is_guessed
    assert not is_guess(content, "cp1252", {"encoding": "cp1252"})


def test_samples_show_how_a_file_looks_in_each_encoding():
    content = "x;Žižkov;-1\ny;abc;-2\nz;Čeština Kč;-3\n".encode("cp1250")

    shown = samples(content)

    assert shown["cp1250"] == ["Žižkov", "Čeština Kč"]
    assert shown["cp1252"] == ["Žižkov", "Èeština Kè"]
    assert next(iter(shown)) == "cp1252"
    assert "utf-8" not in shown


def test_encodings_that_look_the_same_are_shown_once():
    shown = samples("x;Müller;-1\n".encode("cp1252"))

    texts = [tuple(one) for one in shown.values()]
    assert len({*texts}) == len(texts)
    assert not {"iso8859-15", "cp1250", "cp1254"} & {*shown}
    euro = samples("x;5 €;-1\n".encode("iso8859-15"))
    assert (euro["cp1252"], euro["iso8859-15"]) == (["5 ¤"], ["5 €"])


def test_samples_have_the_most_different_letters():
    rows = [f"{n};Müller {n};-1" for n in range(10)]
    content = "\n".join([*rows, "x;Ärger über Öl;-1", "y;Straße;-1"]).encode("cp1252")

    assert samples(content)["cp1252"] == ["Ärger über Öl", "Straße"]


def test_samples_are_few_and_short():
    cell = "a" * 100 + "ü" + "b" * 100
    rows = "\n".join(f"{cell};{letter}" for letter in "äöüßéèê")

    [first, *more] = samples(rows.encode("cp1252")).values()

    assert len(first) <= SAMPLES
    assert more
    assert all(len(text) <= SAMPLE_LENGTH for text in first)
    assert any("ü" in text for text in first)


def test_a_file_of_ascii_has_no_samples():
    assert samples(b"a;b;c\n") == {}


@given(st.binary(max_size=300))
def test_any_bytes_have_samples_in_encodings_that_read_them(content):
    for encoding, texts in samples(content).items():
        assert content.decode(encoding)
        assert 1 <= len(texts) <= SAMPLES


MARKS = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE, codecs.BOM_UTF8)
MARKS += (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@given(st.sampled_from((*MARKS, b"")), st.binary(max_size=300))
def test_any_bytes_are_decoded_exactly_or_refused(mark, body):
    content = mark + body
    with contextlib.suppress(InvalidError):
        text, encoding = decode(content, {})

        encoded = text.encode(encoding)
        assert any(
            content.startswith(start + encoded)
            and not content.removeprefix(start + encoded).strip(b"\0\x1a")
            for start in (*MARKS, b"")
        )
