"""What staff do about failed notifications and dead letters, as an API."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from notifications import dead_letters, staff
from notifications.serializers import (
    DeadLettersOutput,
    FailedPage,
    RedriveOutput,
    ResendOutput,
    WhichInput,
)
from smartbudget.web.api import ApiView
from smartbudget.web.requests import for_seconds

REDRIVE_SECONDS = 5


class FailedView(ApiView):
    scope = "session"

    @extend_schema(operation_id="list_failed_notifications", responses=FailedPage)
    def get(self, request: Request) -> Response:
        """List the failed notifications, newest first; for staff."""
        return Response(FailedPage(staff.list_failed(request.user)).data)


class ResendView(ApiView):
    scope = "session"

    @extend_schema(
        operation_id="resend_notifications",
        request=WhichInput,
        responses={200: ResendOutput, 404: None},
    )
    def post(self, request: Request) -> Response:
        """Send failed notifications again; repeat it while some are left."""
        data = WhichInput(data=request.data)
        data.is_valid(raise_exception=True)
        given = data.validated_data
        if given.get("all"):
            done = staff.resend_all(request.user)
        else:
            done = staff.resend(request.user, given["ids"])
        return Response(ResendOutput(done).data)


class DeadLettersView(ApiView):
    scope = "session"

    @extend_schema(operation_id="count_dead_letters", responses=DeadLettersOutput)
    def get(self, request: Request) -> Response:
        """Count the messages and the scheduled runs that failed; for staff."""
        found = {
            "dead_letters": dead_letters.depth(request.user),
            "failed_events": dead_letters.failed_events(request.user),
        }
        return Response(DeadLettersOutput(found).data)


class RedriveView(ApiView):
    scope = "session"

    @extend_schema(
        operation_id="redrive_dead_letters", request=None, responses=RedriveOutput
    )
    def post(self, request: Request) -> Response:
        """Have the dead letters tried again; repeat it while some are left."""
        done = dead_letters.redrive(request.user, for_seconds(REDRIVE_SECONDS))
        return Response(RedriveOutput(done).data)
