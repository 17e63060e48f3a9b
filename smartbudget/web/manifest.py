"""The web app manifest, which lets browsers install the site as an app."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, JsonResponse
from django.templatetags.static import static
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

ICONS = (
    ("icons/192.png", "192x192", "any"),
    ("icons/512.png", "512x512", "any"),
    ("icons/maskable.png", "512x512", "maskable"),
)


@login_not_required
@require_safe
def show(request: HttpRequest) -> JsonResponse:
    """Return the manifest, which contains the hashed names of icons."""
    icons = [
        {"src": static(name), "sizes": sizes, "type": "image/png", "purpose": purpose}
        for name, sizes, purpose in ICONS
    ]
    body = {
        "name": "Smart Budget Planner",
        "short_name": "Budget",
        "lang": get_language(),
        "description": _("Budgets, expenses and alerts you can rely on."),
        "id": "/",
        "start_url": "/",
        "display": "standalone",
        "background_color": "#ffffff",
        "theme_color": "#0b5f55",
        "icons": icons,
    }
    return JsonResponse(
        body,
        content_type="application/manifest+json",
        headers={"Cache-Control": "public, max-age=86400"},
    )
