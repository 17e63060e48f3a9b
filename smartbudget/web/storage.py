"""Sign download URLs for files in the bucket, valid for an hour."""

from urllib.parse import quote

from django.core.files.storage import default_storage

URL_SECONDS = 3600


def download_url(key: str, file_name: str, content_type: str) -> str:
    """Return a signed URL that downloads a file under a name.

    Always as an attachment and as the type that was checked, so that no browser shows
    it as a page, whatever it holds.
    """
    parameters = {
        "ResponseContentDisposition": _attachment(file_name),
        "ResponseContentType": content_type,
    }
    url: str = default_storage.url(key, parameters=parameters, expire=URL_SECONDS)
    return url


def _attachment(file_name: str) -> str:
    """Write a Content-Disposition [RFC 6266]; old readers get an ASCII name."""
    plain = file_name.encode("ascii", "replace").decode().replace("?", "_")
    plain = plain.replace("\\", "_").replace('"', "_")
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(file_name, '')}"
