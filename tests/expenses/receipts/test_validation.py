"""Validation of receipt files, and removal of metadata."""

import base64
import contextlib
import hashlib
import io
import tempfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ImageCms

from expenses.receipts import validation
from smartbudget.core.errors import InvalidError
from tests.expenses.receipts import hostile, pictures
from tests.expenses.receipts.pictures import PDF, picture

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
    return validation.check(file, name=name, declared_type=declared_type, sha256=sha256)


def refusal(content, name="receipt.jpg", declared_type=""):
    with pytest.raises(InvalidError) as caught:
        check(content, name, declared_type)
    assert caught.value.field == "file"
    return str(caught.value)


SOUND = [
    ("a.jpg", picture(), "image/jpeg"),
    ("A.JPEG", picture(progressive=True), "image/jpeg"),
    ("a.jfif", picture(), "image/jpeg"),
    ("a.jpe", picture(), "image/jpeg"),
    ("a.pjpeg", picture("JPEG", size=(1, 1)), "image/jpeg"),
    ("a.jpg", pictures.gray("JPEG"), "image/jpeg"),
    ("a.b.png", picture("PNG"), "image/png"),
    ("a.png", pictures.gray_of_16_bits(), "image/png"),
    (
        "a.png",
        hostile.png(size=(3, 3), interlaced=1, data=hostile.zeros(1)),
        "image/png",
    ),
    ("a.png", hostile.apng(3), "image/png"),
    ("a.gif", pictures.film(), "image/gif"),
    ("a.webp", picture("WEBP"), "image/webp"),
    ("a.webp", picture("WEBP", lossless=True), "image/webp"),
    ("a.webp", pictures.film("WEBP"), "image/webp"),
    ("a.pdf", PDF, "application/pdf"),
    ("a.pdf", PDF + b"\r\n\0", "application/pdf"),
]


@pytest.mark.parametrize(("name", "content", "kind"), SOUND)
@pytest.mark.parametrize("on_disk", [False, True])
def test_valid_files_are_stored_unchanged(name, content, kind, on_disk):
    receipt = check(content, name, kind, on_disk=on_disk)

    assert receipt.file.read() == content
    assert receipt.content_type == kind
    assert receipt.ext == name.rpartition(".")[2].lower()
    assert receipt.sha256 == hashlib.sha256(content).hexdigest()
    assert receipt.size_bytes == len(content)


# ------------------------------------------------------------- type and name


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("page.jpg", pictures.HTML),
        ("page.pdf", pictures.HTML),
        ("drawing.png", pictures.SVG),
        ("archive.gif", pictures.archive()),
        ("archive.pdf", pictures.archive()),
        ("text.pdf", b"Lunch 12.50"),
        ("photo.heic", hostile.HEIC.replace(b"heic", b"avif")),
        ("sound.webp", b"RIFF\4\0\0\0WAVE"),
    ],
)
def test_other_file_types_are_rejected(name, content):
    assert refusal(content, name) == validation.WRONG_KIND


@pytest.mark.parametrize(
    ("content", "name", "extension"),
    [
        (picture("PNG"), "photo.jpg", "photo.png"),
        (picture(), "photo.png", "photo.jpg"),
        (PDF, "scan.jpg", "scan.pdf"),
        (picture(), "blob", "blob.jpg"),
        (picture("WEBP"), "", "receipt.webp"),
        (PDF, "Invoice 12.2026", "Invoice 12.2026.pdf"),
        (picture(), ".jpg", "receipt.jpg"),
        (picture(), "IMG_1.JPG", "IMG_1.jpg"),
        (picture(), "page.html", "page.html.jpg"),
        (picture(), "../x/receipt.jpg.exe", "receipt.jpg.exe.jpg"),
        (hostile.HEIC, "IMG_0001.HEIC", "IMG_0001.jpg"),
    ],
)
def test_the_content_determines_the_extension(content, name, extension):
    receipt = check(content, name)

    assert receipt.name == extension
    assert receipt.ext == extension.rpartition(".")[2]


@pytest.mark.parametrize("declared", ["image/png", "application/pdf", "IMAGE/HEIF"])
@pytest.mark.parametrize("name", ["receipt.jpg", "blob"])
def test_a_declared_type_that_contradicts_the_content_is_rejected(declared, name):
    assert refusal(picture(), name, declared) == validation.WRONG_KIND


