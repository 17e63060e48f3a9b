"""The API's browsable pages: forms with an example, and what was typed kept."""

import json
import re
from typing import Any

from rest_framework.renderers import BrowsableAPIRenderer
from rest_framework.request import Request, override_method

JSON = "application/json"
_KEY = re.compile(r"<\w+:(\w+)>")


class BrowsableRenderer(BrowsableAPIRenderer):
    """DRF's, with the schema's examples, and HTML forms for what takes files.

    JSON is typed as such: the API accepts no other forms. After an error it is still
    there. A view's `form_input` is the serializer of its form with a file.
    """

    def get_raw_data_form(
        self, data: Any, view: Any, method: str, request: Request
    ) -> Any:
        """Return the form for JSON, filled in with what was typed or an example."""
        form = super().get_raw_data_form(data, view, method, request)
        if form is None or not any(each.media_type == JSON for each in _parsers(view)):
            return None
        form.fields["_content_type"].choices = [(JSON, JSON)]
        typed = getattr(request, "typed", None) if request.method == method else None
        form.fields["_content"].initial = typed or _example(request, method)
        return form

    def get_rendered_html_form(
        self, data: Any, view: Any, method: str, request: Request
    ) -> Any:
        """Return the form of fields for an upload, with the texts that were typed."""
        if method in {"DELETE", "OPTIONS"}:
            return super().get_rendered_html_form(data, view, method, request)
        if method != "POST" or not hasattr(view, "form_input"):
            return None
        with override_method(view, request, method) as asked:
            if not self.show_form_for_method(view, method, asked, None):
                return None
        form = view.form_input()
        if request.method == method:
            for name in {*form.fields} & {*request.data} - {*request.FILES}:
                form.fields[name].initial = request.data[name]
        return self.render_form_for_serializer(form)


def _parsers(view: Any) -> Any:
    return view.parser_classes


def _example(request: Request, method: str) -> str | None:
    """Return the example of a request's body, as the schema has it."""
    from smartbudget.web.docs import document  # DRF loads this before its own views

    path = "/" + _KEY.sub(r"{\1}", request.resolver_match.route)
    operation = document()["paths"].get(path, {}).get(method.lower(), {})
    body = operation.get("requestBody", {}).get("content", {}).get(JSON)
    return json.dumps(body["example"], indent=4, ensure_ascii=False) if body else None
