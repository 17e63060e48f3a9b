"""Pages that explain the API."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from drf_spectacular.views import SpectacularSwaggerSplitView

from smartbudget.web.problems import TITLES
from smartbudget.web.sessions import public


class DocsView(SpectacularSwaggerSplitView):
    """Swagger UI with its script in a request of its own, as the policy wants."""

    template_name = "docs.html"
    url_name = "schema"


@public
@require_safe
def show_errors(request: HttpRequest) -> HttpResponse:
    """Explain the codes of errors, where the `type` of each leads."""
    return render(request, "errors/codes.html", {"titles": TITLES})