@pytest.mark.parametrize(
    "declared",
    [
        *("image/jpeg; q=1", "IMAGE/JPG", "image/pjpeg", ""),
        *("application/octet-stream", "binary/octet-stream", "application/x-pdf"),
        *("text/html", "nonsense", "image/*"),
    ],
)
def test_unknown_declared_types_are_ignored(declared):
    assert check(picture(), "receipt.jpg", declared).content_type == "image/jpeg"


def test_a_type_guessed_from_the_name_is_not_a_contradiction():
    receipt = check(picture("PNG"), "screenshot.jpg", "image/jpeg")

    assert (receipt.content_type, receipt.name) == ("image/png", "screenshot.png")


# ------------------------------------------------------------ damaged and hostile


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jpg", picture(size=(900, 900))),
        ("a.jpg", picture(size=(900, 900), progressive=True)),
        ("a.png", picture("PNG", size=(900, 900))),
        ("a.gif", picture("GIF", size=(900, 900))),
        ("a.gif", pictures.film()),
        ("a.webp", picture("WEBP", size=(900, 900))),
        ("a.heic", hostile.HEIC),
    ],
)
@pytest.mark.parametrize("share", [0.3, 0.7, 0.99])
def test_a_truncated_image_is_rejected(name, content, share):
    assert (
        refusal(content[: int(len(content) * share)], name) == validation.BROKEN_PICTURE
    )


@pytest.mark.parametrize("share", [0.3, 0.7])
def test_a_truncated_pdf_is_rejected(share):
    assert refusal(PDF[: int(len(PDF) * share)], "a.pdf") == validation.BROKEN_PDF


@pytest.mark.parametrize(
    "content", [b"\xff\xd8\xff but no more", b"GIF89a", b"\x89PNG\r\n\x1a\n"]
)
def test_an_image_header_alone_is_rejected(content):
    assert refusal(content) == validation.BROKEN_PICTURE


@pytest.mark.parametrize("share", [0.4, 0.8])
def test_a_damaged_png_is_rejected(share):
    content = bytearray(picture("PNG", size=(300, 300)))
    content[int(len(content) * share)] ^= 0xFF

    assert refusal(bytes(content), "a.png") == validation.BROKEN_PICTURE


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(hostile.png(data=b""), id="no data"),
        pytest.param(
            hostile.png(data=hostile.zeros(1)[:500], size=(577, 577)), id="cut"
        ),
        pytest.param(hostile.png(size=(2, 2)), id="too few rows"),
        pytest.param(hostile.png(data=b"no zlib"), id="not compressed"),
        pytest.param(hostile.png(color=3, data=hostile.zeros(1)), id="no palette"),
        pytest.param(hostile.png(depth=3, data=hostile.zeros(1)), id="3 bits"),
        pytest.param(
            hostile.png(data=hostile.zlib.compress(b"\5\0\0\0")), id="odd filter"
        ),
        pytest.param(hostile.apng(3, announced=4), id="a frame is missing"),
        pytest.param(hostile.apng(3, first=1), id="begins at 1"),
        pytest.param(hostile.apng(3, step=2), id="leaves numbers out"),
        pytest.param(hostile.png((b"IHDR", bytes(13))), id="two headers"),
        pytest.param(hostile.png((b"ODDx", b"")), id="an unknown critical chunk"),
    ],
)
def test_a_png_that_browsers_cannot_decode_is_rejected(content):
    assert refusal(content, "a.png") == validation.BROKEN_PICTURE


@pytest.mark.parametrize("form", ["PNG", "GIF"])
def test_decompression_bombs_are_rejected(form):
    bomb = pictures.bomb(form)

    assert len(bomb) < LIMIT / 10
    assert "too many pixels" in refusal(bomb, f"bomb.{form.lower()}")


@pytest.mark.parametrize("name", hostile.REFUSED)
def test_a_hostile_file_is_rejected(name):
    message = refusal(hostile.REFUSED[name]())

    assert "too complex" in message or "too many pixels" in message


