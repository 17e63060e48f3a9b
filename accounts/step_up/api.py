"""The API of step-up."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import session_cookie
from accounts.factors.serializers import PasskeyOptionsOutput
from accounts.step_up import serializers, services
from smartbudget.web.api import ApiView


class ConfirmView(ApiView):
    scope = "session"
    methods_without_body = ("POST",)

    @extend_schema(
        operation_id="confirm_session",
        request=serializers.ConfirmInput,
        responses={204: None},
    )
    def post(self, request: Request) -> Response:
        """Confirm the session with the password or a passkey, for ten minutes.

        Needed before a request that was answered with 403 `step_up_required`.
        """
        data = self.parse(serializers.ConfirmInput)
        key = session_cookie.session_key(request._request) or ""
        if "passkey" in data:
            services.confirm_with_passkey(request.user, key, **data)
        else:
            services.confirm(request.user, key, **data)
        return Response(status=204)


class PasskeyOptionsView(ApiView):
    scope = "session"

    @extend_schema(
        operation_id="begin_passkey_confirmation",
        request=None,
        responses={200: PasskeyOptionsOutput, 409: None},
    )
    def post(self, request: Request) -> Response:
        """Get the options to confirm the session with a passkey."""
        return Response({"options": services.passkey_options(request.user)})
