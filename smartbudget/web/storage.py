"""Sign download URLs for files in the bucket, valid for an hour."""

from urllib.parse import quote

from django.core.files.storage import default_storage

URL_SECONDS = 3600


def download_url(key: str, file_name: str, content_type: str) -> str:
    """Return a signed URL that downloads a file under a name.

    Always as an attachment with the validated type, so that no browser renders it as a
    page.
    """
    parameters = {
        "ResponseContentDisposition": _attachment(file_name),
        "ResponseContentType": content_type,
    }
    url: str = default_storage.url(key, parameters=parameters, expire=URL_SECONDS)
    return url


def _attachment(file_name: str) -> str:
    """Return a Content-Disposition (RFC 6266), with an ASCII name for old clients."""
    plain = file_name.encode("ascii", "replace").decode().replace("?", "_")
    plain = plain.replace("\\", "_").replace('"', "_")
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(file_name, '')}"
