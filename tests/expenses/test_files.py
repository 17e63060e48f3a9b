"""Which files are receipts, and what is taken out of them."""

import base64
import contextlib
import hashlib
import io
import tempfile

import pytest

from expenses import files
from smartbudget.core.errors import InvalidError
from tests.expenses import pictures
from tests.expenses.pictures import PDF, picture

LIMIT = 10 * 1024 * 1024


opened = contextlib.ExitStack()


@pytest.fixture(autouse=True)
def _closing():
    with opened:
        yield


def check(content, name="receipt.jpg", declared_type="", sha256=None, *, on_disk=False):
    file = io.BytesIO()
    if on_disk:
        file = opened.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
    file.write(content)
    return files.check(file, name=name, declared_type=declared_type, sha256=sha256)


def refusal(content, name="receipt.jpg", declared_type=""):
    with pytest.raises(InvalidError) as caught:
        check(content, name, declared_type)
    assert caught.value.field == "file"
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("a.jpg", picture(), "image/jpeg"),
        ("A.JPEG", picture(progressive=True), "image/jpeg"),
        ("a.b.png", picture("PNG"), "image/png"),
        ("a.gif", pictures.film(), "image/gif"),
        ("a.pdf", PDF, "application/pdf"),
        ("a.pdf", PDF + b"\r\n\0", "application/pdf"),
    ],
)
@pytest.mark.parametrize("on_disk", [False, True])
def test_sound_files_are_kept_as_they_came(name, content, kind, on_disk):
    receipt = check(content, name, kind, on_disk=on_disk)

    assert receipt.file.read() == content
    assert receipt.content_type == kind
    assert receipt.ext == name.rpartition(".")[2].lower()
    assert receipt.sha256 == hashlib.sha256(content).hexdigest()
    assert receipt.size_bytes == len(content)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("page.jpg", pictures.HTML),
        ("page.pdf", pictures.HTML),
        ("drawing.png", pictures.SVG),
        ("archive.gif", pictures.archive()),
        ("archive.pdf", pictures.archive()),
        ("picture.png", picture()),
        ("picture.jpg", PDF),
        ("text.pdf", b"Lunch 12.50"),
        ("text.jpg", b"\xff\xd8\xff but no more"),
        ("picture.gif", b"GIF89a"),
        ("old.pdf", b"%PDF-1.4 and nothing else"),
    ],
)
def test_what_is_not_what_its_name_says_is_refused(name, content):
    refusal(content, name)


@pytest.mark.parametrize(
    "name", ["receipt.svg", "receipt.html", "receipt", "jpg", "receipt.jpg.exe", ""]
)
def test_other_extensions_are_refused(name):
    assert refusal(picture(), name) == files.WRONG_KIND


@pytest.mark.parametrize("declared", ["text/html", "image/png", "application/pdf"])
def test_another_declared_type_is_refused(declared):
    assert refusal(picture(), "receipt.jpg", declared) == files.WRONG_KIND


@pytest.mark.parametrize(
    "declared", ["image/jpeg; q=1", "IMAGE/JPG", "", "application/octet-stream"]
)
def test_spellings_and_silence_are_taken(declared):
    assert check(picture(), "receipt.jpg", declared).content_type == "image/jpeg"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jpg", picture(size=(900, 900))),
        ("a.jpg", picture(size=(900, 900), progressive=True)),
        ("a.png", picture("PNG", size=(900, 900))),
        ("a.gif", picture("GIF", size=(900, 900))),
        ("a.gif", pictures.film()),
        ("a.pdf", PDF),
    ],
)
@pytest.mark.parametrize("share", [0.3, 0.7, 0.99])
def test_what_is_cut_off_is_refused(name, content, share):
    assert refusal(content[: int(len(content) * share)], name)


@pytest.mark.parametrize("share", [0.4, 0.8])
def test_a_damaged_png_is_refused(share):
    content = bytearray(picture("PNG", size=(300, 300)))
    content[int(len(content) * share)] ^= 0xFF

    assert refusal(bytes(content), "a.png") == files.BROKEN


