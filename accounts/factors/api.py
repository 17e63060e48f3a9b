"""The API of the second factors; /login/second shares its URL with the page."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import UnauthenticatedView
from accounts.factors import second_step, serializers
from accounts.login_responses import login_response
from accounts.serializers import LoginOutput
from smartbudget.web.client_ip import client_address
from smartbudget.web.user_agent import device_of


class SecondStepView(UnauthenticatedView):
    @extend_schema(
        operation_id="complete_login",
        request=serializers.SecondStepInput,
        responses={200: LoginOutput, 401: None},
    )
    def post(self, request: Request) -> Response:
        """Complete a login with a second factor.

        The ticket from `/login` is valid for five minutes and begins one session. After
        ten wrong codes in 15 minutes, codes are refused for 15 minutes.
        """
        data = self.parse(serializers.SecondStepInput)
        login = second_step.complete(
            data.pop("ticket"),
            second_step.proof_of(**data),
            address=client_address(request._request),
            device=device_of(request._request),
        )
        return login_response(request, login, status=200)
