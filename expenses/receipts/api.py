"""The receipt API."""

from django.http import HttpRequest
from drf_spectacular.utils import extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from expenses import queries, services
from expenses.models import Expense
from expenses.receipts import uploads
from expenses.receipts.direct_uploads import URL_SECONDS
from expenses.receipts.serializers import (
    AnnouncementInput,
    AnnouncementOutput,
    ConfirmationInput,
    DownloadOutput,
    ReceiptInput,
    ReceiptOutput,
    checked,
)
from expenses.receipts.services import NoReceipt
from smartbudget.core.concurrency import RECEIPTS
from smartbudget.core.errors import NotFoundError
from smartbudget.core.i18n import gettext as _
from smartbudget.web import api, storage
from smartbudget.web.api import ApiView


class ReceiptUploadView(ApiView):
    parser_classes = (MultiPartParser,)
    form_input = ReceiptInput

    @extend_schema(
        operation_id="upload_receipt",
        request={"multipart/form-data": ReceiptInput},
        responses={201: ReceiptOutput, 404: None},
    )
    def post(self, request: Request) -> Response:
        """Attach a receipt to an expense, replacing an existing one."""
        with RECEIPTS.slot(request.user.user_id):
            data = self.parse(ReceiptInput)
            expense_id = data["expense_id"]
            queries.get_expense(request.user, expense_id)  # before the file is read
            receipt = checked(data["file"], data.get("sha256"))
            expense = services.edit_expense(request.user, expense_id, receipt=receipt)
        url = api.url_of(request, "receipt", expense_id)
        return Response(_representation(expense), status=201, headers={"Location": url})


class ReceiptView(ApiView):
    methods_without_body = ("DELETE",)

    @extend_schema(operation_id="get_receipt", responses=DownloadOutput)
    def get(self, request: Request, expense_id: str) -> Response:
        """Get a signed download URL for an expense's receipt, valid for one hour."""
        expense = with_receipt(request, expense_id)
        return Response(
            {
                "url": download_url(expense),
                "expires_in": URL_SECONDS,
                "file_name": expense.receipt_name,
                "content_type": expense.receipt_type,
            }
        )

    @extend_schema(operation_id="delete_receipt", responses={204: None})
    def delete(self, request: Request, expense_id: str) -> Response:
        """Remove an expense's receipt. The expense stays."""
        services.edit_expense(request.user, expense_id, receipt=NoReceipt())
        return Response(status=204)


class AnnouncementView(ApiView):
    @extend_schema(
        operation_id="announce_receipt",
        request=AnnouncementInput,
        responses={201: AnnouncementOutput},
    )
    def post(self, request: Request) -> Response:
        """Get a signed URL for uploading one file directly, valid for one hour.

        The URL accepts the announced file once. Uploads that are not confirmed within
        12 hours are deleted.
        """
        data = self.parse(AnnouncementInput)
        key, url, headers = uploads.create_presigned_upload(request.user, **data)
        body = {
            "url": url,
            "method": "PUT",
            "headers": headers,
            "key": key,
            "expires_in": URL_SECONDS,
        }
        return Response(body, status=201, headers={"Location": url})


class ConfirmationView(ApiView):
    @extend_schema(
        operation_id="confirm_receipt",
        request=ConfirmationInput,
        responses={200: ReceiptOutput, 404: None, 409: None},
    )
    def post(self, request: Request) -> Response:
        """Confirm a direct upload: check the file and attach it to an expense."""
        data = self.parse(ConfirmationInput)
        expense_id = data.get("expense_id")
        upload = uploads.complete_upload(request.user, data["key"], expense_id)
        return Response(
            {
                "expense_id": expense_id,
                "receipt_url": upload.key,
                "file_name": upload.file_name,
                "content_type": upload.content_type,
                "size_bytes": int(upload.size_bytes),
                "sha256": upload.sha256,
            }
        )


def with_receipt(request: Request | HttpRequest, expense_id: str) -> Expense:
    """Return an expense that has a receipt. Raises NotFoundError for any other."""
    expense = queries.get_expense(request.user, expense_id)
    if expense.receipt_url is None:
        raise NotFoundError(_("This expense has no receipt."))
    return expense


def download_url(expense: Expense) -> str:
    """Return a signed URL that downloads an expense's receipt."""
    return storage.download_url(
        expense.receipt_url, expense.receipt_name, expense.receipt_type
    )


def _representation(expense: Expense) -> dict[str, object]:
    return {
        "expense_id": expense.expense_id,
        "receipt_url": expense.receipt_url,
        "file_name": expense.receipt_name,
        "content_type": expense.receipt_type,
        "size_bytes": int(expense.receipt_size),
        "sha256": expense.receipt_sha256,
    }