@pytest.mark.parametrize("form", ["PNG", "GIF"])
def test_bombs_are_refused(form):
    bomb = pictures.bomb(form)

    assert len(bomb) < LIMIT / 10
    assert "pixels" in refusal(bomb, f"bomb.{form.lower()}")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jpg", picture() + pictures.archive()),
        ("a.gif", picture("GIF") + pictures.archive()),
        ("a.pdf", PDF + pictures.archive()),
        ("a.png", picture("PNG") + pictures.HTML),
        ("a.gif", picture("GIF") + pictures.HTML),
        ("a.pdf", PDF + pictures.HTML),
        ("a.pdf", pictures.HTML + PDF),
    ],
)
def test_two_files_in_one_are_refused(name, content):
    refusal(content, name)


@pytest.mark.parametrize("on_disk", [False, True])
def test_what_follows_a_photo_does_not_stay(on_disk):
    photo = picture()
    preview = picture(exif=pictures.located_exif())

    kept = check(photo + preview, on_disk=on_disk).file.read()

    assert kept == photo


def test_an_empty_file_is_refused():
    assert refusal(b"") == "The file is empty."


def test_the_limit_is_taken_and_one_byte_more_is_not():
    assert check(pictures.of_size(LIMIT), "a.pdf", on_disk=True).size_bytes == LIMIT
    assert refusal(pictures.of_size(LIMIT + 1), "a.pdf") == files.TOO_LARGE


@pytest.mark.parametrize("form", ["hex", "base64"])
def test_a_checksum_is_verified(form):
    digest = hashlib.sha256(PDF)
    told = digest.hexdigest().upper()
    if form == "base64":
        told = base64.b64encode(digest.digest()).decode()

    assert check(PDF, "a.pdf", sha256=told).sha256 == digest.hexdigest()
    for wrong in ("0" * 64, "nonsense", ""):
        with pytest.raises(InvalidError) as caught:
            check(PDF, "a.pdf", sha256=wrong)
        assert caught.value.field == "sha256"


@pytest.mark.parametrize(("name", "form"), [("a.jpg", "JPEG"), ("a.png", "PNG")])
@pytest.mark.parametrize("on_disk", [False, True])
def test_the_place_is_gone_and_the_rest_is_as_it_came(name, form, on_disk):
    content = picture(form, exif=pictures.located_exif())
    assert pictures.place_of(content)

    receipt = check(content, name, on_disk=on_disk)

    kept = receipt.file.read()
    assert pictures.place_of(kept) == {}
    assert pictures.pixels_of(kept) == pictures.pixels_of(content)
    assert len(kept) == len(content)
    assert b"2026:03:18 12:00:00" in kept
    assert b"Maker" in kept
    assert receipt.sha256 == hashlib.sha256(kept).hexdigest()
    assert check(kept, name).sha256 == receipt.sha256


def test_a_photo_without_a_place_keeps_every_byte():
    exif = pictures.Image.Exif()
    exif[0x0112] = 6
    content = picture(exif=exif.tobytes())

    assert check(content).file.read() == content


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
@pytest.mark.parametrize(
    "block", [b"II*\0\x08\0\0\0\xff\xff", b"nonsense", b"", b"MM\0*\xff\xff\xff\xff"]
)
def test_exif_that_cannot_be_followed_goes(block):
    content = pictures.with_segment(picture(), b"Exif\0\0" + block)

    kept = check(content).file.read()

    assert b"Exif\0\0" + bytes(len(block)) in kept
    assert pictures.pixels_of(kept) == pictures.pixels_of(content)


def test_a_place_in_xmp_goes():
    name = b"http://ns.adobe.com/xap/1.0/\0"
    packet = b"<x:xmpmeta><exif:GPSLatitude>52,30N</exif:GPSLatitude></x:xmpmeta>"
    jpeg = pictures.with_segment(picture(), name + packet)
    png = pictures.with_chunk(
        picture("PNG"), b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + packet
    )

    assert b"52,30N" not in check(jpeg).file.read()
    assert b"52,30N" not in check(png, "a.png").file.read()
