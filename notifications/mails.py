"""Render e-mails as text and HTML from the templates in templates/email.

They are Jinja2 templates, since the Lambdas have no Django.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from notifications.messages import NAME
from smartbudget.core.config import config
from smartbudget.core.i18n import current, gettext_noop, ngettext, override
from smartbudget.core.i18n import gettext as _

TEMPLATES = Path(__file__).resolve().parent.parent / "templates" / "email"

# Labels of the button, by the page that it opens.
_BUTTONS = {
    "accounts": gettext_noop("Change your password"),
    "budgets": gettext_noop("See your budgets"),
    "expenses": gettext_noop("See your expenses"),
    "notifications": gettext_noop("See your notifications"),
    "reports": gettext_noop("Open the report"),
}


@dataclass(frozen=True)
class Mail:
    """An e-mail: its subject, and its body as text and HTML."""

    subject: str
    text: str
    html: str


def notification(
    subject: str, message: str, unsubscribe_url: str, language: str
) -> Mail:
    """Render the e-mail of a notification.

    message: paragraphs separated by empty lines; if the last one is a link to this
    site, it becomes the button. language: the recipient's, as in the message.
    """
    paragraphs, link = _split(message)
    with override(language):
        return _render(
            "notification",
            subject,
            message=message.strip("\n"),
            paragraphs=paragraphs,
            preheader=paragraphs[0] if paragraphs else subject,
            link=link,
            button=_button(link),
            unsubscribe_url=unsubscribe_url,
        )


def account(
    subject: str,
    paragraphs: Sequence[str],
    language: str,
    *,
    link: str | None = None,
    button: str | None = None,
) -> Mail:
    """Render an e-mail about an account, such as a link to reset its password.

    The texts are in `language` already. link: a URL of this site, with `button` as its
    label.
    """
    with override(language):
        return _render(
            "account",
            subject,
            paragraphs=paragraphs,
            preheader=paragraphs[0],
            link=link,
            button=button,
        )


def security_notice(
    subject: str, message: str, language: str, not_me_link: str | None = None
) -> Mail:
    """Render the notification of a security event as an e-mail about the account.

    message, language: as in `notification`. not_me_link: replaces the last paragraph
    and the link by this one.
    """
    paragraphs, link = _split(message)
    with override(language):
        button = _button(link)
        if not_me_link:
            link, button = not_me_link, _("This wasn't me")
            paragraphs[-1] = _(
                "If this was you, you don't need to do anything. If not, the button"
                " logs out all devices, revokes all API tokens and sends you a link to"
                " choose a new password."
            )
    return account(subject, paragraphs, language, link=link, button=button)


def _split(message: str) -> tuple[list[str], str | None]:
    """Return the paragraphs of a message, and its link to this site or None."""
    paragraphs = [part.strip("\n") for part in message.split("\n\n") if part.strip()]
    link = paragraphs.pop() if paragraphs and _is_ours(paragraphs[-1]) else None
    return paragraphs, link


def _render(template: str, subject: str, **values: object) -> Mail:
    """Render the templates of an e-mail, in the current language."""
    always = {"subject": subject, "name": NAME, "language": current()}
    text, html = (
        _templates().get_template(f"{template}.{suffix}").render(**always, **values)
        for suffix in ("txt", "html")
    )
    return Mail(subject, text, html)


@functools.cache
def _templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.install_gettext_callables(  # type: ignore[attr-defined]
        _, ngettext, newstyle=True
    )
    return environment


def _is_ours(paragraph: str) -> bool:
    return paragraph.startswith(f"{config.app_url}/") and len(paragraph.split()) == 1


def _button(link: str | None) -> str:
    page = (link or "").removeprefix(f"{config.app_url}/").partition("/")[0]
    if page in _BUTTONS:
        return _(_BUTTONS[page])
    return _("Open {name}").format(name=NAME)
