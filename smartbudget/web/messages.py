"""Messages for the next page, in a signed cookie, with links and an Undo button.

add_success(request, "Deleted 3 expenses.", undo=reverse("expenses:undo", ...))
"""

from typing import Any
from urllib.parse import parse_qs, urlencode

from django.contrib import messages
from django.contrib.messages.storage.base import Message
from django.contrib.messages.storage.cookie import CookieStorage
from django.http import HttpRequest

from smartbudget.core.config import config


class MessageStorage(CookieStorage):
    """Django's cookie storage, bound to this host over HTTPS like the other cookies."""

    cookie_name = "messages" if config.local else "__Host-messages"


def add_success(
    request: HttpRequest, text: Any, *, undo: str = "", edit: str = ""
) -> None:
    """Add a message of success.

    undo: the path that undoes what it is about with a POST, or "". edit: that of the
    page that edits it, or "".
    """
    actions = {"undo": undo, "edit": edit}
    given = {name: path for name, path in actions.items() if path}
    messages.success(request, text, extra_tags=urlencode(given))


def with_counts(sentence: str, *counts: tuple[int, str]) -> str:
    """Return a sentence, followed by the templates of the numbers that are not zero.

    with_counts("Deleted 3 expenses.", (gone, "{number} had been deleted before."))
    """
    more = [template.format(number=number) for number, template in counts if number]
    return " ".join([sentence, *more])


def actions_of(message: Message) -> dict[str, str]:
    """Return the `undo` and `edit` paths of a message, or "" if it has none."""
    given = parse_qs(message.extra_tags or "")
    return {name: given.get(name, [""])[0] for name in ("undo", "edit")}
