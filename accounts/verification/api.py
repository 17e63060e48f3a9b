"""The API of verified addresses."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.verification import services
from accounts.verification.serializers import VerificationOutput
from smartbudget.web.api import ApiView


class VerificationView(ApiView):
    scope = "account"

    @extend_schema(
        operation_id="send_verification",
        request=None,
        responses={200: VerificationOutput, 409: None},
    )
    def post(self, request: Request) -> Response:
        """Send the link that confirms the e-mail address again.

        It replaces earlier links. Nothing is sent if no address is to be confirmed.
        """
        return Response({"sent_to": services.send_again(request.user)})
