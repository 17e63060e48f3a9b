"""Files that are made while they are being sent."""

from collections.abc import Iterator

from django.http import StreamingHttpResponse

ZIP = "application/zip"


def zip_response(chunks: Iterator[bytes], file_name: str) -> StreamingHttpResponse:
    """Send a zip as it is made; what goes wrong in the middle breaks the download off.

    file_name: ASCII.
    """
    return StreamingHttpResponse(
        chunks,
        content_type=ZIP,
        headers={
            "Content-Disposition": f'attachment; filename="{file_name}"',
            "Content-Encoding": "identity",  # compressed already: gzip leaves it alone
        },
    )
