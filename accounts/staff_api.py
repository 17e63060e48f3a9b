"""What staff see of the service and its users, as an API."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import staff
from accounts.serializers import LockInput, PartOutput, PersonOutput, WhomInput
from smartbudget.core import health
from smartbudget.web.api import ApiView


class HealthView(ApiView):
    scope = "session"

    @extend_schema(operation_id="get_health", responses=PartOutput(many=True))
    def get(self, request: Request) -> Response:
        """Ask each part of AWS how it is; for staff."""
        staff.require_staff(request.user)
        return Response(PartOutput(health.check(), many=True).data)


class FindUserView(ApiView):
    scope = "session"

    @extend_schema(
        operation_id="find_user",
        request=WhomInput,
        responses={200: PersonOutput, 404: None},
    )
    def post(self, request: Request) -> Response:
        """Find a user by the whole username, e-mail address or user_id; for staff."""
        data = WhomInput(data=request.data)
        data.is_valid(raise_exception=True)
        person = staff.find_user(request.user, data.validated_data["whom"])
        return Response(PersonOutput(person).data)


class UserView(ApiView):
    scope = "session"

    @extend_schema(operation_id="get_user", responses=PersonOutput)
    def get(self, request: Request, user_id: str) -> Response:
        """Show a user: no address, and nothing of what they record; for staff."""
        return Response(PersonOutput(staff.get_user(request.user, user_id)).data)


class LockView(ApiView):
    scope = "session"

    @extend_schema(
        operation_id="lock_user",
        request=LockInput,
        responses={200: PersonOutput, 409: None},
    )
    def post(self, request: Request, user_id: str) -> Response:
        """Let a user no longer log in, and end all sessions; for staff."""
        data = LockInput(data=request.data)
        data.is_valid(raise_exception=True)
        person = staff.lock(request.user, user_id, **data.validated_data)
        return Response(PersonOutput(person).data)


class UnlockView(ApiView):
    scope = "session"

    @extend_schema(
        operation_id="unlock_user", request=None, responses={200: PersonOutput}
    )
    def post(self, request: Request, user_id: str) -> Response:
        """Let a user log in again; for staff."""
        return Response(PersonOutput(staff.unlock(request.user, user_id)).data)