@pytest.mark.parametrize("name", hostile.CLEANED)
def test_hostile_data_around_a_valid_image_is_removed(name):
    receipt = check(hostile.CLEANED[name]())

    stored = receipt.file.read()
    if receipt.content_type != "application/pdf":
        assert pictures.pixels_of(stored)
        assert len(stored) < 1000 or b"GPS" not in stored


@pytest.mark.parametrize(
    ("make", "allowed", "more"),
    [
        (lambda n: hostile.jpeg_scans(n, (9, 9)), 58, 59),  # in addition to its six
        (hostile.jpeg_comments, 980, 1000),
        (hostile.apng, 1000, 1001),
        (hostile.gif, 1000, 1001),
        (hostile.gif_small_blocks, 99_998, 100_001),
        (lambda n: hostile.png(*[(b"tEXt", b"")] * n), 19_997, 20_000),
    ],
)
def test_values_at_the_bounds_are_accepted_and_more_is_rejected(make, allowed, more):
    assert check(make(allowed)).size_bytes
    assert refusal(make(more)) == validation.BROKEN_PICTURE


@pytest.mark.parametrize(
    ("content", "most"),
    [
        (hostile.jpeg_resized(9434), "89 megapixels"),
        (hostile.png_large(7072), "50 megapixels"),
        (hostile.gif(1, (4001, 4000)), "16 megapixels"),
        (hostile.webp_canvas(3606), "13 megapixels"),
        (hostile.LARGE_HEIC, "25 megapixels"),
    ],
)
def test_an_image_with_too_many_pixels_is_rejected_with_the_limit(content, most):
    assert most in refusal(content)


# ------------------------------------------------------ leading and trailing data


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jpg", picture()),
        ("a.png", picture("PNG")),
        ("a.gif", picture("GIF")),
        ("a.webp", picture("WEBP")),
    ],
)
@pytest.mark.parametrize(
    "more", [pictures.archive(), pictures.HTML, picture("PNG"), b"\0" * 100, b"\n"]
)
@pytest.mark.parametrize("on_disk", [False, True])
def test_data_after_an_image_is_removed(name, content, more, on_disk):
    assert check(content + more, name, on_disk=on_disk).file.read() == content


@pytest.mark.parametrize(
    "content",
    [
        b"\n\n\n\n" + PDF,
        b"\r\n" + PDF,
        b"\xef\xbb\xbf" + PDF,
        b"x" * 1024 + PDF,
        pictures.HTML + PDF,
        PDF + b"\r\n" * 2000,
        PDF + b"x" * 5000,
        PDF + pictures.archive(),  # such as hybrid PDFs of LibreOffice
        PDF.replace(b"%%EOF\n", b"%%EOF"),
        PDF.replace(b"%PDF-1.4", b"%PDF-2.0"),
        pictures.LOCKED_PDF,
    ],
)
def test_a_readable_pdf_is_stored_unchanged(content):
    assert check(content, "a.pdf", "application/pdf").file.read() == content


def test_a_pdf_with_leading_data_is_rejected():
    assert refusal(b"x" * 1025 + PDF, "a.pdf") == validation.WRONG_KIND


def test_an_empty_file_is_rejected():
    assert refusal(b"") == "The file is empty."


def test_a_file_at_the_limit_is_accepted_and_one_byte_more_rejected():
    assert check(pictures.of_size(LIMIT), "a.pdf", on_disk=True).size_bytes == LIMIT
    assert refusal(pictures.of_size(LIMIT + 1), "a.pdf") == validation.TOO_LARGE


@pytest.mark.parametrize("form", ["hex", "base64"])
def test_a_checksum_is_verified(form):
    digest = hashlib.sha256(PDF)
    checksum = digest.hexdigest().upper()
    if form == "base64":
        checksum = base64.b64encode(digest.digest()).decode()

    assert check(PDF, "a.pdf", sha256=checksum).sha256 == digest.hexdigest()
    for wrong in ("0" * 64, "nonsense", ""):
        with pytest.raises(InvalidError) as caught:
            check(PDF, "a.pdf", sha256=wrong)
        assert caught.value.field == "sha256"


