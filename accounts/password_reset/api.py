"""The API of password resets, for callers without a session."""

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import UnauthenticatedView
from accounts.password_reset import serializers, services
from smartbudget.web.client_ip import client_address


class PasswordResetView(UnauthenticatedView):
    @extend_schema(
        operation_id="request_password_reset",
        request=serializers.PasswordResetInput,
        responses={202: serializers.PasswordResetOutput, 409: None},
    )
    def post(self, request: Request) -> Response:
        """Send a link to reset a forgotten password."""
        data = self.parse(serializers.PasswordResetInput)
        services.request_link(
            data["username"], address=client_address(request._request)
        )
        detail = _("If we found your account, we sent a link to its e-mail address.")
        return Response({"detail": detail}, status=202)


class NewPasswordView(UnauthenticatedView):
    @extend_schema(
        operation_id="reset_password",
        request=serializers.NewPasswordInput,
        responses={200: serializers.NewPasswordOutput, 410: None},
    )
    def post(self, request: Request) -> Response:
        """Set a new password. Ends all sessions and API tokens."""
        data = self.parse(serializers.NewPasswordInput)
        services.reset(data["token"], data["new_password"])
        return Response({"detail": services.done_sentence()})
