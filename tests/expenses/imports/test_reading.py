"""Recognition of files by their content, and refusals."""

import gzip
import io
import zipfile
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expenses.imports import limits, zips
from expenses.imports.reading import encoding_samples, read
from smartbudget.core.errors import InvalidError
from smartbudget.core.i18n import override

TODAY = date(2026, 11, 30)
CSV = b"Date,Text,Amount\n2026-11-03,a,-3.50\n"


def statement(content):
    return read(content, currency="EUR", today=TODAY)


def zip_of(files, method=zipfile.ZIP_DEFLATED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return file.getvalue()


def refusal(content):
    with pytest.raises(InvalidError) as caught:
        statement(content)
    return str(caught.value)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "The file is empty."),
        (b" \r\n\t\n", "The file is empty."),
        (b"\xef\xbb\xbf", "The file is empty."),
        (b"%PDF-1.7\n\xe2\xe3", "This is a PDF."),
        (b"\n%PDF-1.7", "This is a PDF."),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "This is an Excel file."),
        (zip_of({"xl/workbook.xml": "", "[Content_Types].xml": ""}), "a spreadsheet"),
        (zip_of({"content.xml": "", "mimetype": ""}), "a spreadsheet"),
        (b"{\\rtf1\\ansi", "This is a text document."),
        (b"<!DOCTYPE html><html><table>", "This is actually a web page"),
        (b"<html><body>", "This is actually a web page"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF\x00", "Line 1 contains characters"),
        (gzip.compress(CSV, mtime=1), "Line 1 contains characters"),
        (b"<?xml version='1.0'?><a/>", "no account statement"),
        (b"hello", "No row of this file"),
        (b"Date,Text,Amount\n", "No row of this file"),
    ],
)
def test_what_is_no_statement_is_refused(content, reason):
    assert reason in refusal(content)


def test_a_refusal_of_a_pdf_says_what_to_do():
    assert "download your transactions as CSV" in refusal(b"%PDF-1.7")
    with override("de"):
        assert "als CSV, OFX oder CAMT" in refusal(b"%PDF-1.7")


def test_files_have_a_limited_size():
    content = CSV + b"\n" * (limits.MAX_BYTES - len(CSV))

    assert "larger than 5 MB" not in refusal(content)
    assert "larger than 5 MB" in refusal(content + b"\n")


# Zips


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_zip_with_one_statement_is_read(method):
    content = zip_of({"a/": "", "a/b.csv": CSV, "__MACOSX/a/._b.csv": "x"}, method)

    assert statement(content).rows == statement(CSV).rows


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (zip_of({}), "The zip contains no files."),
        (zip_of({"a/": "", "a/.DS_Store": "x"}), "The zip contains no files."),
        (zip_of({"a.zip": zip_of({"a.csv": CSV})}), "contains another zip"),
        (zip_of({"a.csv": CSV}, zipfile.ZIP_LZMA), "The zip can't be read"),
        (zip_of({"a.csv": CSV})[:40], "The zip can't be read"),
        (b"PK\x03\x04", "The zip can't be read"),
        (zip_of({"a.pdf": b"%PDF-1.4"}), "This is a PDF"),
        (zip_of({"a.csv": b"\n" * limits.MAX_BYTES + CSV}), "larger than 5 MB"),
        (
            zip_of({str(number): "" for number in range(zips.MAX_FILES + 1)}),
            "too many files",
        ),
    ],
)
def test_other_zips_are_refused(content, reason):
    assert reason in refusal(content)


def test_a_zip_with_a_password_is_refused():
    content = bytearray(zip_of({"a.csv": CSV}))
    content[content.index(b"PK\x01\x02") + 8] |= 1  # encrypted
    content[6] |= 1

    assert "The zip can't be read" in refusal(bytes(content))


def test_a_damaged_zip_is_refused():
    content = bytearray(zip_of({"a.csv": CSV}, zipfile.ZIP_STORED))
    content[content.index(b"a,-3.50")] ^= 1  # its checksum is now wrong

    assert "The zip can't be read" in refusal(bytes(content))


@given(st.binary(max_size=200), st.sampled_from([b"", b"PK\x03\x04", b"{", b"["]))
def test_any_file_is_read_or_refused(content, start):
    try:
        rows = statement(start + content).rows
    except InvalidError as error:
        rows = [error]

    assert rows


@given(st.text("0123,;.-/\"'\n DateBetrag{}[]:€", max_size=200))
def test_any_text_is_read_or_refused(text):
    try:
        rows = statement(text.encode()).rows
    except InvalidError as error:
        rows = [error]

    assert rows


def test_a_guess_of_the_encoding_is_part_of_how_a_file_was_read():
    text = "Date,Text,Amount\n2026-11-03,Müller,-3.50\n"
    guessed = read(text.encode("cp1252"), currency="EUR", today=TODAY).mapping
    assert (guessed["encoding"], guessed["encoding_guessed"]) == ("cp1252", True)
    zipped = zip_of({"a.csv": text.encode("cp1252")})
    assert read(zipped, currency="EUR", today=TODAY).mapping["encoding_guessed"]
    assert encoding_samples(zipped) == encoding_samples(text.encode("cp1252"))
    assert encoding_samples(zipped)["cp1252"] == ["Müller"]
    for content, chosen in ((text.encode(), {}), (text.encode("cp1252"), guessed)):
        mapping = read(content, currency="EUR", today=TODAY, mapping=chosen).mapping
        assert "encoding_guessed" not in mapping
