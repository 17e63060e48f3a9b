"""The pages that download a receipt and show its thumbnail."""

from django.core.files.storage import default_storage
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from expenses.receipts import validation
from expenses.receipts.api import download_url, with_receipt
from smartbudget.core.concurrency import THUMBNAILS
from smartbudget.core.errors import NotFoundError
from smartbudget.web import errors


@require_safe
def receipt(request: HttpRequest, expense_id: str) -> HttpResponse:
    """Redirect to the receipt, with a URL signed at each click."""
    return redirect(download_url(with_receipt(request, expense_id)))


@require_safe
def thumbnail(request: HttpRequest, expense_id: str) -> HttpResponse:
    expense = with_receipt(request, expense_id)
    drawn = None
    if expense.has_picture:
        with (
            THUMBNAILS.slot(request.user.user_id),
            default_storage.open(expense.receipt_url) as file,
        ):
            drawn = validation.thumbnail(file, expense.receipt_type)
    # The URL contains the receipt's checksum, so the response never changes.
    if drawn is None:
        missing = NotFoundError(_("This receipt has no thumbnail."))
        response = errors.response_or_raise(request, missing)
        response.headers["Cache-Control"] = "private, max-age=86400"
        return response
    headers = {"Cache-Control": "private, max-age=604800, immutable"}
    return HttpResponse(drawn, content_type="image/jpeg", headers=headers)
