"""The API's schema and documentation pages."""

import functools
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.permissions import AllowAny
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from smartbudget.core.config import config
from smartbudget.core.i18n import gettext
from smartbudget.core.user import AnonymousUser
from smartbudget.web import rate_limit
from smartbudget.web.api import ApiView
from smartbudget.web.problems import TITLES


class SchemaView(ApiView):
    """The OpenAPI schema in YAML or JSON, rendered once per process.

    drf-spectacular's view would render it for each request, in any `lang` and `version`
    and without a rate limit, which takes a tenth of a second each time.
    """

    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]
    renderer_classes = SpectacularAPIView.renderer_classes

    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponse:
        """Describe the API."""
        renderer: Any = type(request.accepted_renderer)
        # The docs send requests to this host, even if APP_URL is another.
        origin = request.build_absolute_uri("/").rstrip("/")
        rendered = _rendered(renderer).replace(config.app_url.encode(), origin.encode())
        return HttpResponse(rendered, content_type=renderer.media_type)


@functools.cache
def document() -> dict[str, Any]:
    """Return the API's schema, generated once per process."""
    with translation.override(settings.LANGUAGE_CODE):
        schema: dict[str, Any] = SchemaGenerator().get_schema(public=True)
        return schema


@functools.cache
def _rendered(renderer: type[BaseRenderer]) -> bytes:
    with translation.override(settings.LANGUAGE_CODE):
        rendered: bytes = renderer().render(document())
        return rendered


class IndexView(ApiView):
    """The URLs that can be read without an id."""

    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]

    @extend_schema(exclude=True)
    def get(self, request: Request) -> Response:
        """Return {operation: URL} of everything that can be read."""
        return Response(
            {
                item["get"]["operationId"]: request.build_absolute_uri(path)
                for path, item in document()["paths"].items()
                if "get" in item and "{" not in path
            }
        )


class DocsView(SpectacularSwaggerSplitView):
    """Swagger UI with its script in a separate file, as the content policy requires."""

    template_name = "docs.html"
    url_name = "schema"

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        rate_limit.count_page(request._request, AnonymousUser())


@login_not_required
@require_safe
def show_errors(request: HttpRequest) -> HttpResponse:
    """Render the page that explains error codes, to which `type` links."""
    titles = {code: gettext(title) for code, title in TITLES.items()}
    return render(request, "errors/codes.html", {"titles": titles})
