"""Pages that show the API's schema."""

from typing import Any

from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularSwaggerSplitView
from rest_framework.request import Request
from rest_framework.response import Response

from smartbudget.web.errors import TITLES


class DocsView(SpectacularSwaggerSplitView):
    """Swagger UI with its script in a request of its own, as the policy wants."""

    template_name = "docs.html"
    url_name = "schema"

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        response: Response = super().get(request, *args, **kwargs)
        response.data["codes"] = TITLES  # what a problem's `type` leads to
        return response