@pytest.mark.parametrize(
    ("name", "form"), [("a.jpg", "JPEG"), ("a.png", "PNG"), ("a.webp", "WEBP")]
)
@pytest.mark.parametrize("on_disk", [False, True])
def test_the_location_is_removed_and_the_rest_is_unchanged(name, form, on_disk):
    content = picture(form, exif=pictures.located_exif())
    assert pictures.place_of(content)

    receipt = check(content, name, on_disk=on_disk)

    stored = receipt.file.read()
    assert pictures.place_of(stored) == {}
    assert pictures.pixels_of(stored) == pictures.pixels_of(content)
    assert b"2026:03:18 12:00:00" in stored
    assert b"Maker" in stored
    assert receipt.sha256 == hashlib.sha256(stored).hexdigest()
    assert check(stored, name).sha256 == receipt.sha256


def test_a_photo_without_a_location_is_unchanged():
    exif = pictures.Image.Exif()
    exif[0x0112] = 6
    content = picture(exif=exif.tobytes())

    assert check(content).file.read() == content


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
@pytest.mark.parametrize(
    "block", [b"II*\0\x08\0\0\0\xff\xff", b"nonsense", b"", b"MM\0*\xff\xff\xff\xff"]
)
def test_malformed_exif_is_removed(block):
    content = pictures.with_segment(picture(), b"Exif\0\0" + block)

    stored = check(content).file.read()

    assert b"Exif" not in stored
    assert pictures.pixels_of(stored) == pictures.pixels_of(content)


def test_a_location_in_xmp_is_removed():
    name = b"http://ns.adobe.com/xap/1.0/\0"
    packet = b"<x:xmpmeta><exif:GPSLatitude>52,30N</exif:GPSLatitude></x:xmpmeta>"
    jpeg = pictures.with_segment(picture(), name + packet)
    png = pictures.with_chunk(
        picture("PNG"), b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + packet
    )

    assert b"52,30N" not in check(jpeg).file.read()
    assert b"52,30N" not in check(png, "a.png").file.read()


def test_locations_in_iptc_and_comments_are_removed():
    photo = picture()
    iptc = b"Photoshop 3.0\08BIM\4\4\0\0\0\0\0\x0c\x1c\2\x5a\0\6Berlin"
    tagged = pictures.with_segment(photo, iptc, marker=0xED)
    tagged = pictures.with_segment(tagged, b"Taken in Berlin", marker=0xFE)
    png = pictures.with_chunk(picture("PNG"), b"tEXt", b"Comment\0Berlin")

    assert check(tagged).file.read() == photo
    assert check(png, "a.png").file.read() == picture("PNG")


def test_colors_and_orientation_are_kept():
    exif = pictures.Image.Exif()
    exif[0x0112] = 6
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for form in ("JPEG", "PNG", "WEBP"):
        content = picture(form, exif=exif.tobytes(), icc_profile=profile)
        stored = check(content, "a").file.read()

        with pictures.Image.open(io.BytesIO(stored)) as image:
            assert image.info["icc_profile"] == profile
            assert image.getexif()[0x0112] == 6


@pytest.mark.parametrize("on_disk", [False, True])
def test_a_heic_becomes_a_jpeg_without_location(on_disk):
    receipt = check(hostile.HEIC, "IMG_1.HEIC", "image/heic", on_disk=on_disk)

    stored = receipt.file.read()
    assert (receipt.name, receipt.ext) == ("IMG_1.jpg", "jpg")
    assert receipt.content_type == "image/jpeg"
    assert receipt.size_bytes == len(stored)
    assert receipt.sha256 == hashlib.sha256(stored).hexdigest()
    with pictures.Image.open(io.BytesIO(stored)) as image:
        assert (image.format, sorted(image.size)) == ("JPEG", [48, 64])
        assert image.getexif()[0x010F] == "Maker"
    assert pictures.place_of(stored) == {}
    assert check(stored).sha256 == receipt.sha256


@given(sound=st.sampled_from(SOUND), at=st.integers(0), value=st.integers(0, 255))
@settings(max_examples=60, deadline=None)
def test_any_changed_byte_gives_a_receipt_or_an_error_message(sound, at, value):
    name, content, _ = sound
    changed = bytearray(content)
    changed[at % len(content)] = value

    with contextlib.suppress(InvalidError):
        receipt = check(bytes(changed), name)
        stored = receipt.file.read()
        assert check(stored, name).sha256 == receipt.sha256
        assert validation.thumbnail(io.BytesIO(stored), receipt.content_type) != b""
