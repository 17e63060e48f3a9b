"""What every template knows."""

from typing import Any

from django.http import HttpRequest


def user(request: HttpRequest) -> dict[str, Any]:
    """Give templates the signed-in user, or None."""
    return {"user": getattr(request, "user", None)}
