"""Collect the URLs of all apps.

Each app's `urls.py` has up to three lists of `path(...)`, without a trailing slash
(RequestMiddleware accepts both forms) and, in `api`, without the prefix `api/`:

    pages = [path("expenses", views.list_expenses, name="list"), ...]
    api = [path("expenses", api.ExpenseList.as_view(), name="expenses"), ...]
    root = [path("", views.dashboard, name="dashboard")]

They are reversed as `expenses:list` (the app's name first), `api:expenses` (one
namespace for the whole API) and `dashboard`.
"""

import importlib

from django.core.exceptions import ImproperlyConfigured
from django.urls import URLPattern, include, path

from smartbudget.web import about, docs, errors, manifest

APPS = (
    "accounts",
    "expenses",
    "budgets",
    "notifications",
    "profiles",
    "reports",
    "staff",
)


def _collect() -> list[object]:
    api: list[URLPattern] = []
    collected: list[object] = []
    for app in APPS:
        module = importlib.import_module(f"{app}.urls")
        pages, root = getattr(module, "pages", []), getattr(module, "root", [])
        _check(app, [*pages, *root, *getattr(module, "api", [])])
        api += getattr(module, "api", [])
        collected += [*root, path("", include((pages, app)))]
    # First, since a request compares its path with each pattern before its own.
    return [path("api/", include((api, "api"))), *collected]


def _check(app: str, patterns: list[URLPattern]) -> None:
    for pattern in patterns:
        if str(pattern.pattern).endswith("/"):
            raise ImproperlyConfigured(
                f"{app}.urls: write {pattern.pattern!s} without its last slash."
            )


urlpatterns = [
    *_collect(),
    path("help", about.show_help, name="help"),
    path("privacy", about.show_privacy, name="privacy"),
    path("manifest.webmanifest", manifest.show, name="manifest"),
    path("api", docs.IndexView.as_view(), name="index"),
    path("api/schema", docs.SchemaView.as_view(), name="schema"),
    path("api/docs", docs.DocsView.as_view(), name="docs"),
    path("api/docs/errors", docs.show_errors, name="errors"),
]

handler400 = errors.bad_request
handler403 = errors.forbidden
handler404 = errors.not_found
handler500 = errors.server_error
