"""The staff API."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from notifications.serializers import WhichInput
from smartbudget.core import health
from smartbudget.web.api import ApiView
from staff import dead_letters, failed_notifications, reset_links, users
from staff.dead_letters import REDRIVE_SECONDS, for_seconds
from staff.serializers import (
    DeadLettersOutput,
    FailedPage,
    LockInput,
    MatchesOutput,
    PartOutput,
    PersonOutput,
    RedriveOutput,
    ResendOutput,
    ResetLinkInput,
    ResetLinkOutput,
    SearchInput,
    WhomInput,
)
from staff.user_search import search_users


class HealthView(ApiView):
    scope = "session"

    @extend_schema(operation_id="get_health", responses=PartOutput(many=True))
    def get(self, request: Request) -> Response:
        """Check the health of each AWS service (staff)."""
        users.require_staff(request.user)
        return self.represent_all(PartOutput, health.check())


class FindUserView(ApiView):
    scope = "session"

    @extend_schema(
        operation_id="find_user",
        request=WhomInput,
        responses={200: PersonOutput, 404: None},
    )
    def post(self, request: Request) -> Response:
        """Find a user by full username, e-mail address or user_id (staff)."""
        data = self.parse(WhomInput)
        person = users.find_user(request.user, data["whom"])
        return self.represent(PersonOutput, person)


class SearchUsersView(ApiView):
    scope = "session"

    @extend_schema(
        operation_id="search_users", request=SearchInput, responses={200: MatchesOutput}
    )
    def post(self, request: Request) -> Response:
        """Search users by part of a username or the start of an address (staff)."""
        matches = search_users(request.user, **self.parse(SearchInput))
        return self.represent(MatchesOutput, matches)


class UserView(ApiView):
    scope = "session"

    @extend_schema(operation_id="get_user", responses=PersonOutput)
    def get(self, request: Request, user_id: str) -> Response:
        """Get a user, without personal data (staff)."""
        return self.represent(PersonOutput, users.get_user(request.user, user_id))


class LockView(ApiView):
    scope = "session"

    @extend_schema(
        operation_id="lock_user",
        request=LockInput,
        responses={200: PersonOutput, 409: None},
    )
    def post(self, request: Request, user_id: str) -> Response:
        """Lock a user: block login and end all sessions (staff)."""
        data = self.parse(LockInput)
        person = users.lock(request.user, user_id, **data)
        return self.represent(PersonOutput, person)


class UnlockView(ApiView):
    scope = "session"

    @extend_schema(
        operation_id="unlock_user", request=None, responses={200: PersonOutput}
    )
    def post(self, request: Request, user_id: str) -> Response:
        """Unlock a user (staff)."""
        return self.represent(PersonOutput, users.unlock(request.user, user_id))


class ResetLinkView(ApiView):
    scope = "session"
    holds_secret = True

    @extend_schema(
        operation_id="create_reset_link",
        request=ResetLinkInput,
        responses={200: ResetLinkOutput, 409: None},
    )
    def post(self, request: Request, user_id: str) -> Response:
        """Create a link with which a user can choose a new password (staff)."""
        data = self.parse(ResetLinkInput)
        link = reset_links.create(request.user, user_id, **data)
        return Response({"link": link})


class FailedView(ApiView):
    scope = "session"

    @extend_schema(operation_id="list_failed_notifications", responses=FailedPage)
    def get(self, request: Request) -> Response:
        """List failed notifications, newest first (staff)."""
        return self.represent(
            FailedPage, failed_notifications.list_failed(request.user)
        )


class ResendView(ApiView):
    scope = "session"

    @extend_schema(
        operation_id="resend_notifications",
        request=WhichInput,
        responses={200: ResendOutput, 404: None},
    )
    def post(self, request: Request) -> Response:
        """Send failed notifications again (staff). Repeat until none are left."""
        data = self.parse(WhichInput)
        if data.get("all"):
            result = failed_notifications.resend_all(request.user)
        else:
            result = failed_notifications.resend(request.user, data["ids"])
        return self.represent(ResendOutput, result)


class DeadLettersView(ApiView):
    scope = "session"

    @extend_schema(operation_id="count_dead_letters", responses=DeadLettersOutput)
    def get(self, request: Request) -> Response:
        """Count failed messages and failed scheduled runs (staff)."""
        depths = {
            "dead_letters": dead_letters.depth(request.user),
            "failed_events": dead_letters.failed_events(request.user),
        }
        return self.represent(DeadLettersOutput, depths)


class RedriveView(ApiView):
    scope = "session"

    @extend_schema(
        operation_id="redrive_dead_letters", request=None, responses=RedriveOutput
    )
    def post(self, request: Request) -> Response:
        """Retry the dead letters (staff). Repeat until none are left."""
        result = dead_letters.redrive(request.user, for_seconds(REDRIVE_SECONDS))
        return self.represent(RedriveOutput, result)
