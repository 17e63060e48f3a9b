"""URLs of views that fail in various ways."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponse
from django.urls import include, path
from rest_framework.permissions import AllowAny
from rest_framework.response import Response

from smartbudget import urls
from smartbudget.core.errors import (
    AuthenticationError,
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    ThrottledError,
    UnavailableError,
)
from smartbudget.web.api import ApiView
from smartbudget.web.base_serializers import InputSerializer
from smartbudget.web.fields import (
    AmountField,
    DayField,
    FlagField,
    IdField,
    InstantField,
    TextField,
    WholeField,
)

ERRORS = {
    "invalid": InvalidError("Too small.", "amount"),
    "header": InvalidError("Too long.", "Idempotency-Key"),
    "odd": InvalidError("Too odd.", "a/b~c"),
    "plain": InvalidError("Too odd."),
    "authentication": AuthenticationError("Wrong."),
    "forbidden": ForbiddenError("Not yours to do."),
    "missing": NotFoundError("Not here."),
    "conflict": ConflictError("Taken.", "name"),
    "throttled": ThrottledError("Slow down.", 7),
    "unavailable": UnavailableError("Later."),
    "bug": RuntimeError("secret details"),
}


class Input(InputSerializer):
    text = TextField(max_length=5, required=False)
    note = TextField(lines=True, allow_blank=True, required=False)
    amount = AmountField(required=False)
    date = DayField(required=False)
    flag = FlagField(required=False)
    number = WholeField(required=False, max_value=9)
    at = InstantField(required=False)
    id = IdField(required=False)
    short = TextField(max_length=5, allow_blank=True, required=False)


class EchoView(ApiView):
    """Return the parsed body, as Python's repr."""

    authentication_classes = []
    permission_classes = [AllowAny]

    def post(self, request):
        values = self.parse(Input)
        return Response({name: repr(value) for name, value in values.items()})


class FailView(ApiView):
    authentication_classes = []
    permission_classes = [AllowAny]

    def get(self, request, name):
        raise ERRORS[name]

    post = delete = get


@login_not_required
def fail(request, name):
    raise ERRORS[name]


def private(request):
    return HttpResponse(request.user.username)


urlpatterns = [
    path("api/echo", EchoView.as_view()),
    path("api/fail/<name>", FailView.as_view()),
    path("fail/<name>", fail),
    path("private", private),
    path("", include(urls)),
]
handler400 = urls.handler400
handler403 = urls.handler403
handler404 = urls.handler404
handler500 = urls.handler500
