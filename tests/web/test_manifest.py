"""The web app manifest."""

import io

from PIL import Image

from tests.builders import client_for


def fetch(address):
    answer = client_for().get(address)
    assert answer.status_code == 200
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    answer.close()
    return answer, body


def test_the_manifest_is_public_and_linked_by_pages():
    answer, _ = fetch("/manifest.webmanifest")

    assert answer.headers["Content-Type"] == "application/manifest+json"
    assert answer.json()["start_url"] == "/"
    assert b'<link rel="manifest" href="/manifest.webmanifest">' in fetch("/login")[1]


def test_each_icon_exists_in_the_size_the_manifest_declares():
    icons = fetch("/manifest.webmanifest")[0].json()["icons"]

    assert {"any", "maskable"} == {icon["purpose"] for icon in icons}
    for icon in icons:
        drawn = Image.open(io.BytesIO(fetch(icon["src"])[1]))
        assert icon["sizes"] == "{}x{}".format(*drawn.size)
