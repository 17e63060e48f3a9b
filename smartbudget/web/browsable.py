"""The renderer of the browsable API, which fills forms with examples."""

import json
import re
from typing import Any

from rest_framework.renderers import BrowsableAPIRenderer
from rest_framework.request import Request, override_method

JSON = "application/json"
_KEY = re.compile(r"<\w+:(\w+)>")


class BrowsableRenderer(BrowsableAPIRenderer):
    """DRF's browsable pages, with the schema's examples and with forms for uploads.

    Other bodies are typed as JSON. After an error the form keeps its content. A view's
    `form_input` is the serializer of its upload form.
    """

    template = "browsable_api.html"

    def get_raw_data_form(
        self, data: Any, view: Any, method: str, request: Request
    ) -> Any:
        """Return the form for JSON, filled with the last input or an example."""
        form = super().get_raw_data_form(data, view, method, request)
        media_types = {parser.media_type for parser in view.parser_classes}
        if form is None or JSON not in media_types:
            return None
        form.fields["_content_type"].choices = [(JSON, JSON)]
        typed = getattr(request, "typed", None) if request.method == method else None
        form.fields["_content"].initial = typed or _example(request, method)
        return form

    def get_rendered_html_form(
        self, data: Any, view: Any, method: str, request: Request
    ) -> Any:
        """Return the form for an upload, filled with the last input except files."""
        if method in {"DELETE", "OPTIONS"}:
            return super().get_rendered_html_form(data, view, method, request)
        if method != "POST" or not hasattr(view, "form_input"):
            return None
        with override_method(view, request, method) as overridden:
            if not self.show_form_for_method(view, method, overridden, None):
                return None
        form = view.form_input()
        if request.method == method:
            for name in {*form.fields} & {*request.data} - {*request.FILES}:
                form.fields[name].initial = request.data[name]
        return self.render_form_for_serializer(form)


def _example(request: Request, method: str) -> str | None:
    """Return the schema's example of a request's body, or None."""
    from smartbudget.web.docs import document  # DRF loads this before its own views

    path = "/" + _KEY.sub(r"{\1}", request.resolver_match.route)
    operation = document()["paths"].get(path, {}).get(method.lower(), {})
    body = operation.get("requestBody", {}).get("content", {}).get(JSON)
    return json.dumps(body["example"], indent=4, ensure_ascii=False) if body else None
