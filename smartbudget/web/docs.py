"""Pages that show the API's schema."""

from drf_spectacular.views import SpectacularSwaggerSplitView


class DocsView(SpectacularSwaggerSplitView):
    """Swagger UI with its script in a request of its own, as the policy wants."""

    template_name = "docs.html"
    url_name = "schema"
