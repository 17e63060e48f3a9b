"""Sign URLs that download stored reports."""

from reports.stored import StoredReport
from smartbudget.core import aws
from smartbudget.core.config import config

PDF = "application/pdf"


def download_url(key: str, seconds: int) -> str:
    """Return a signed URL that downloads a report without a session.

    seconds: for which it is valid, at most as long as the credentials that signed it.
    """
    url: str = aws.client("s3").generate_presigned_url(
        "get_object",
        Params={
            "Bucket": config.receipts_bucket,
            "Key": key,
            "ResponseContentType": PDF,
            "ResponseContentDisposition": (
                f'attachment; filename="{StoredReport(key).download_name}"'
            ),
        },
        ExpiresIn=seconds,
    )
    return url
