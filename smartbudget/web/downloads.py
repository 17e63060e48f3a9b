"""Responses that stream a file while it is created."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.http import StreamingHttpResponse
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

ZIP = "application/zip"
JSON = "application/json"
CSV = "text/csv"


class FixedFormat(BaseContentNegotiation):
    """Content negotiation for views with one media type: `Accept` is ignored.

    Errors are JSON.
    """

    def select_parser(self, request: Request, parsers: Sequence[Any]) -> Any:
        return parsers[0]

    def select_renderer(
        self,
        request: Request,
        renderers: Sequence[BaseRenderer],
        format_suffix: str | None = None,
    ) -> tuple[BaseRenderer, str]:
        return renderers[0], str(renderers[0].media_type)


def download(
    chunks: Iterator[bytes], file_name: str, content_type: str
) -> StreamingHttpResponse:
    """Return a response that streams a file; an error while streaming truncates it.

    file_name: ASCII.
    """
    headers = {"Content-Disposition": f'attachment; filename="{file_name}"'}
    if content_type == ZIP:
        headers["Content-Encoding"] = "identity"  # so that GZipMiddleware skips it
    return StreamingHttpResponse(chunks, content_type=content_type, headers=headers)
